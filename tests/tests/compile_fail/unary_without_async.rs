//! A unary method is a future.

use stubwright_tests::pb::squarerpc_service::{Message, SquareServiceServicer};
use stubwright::{Result, ServicerContext};

pub struct Squares;

impl SquareServiceServicer for Squares {
    fn square(
        &self,
        request: Message,
        _context: &ServicerContext,
    ) -> Result<Message> {
        Ok(request)
    }
}

fn main() {}

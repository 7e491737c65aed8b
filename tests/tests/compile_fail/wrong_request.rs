//! A method takes the request of its rpc.

use stubwright_tests::pb::squarerpc_service::{Message, SquareServiceServicer};
use stubwright::{Result, ServicerContext};

pub struct Squares;

impl SquareServiceServicer for Squares {
    async fn square(
        &self,
        request: f64,
        _context: &ServicerContext,
    ) -> Result<Message> {
        Ok(Message { message: request })
    }
}

fn main() {}

//! A client-streaming method takes a stream of requests.

use stubwright_tests::pb::squarerpc_service::{Message, SquareServiceServicer};
use stubwright::{Result, ServicerContext};

pub struct Squares;

impl SquareServiceServicer for Squares {
    async fn sum_square(
        &self,
        request: Message,
        _context: &ServicerContext,
    ) -> Result<Message> {
        Ok(request)
    }
}

fn main() {}

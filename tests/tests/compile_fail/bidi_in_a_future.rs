//! A bidirectional method is a stream, not a future of one.

use stubwright_tests::pb::squarerpc_service::{Message, SquareServiceServicer};
use stubwright::{RequestStream, Result, ServicerContext, Stream};

pub struct Squares;

impl SquareServiceServicer for Squares {
    async fn streamrange_square(
        &self,
        requests: RequestStream<Message>,
        _context: &ServicerContext,
    ) -> Result<impl Stream<Item = Result<Message>> + Send> {
        Ok(requests)
    }
}

fn main() {}

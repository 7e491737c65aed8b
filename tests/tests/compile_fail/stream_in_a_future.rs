//! A streaming method is a stream, not a future of one.

use stubwright_tests::pb::squarerpc_service::{Message, SquareServiceServicer};
use stubwright::{Result, ServicerContext, Stream, stream};

pub struct Squares;

impl SquareServiceServicer for Squares {
    async fn range_square(
        &self,
        request: Message,
        _context: &ServicerContext,
    ) -> Result<impl Stream<Item = Result<Message>> + Send> {
        Ok(stream(async move |mut responses| {
            responses.send(request).await;
            Ok(())
        }))
    }
}

fn main() {}

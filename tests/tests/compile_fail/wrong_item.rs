//! The items of a stream are results of the method's response.

use stubwright_tests::pb::squarerpc_service::{Message, SquareServiceServicer};
use stubwright::{Result, ServicerContext, Stream, stream};

pub struct Squares;

impl SquareServiceServicer for Squares {
    fn range_square(
        &self,
        request: Message,
        _context: &ServicerContext,
    ) -> impl Stream<Item = Result<f64>> + Send {
        stream(async move |mut responses| {
            responses.send(request.message).await;
            Ok(())
        })
    }
}

fn main() {}

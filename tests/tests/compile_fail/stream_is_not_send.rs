//! A stream moves between threads, so the values that it holds across an await must be `Send`.

use std::rc::Rc;

use stubwright_tests::pb::squarerpc_service::{Message, SquareServiceServicer};
use stubwright::{Result, ServicerContext, Stream, stream};

pub struct Squares;

impl SquareServiceServicer for Squares {
    fn range_square(
        &self,
        request: Message,
        _context: &ServicerContext,
    ) -> impl Stream<Item = Result<Message>> + Send {
        stream(async move |mut responses| {
            let factor = Rc::new(request.message);
            responses.send(Message { message: *factor }).await;
            responses.send(Message { message: *factor }).await;
            Ok(())
        })
    }
}

fn main() {}

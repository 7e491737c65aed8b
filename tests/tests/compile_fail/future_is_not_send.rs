//! A call moves between threads, so the values that its method holds across an await must be `Send`.

use std::rc::Rc;

use stubwright_tests::pb::squarerpc_service::{Message, SquareServiceServicer};
use stubwright::{Result, ServicerContext};

pub struct Squares;

impl SquareServiceServicer for Squares {
    async fn square(
        &self,
        request: Message,
        _context: &ServicerContext,
    ) -> Result<Message> {
        let factor = Rc::new(request.message);
        std::future::ready(()).await;
        Ok(Message {
            message: *factor * *factor,
        })
    }
}

fn main() {}

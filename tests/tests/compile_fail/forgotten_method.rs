//! With all methods required, a servicer must implement each. `bidi` is missing.

use stubwright_tests::all_required::required::{Message, RequiredServicer};
use stubwright::{RequestStream, Result, ServicerContext, Stream, stream};

pub struct Servicer;

impl RequiredServicer for Servicer {
    async fn unary(&self, request: Message, _context: &ServicerContext) -> Result<Message> {
        Ok(request)
    }

    fn server_stream(&self, request: Message, _context: &ServicerContext) -> impl Stream<Item = Result<Message>> + Send {
        stream(async move |mut responses| {
            responses.send(request).await;
            Ok(())
        })
    }

    async fn client_stream(&self, _requests: RequestStream<Message>, _context: &ServicerContext) -> Result<Message> {
        Ok(Message::default())
    }
}

fn main() {}

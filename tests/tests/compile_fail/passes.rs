//! All four signatures, with everything that they may borrow. This case compiles.

use stubwright::{RequestStream, Result, ServicerContext, Stream, stream};
use stubwright_tests::all_required::required::{Message, RequiredServicer};

pub struct Servicer(pub f64);

impl RequiredServicer for Servicer {
    async fn unary(&self, request: Message, _context: &ServicerContext) -> Result<Message> {
        Ok(Message {
            value: self.0 * request.value,
        })
    }

    fn server_stream(
        &self,
        request: Message,
        context: &ServicerContext,
    ) -> impl Stream<Item = Result<Message>> + Send {
        stream(async move |mut responses| {
            if context.is_active() {
                responses
                    .send(Message {
                        value: self.0 * request.value,
                    })
                    .await;
            }
            Ok(())
        })
    }

    async fn client_stream(
        &self,
        mut requests: RequestStream<Message>,
        _context: &ServicerContext,
    ) -> Result<Message> {
        Ok(requests.message().await?.unwrap_or_default())
    }

    fn bidi(
        &self,
        requests: RequestStream<Message>,
        _context: &ServicerContext,
    ) -> impl Stream<Item = Result<Message>> + Send {
        requests
    }
}

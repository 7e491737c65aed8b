//! A transparent proxy. It forwards calls of any method to another server, message by message in both directions,
//! with their metadata, status, deadline and cancellation. It never decodes a message.

use std::collections::BTreeSet;

use bytes::Bytes;
use stubwright::{
    Channel, GenericHandler, Raw, RequestStream, Result, Sender, ServicerContext, Stream,
    StreamingCall, stream,
};

/// Forwards calls over a channel.
#[derive(Clone, Debug)]
pub struct Proxy {
    channel: Channel,
}

impl Proxy {
    /// Creates a proxy for the server that `channel` leads to.
    pub fn new(channel: Channel) -> Proxy {
        Proxy { channel }
    }
}

impl GenericHandler for Proxy {
    fn call(
        &self,
        requests: RequestStream<Bytes>,
        context: &ServicerContext,
    ) -> impl Stream<Item = Result<Bytes>> + Send {
        stream(async move |responses| {
            // Every method is called as a bidirectional one, because the four kinds are the same on the wire. If the
            // stream of requests fails, the call is cancelled. If the caller cancels, this future is dropped, and
            // with it the call to the other server.
            let call = self
                .channel
                .stream_stream(context.method(), Raw, requests)
                .propagated(everything(context));
            answer(call, context, responses).await
        })
    }
}

/// Propagates the deadline and all metadata of a call.
fn everything(context: &ServicerContext) -> stubwright::Propagation {
    let keys: BTreeSet<&str> = context
        .invocation_metadata()
        .iter()
        .map(|(key, _)| key)
        .collect();
    let nothing = context.propagate();
    keys.into_iter().fold(nothing, |all, key| all.metadata(key))
}

/// Returns the other server's responses.
async fn answer(
    mut call: StreamingCall<Bytes>,
    context: &ServicerContext,
    mut responses: Sender<Bytes>,
) -> Result<()> {
    let initial = call.initial_metadata().await?;
    context.send_initial_metadata(initial.clone())?;
    while let Some(response) = call.message().await? {
        responses.send(response).await;
    }
    // The metadata of an error is part of its status.
    context.set_trailing_metadata(call.trailing_metadata().unwrap_or_default());
    Ok(())
}

//! A transparent proxy: it hands on calls of any method to another server, message by message in both directions, with their
//! metadata, status, deadline and cancellation, and never knows what is in a message.

use std::collections::BTreeSet;

use bytes::Bytes;
use stubwright::{
    Channel, GenericHandler, Raw, RequestStream, Result, Sender, ServicerContext, Stream,
    StreamingCall, stream,
};

/// Hands on calls over a channel.
#[derive(Clone, Debug)]
pub struct Proxy {
    channel: Channel,
}

impl Proxy {
    /// A proxy before the server that `channel` leads to.
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
            // Every method is called as if both of its sides were streams: on the wire the four kinds are the same. Requests
            // that break off cancel the call. When the caller cancels its own, all of this is dropped, and the call to the
            // other server with it.
            let call = self
                .channel
                .stream_stream(context.method(), Raw, requests)
                .propagated(everything(context));
            answer(call, context, responses).await
        })
    }
}

/// The deadline of a call and all of its metadata.
fn everything(context: &ServicerContext) -> stubwright::Propagation {
    let keys: BTreeSet<&str> = context
        .invocation_metadata()
        .iter()
        .map(|(key, _)| key)
        .collect();
    let nothing = context.propagate();
    keys.into_iter().fold(nothing, |all, key| all.metadata(key))
}

/// Hands back what the other server answers.
async fn answer(
    mut call: StreamingCall<Bytes, Bytes>,
    context: &ServicerContext,
    mut responses: Sender<Bytes>,
) -> Result<()> {
    let initial = call.initial_metadata().await?;
    context.send_initial_metadata(initial.clone())?;
    while let Some(response) = call.message().await? {
        responses.send(response).await;
    }
    // With an error its metadata comes in the status.
    context.set_trailing_metadata(call.trailing_metadata().unwrap_or_default());
    Ok(())
}

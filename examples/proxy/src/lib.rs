//! A transparent proxy: it hands on calls of any method to another server, message by message in both directions, with their
//! metadata, status, deadline and cancellation, and never knows what is in a message.

use std::collections::BTreeSet;
use std::future::pending;

use bytes::Bytes;
use stubwright::{
    Channel, GenericHandler, Raw, RequestStream, Result, Sender, ServicerContext, Status, Stream,
    StreamingCall, stream,
};
use tokio::sync::oneshot;

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
            let (requests, broken) = handed_on(requests);
            // Every method is called as if both of its sides were streams: on the wire the four kinds are the same.
            let call = self
                .channel
                .stream_stream(context.method(), Raw, requests)
                .propagated(everything(context));
            tokio::select! {
                Ok(status) = broken => Err(status),
                // When the caller cancels the call, all of this is dropped, and the call to the other server with it.
                result = answer(call, context, responses) => result,
            }
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

/// The requests on their way to the other server, and what ended them if they did not end well: requests that broke off must
/// not look there like requests that have ended.
fn handed_on(
    mut requests: RequestStream<Bytes>,
) -> (impl Stream<Item = Bytes> + Send, oneshot::Receiver<Status>) {
    let (sender, broken) = oneshot::channel();
    let requests = async_stream::stream! {
        loop {
            match requests.message().await {
                Ok(Some(request)) => yield request,
                Ok(None) => return,
                Err(status) => {
                    // A call that is over already does not hear it.
                    drop(sender.send(status));
                    return pending().await;
                }
            }
        }
    };
    (requests, broken)
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

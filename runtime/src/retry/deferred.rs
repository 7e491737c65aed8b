//! Calls that wait for the config of the channel.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use super::relay::Relay;
use crate::Status;
use crate::base::Outcome;
use crate::call::retry_buffer::Budget;
use crate::call::transport::{Transport, no_runtime};
use crate::call::{Exchange, unless_over};

/// Makes a call once the config is known. It uses a second exchange, because the details of an exchange cannot change. The
/// windows of its streams are `window` bytes or more.
pub(super) fn defer(
    transport: Arc<dyn Transport>,
    known: Pin<Box<dyn Future<Output = ()> + Send>>,
    window: u32,
    caller: Arc<Exchange>,
) {
    let Ok(runtime) = Handle::try_current() else {
        return caller.conclude(Outcome::local(no_runtime()));
    };
    let mut relay = Relay::new(Arc::clone(&caller), window, Arc::new(Budget::none()));
    runtime.spawn(async move {
        let waited = unless_over(&caller, known);
        let waited = match caller.details().deadline {
            Some(deadline) => timeout_at(Instant::from_std(deadline), waited).await,
            None => Ok(waited.await),
        };
        match waited {
            Ok(Some(())) => {}
            // The caller has cancelled the call.
            Ok(None) => return,
            Err(_) => {
                return caller.conclude(Outcome::local(Status::deadline_exceeded(
                    "the deadline passed before the names of the servers were resolved",
                )));
            }
        }
        let mut details = caller.details().clone();
        if let Err(status) = transport.prepare(&mut details) {
            return caller.conclude(Outcome::local(status));
        }
        let attempt = Arc::new(Exchange::new(details));
        transport.start(Arc::clone(&attempt));
        poll_fn(|context| {
            relay.listen(context);
            relay.poll(context, &attempt)
        })
        .await;
        // This does nothing if the attempt has ended.
        attempt.abandon(Status::cancelled("the call was dropped by its caller"));
    });
}

//! Requests that are sent one by one.

use std::fmt;
use std::future::poll_fn;

use super::started::Started;
use crate::call::request_queue::{QueueSender, SentRequests, Unwanted, queue};
use crate::{Result, Status};

/// Starts a call whose requests are sent one by one. gRPC Python's `call.write()` and `call.done_writing()`.
///
/// `make` gets the stream of requests, passes it to the method of a stub, sets the options of the call, and returns the call. This
/// function starts the call, and returns it with a [`RequestSender`] for its requests. One task may send the requests while another
/// reads the responses.
///
/// Without this function, a call starts when it is polled first. A program that sends all requests before it polls the call would
/// wait forever.
///
/// ```
/// # async fn example(channel: stubwright::Channel) -> stubwright::Result<()> {
/// use stubwright::{Prost, sending};
///
/// let (requests, mut responses) =
///     sending(|requests| channel.stream_stream::<String, String, _, _>("/chat.Chat/Talk", Prost, requests));
/// requests.send(String::from("hello")).await?;
/// while let Some(response) = responses.message().await? {
///     if response == "bye" {
///         break;
///     }
///     requests.send(format!("{response}?")).await?;
/// }
/// requests.close();
/// # Ok(())
/// # }
/// ```
///
/// Options that are set after `make` has returned have no effect. The requests are a [`Stream`](crate::Stream), so `make` can adapt
/// them before it passes them on. If the call cannot be started, awaiting it returns the error.
///
/// To create requests in an async closure instead, use [`stream()`](crate::stream()).
pub fn sending<Req, C: Start>(
    make: impl FnOnce(SentRequests<Req>) -> C,
) -> (RequestSender<Req>, C) {
    let (queue, requests) = queue();
    let mut call = make(requests);
    let sender = RequestSender {
        queue,
        call: call.start(),
    };
    (sender, call)
}

/// Sends the requests of a call. [`sending`] creates a sender. Clones send requests of the same call.
///
/// The requests end when all clones have been closed or dropped. If a clone is dropped by a panic, the call is cancelled instead.
/// To cancel the call, drop the call or use its [`CancelHandle`](crate::CancelHandle).
pub struct RequestSender<T> {
    queue: QueueSender<T>,
    call: Result<Started>,
}

impl<T> RequestSender<T> {
    /// Sends a request. Waits while too many earlier requests have not been sent. After requests of up to 2 KiB each, at most
    /// sixteen requests may wait for the server's flow control. After a request of 16 KiB or more, at most one may wait.
    ///
    /// If the future is dropped while it waits, the request is not sent. The server may never receive the request even if the
    /// future has completed, because the call may end before.
    ///
    /// # Errors
    /// Returns the status of the call if it has failed, for example DEADLINE_EXCEEDED or CANCELLED. Returns FAILED_PRECONDITION
    /// if the server has ended the call with OK, or if no call has taken the requests of this sender. Responses that have arrived
    /// can still be read from the call.
    #[doc(alias = "write")]
    pub async fn send(&self, request: T) -> Result<()> {
        // The queue may learn of the end later.
        if self.call.as_ref().is_ok_and(|call| call.over().is_some()) {
            return Err(self.why());
        }
        let mut request = Some(request);
        poll_fn(|context| {
            let sent = self.queue.poll_send(&mut request, context);
            sent.map(|sent| sent.map_err(|Unwanted| self.why()))
        })
        .await
    }

    /// Closes this sender. The requests end when all clones are closed. gRPC Python's `done_writing`.
    #[doc(alias = "done_writing")]
    pub fn close(self) {}

    /// Returns why the call takes no more requests.
    fn why(&self) -> Status {
        let over = match &self.call {
            Ok(call) => call.over(),
            Err(status) => Some(Err(status.clone())),
        };
        match over {
            Some(Err(status)) => status,
            Some(Ok(())) => Status::failed_precondition(
                "the server has ended the call and takes no more requests",
            ),
            None => {
                Status::failed_precondition("the requests of this sender were given to no call")
            }
        }
    }
}

impl<T> Clone for RequestSender<T> {
    fn clone(&self) -> RequestSender<T> {
        RequestSender {
            queue: self.queue.clone(),
            call: self.call.clone(),
        }
    }
}

impl<T> fmt::Debug for RequestSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestSender").finish_non_exhaustive()
    }
}

/// A call that [`sending`] can start. The calls that stubs return implement this trait.
pub trait Start: sealed::StartCall {}

pub(crate) mod sealed {
    use crate::Result;
    use crate::client::started::Started;

    /// A call that can be started before it is polled.
    pub trait StartCall {
        fn start(&mut self) -> Result<Started>;
    }
}

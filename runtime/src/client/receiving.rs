//! A call on its way, as its caller reads it.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::intercepted::{Intercepted, Next};
use super::messages::Reading;
use super::responses::{self, Inbox};
use super::sender::sealed::Started;
#[cfg(feature = "server")]
use crate::call::Tie;
use crate::call::{Exchange, Outcome};
use crate::{Metadata, Result, Status};

/// A call on its way.
pub(crate) enum Receiving<Res> {
    Plain(Inbox, Reading<Res>),
    /// With interceptors around it.
    Intercepted(Box<Intercepted>, Reading<Res>),
}

impl<Res> Receiving<Res> {
    /// The next response of a call that has many; `None` when it has ended well. An error is the end.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Res>>> {
        match self {
            Receiving::Plain(inbox, reading) => {
                let Some(response) = ready!(inbox.poll_message(context))? else {
                    return Poll::Ready(Ok(None));
                };
                Poll::Ready(inbox.read(response, reading.decode).map(Some))
            }
            Receiving::Intercepted(call, reading) => loop {
                match ready!(call.poll_next(context)) {
                    Next::Attempt => {}
                    Next::Response { level, bytes } => {
                        if let Some(response) = call.read(reading, level, bytes) {
                            call.commit();
                            return Poll::Ready(Ok(Some(response)));
                        }
                    }
                    Next::End(result) => return Poll::Ready(result.map(|()| None)),
                }
            },
        }
    }

    /// The response of a call that has one, once the call has ended well; until then it is `held`.
    pub(crate) fn poll_only(
        &mut self,
        context: &mut Context<'_>,
        held: &mut Option<Res>,
    ) -> Poll<Result<Res>> {
        match self {
            Receiving::Plain(inbox, reading) => loop {
                let Some(response) = ready!(inbox.poll_message(context))? else {
                    return Poll::Ready(held.take().ok_or_else(responses::none));
                };
                if held.is_some() {
                    return Poll::Ready(Err(inbox.give_up(responses::second())));
                }
                *held = Some(inbox.read(response, reading.decode)?);
            },
            Receiving::Intercepted(call, reading) => loop {
                match ready!(call.poll_next(context)) {
                    // What came of another attempt is not the response.
                    Next::Attempt => *held = None,
                    Next::Response { level, bytes } => *held = call.read(reading, level, bytes),
                    Next::End(result) => {
                        let response = result.map(|()| held.take());
                        return Poll::Ready(response.and_then(|response| {
                            response.ok_or_else(|| {
                                Status::internal(
                                    "an interceptor ended a call with one response well, and none has come",
                                )
                            })
                        }));
                    }
                }
            },
        }
    }

    /// Lets the call go on while its caller does not read.
    pub(crate) fn detach(&mut self) -> Started {
        match self {
            Receiving::Plain(inbox, _) => Started::plain(&inbox.ongoing().exchange),
            Receiving::Intercepted(call, _) => call.detach(),
        }
    }

    /// Waits for the initial metadata of the response. `None` says that the call has ended without any, or that it was
    /// taken before.
    pub(crate) fn poll_head(&mut self, context: &mut Context<'_>) -> Poll<Option<Metadata>> {
        match self {
            Receiving::Plain(inbox, _) => inbox.ongoing().exchange.poll_head(context),
            Receiving::Intercepted(call, _) => call.poll_head(context),
        }
    }

    /// The initial metadata of the response, when it has come and nobody took it.
    pub(crate) fn take_head(&mut self) -> Option<Metadata> {
        match self {
            Receiving::Plain(inbox, _) => inbox.ongoing().exchange.head(),
            Receiving::Intercepted(call, _) => call.take_head(),
        }
    }

    /// How the call ended, once it has.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        match self {
            Receiving::Plain(inbox, _) => inbox.ongoing().exchange.outcome(),
            Receiving::Intercepted(call, _) => call.outcome().cloned(),
        }
    }

    /// How often the call was made before, by the policy of its method.
    pub(crate) fn previous_attempts(&self) -> u32 {
        match self {
            Receiving::Plain(inbox, _) => inbox.ongoing().exchange.previous_attempts(),
            Receiving::Intercepted(call, _) => call.previous_attempts(),
        }
    }

    /// Ends the call, whose server is told to stop.
    pub(crate) fn give_up(&mut self, status: Status) {
        match self {
            Receiving::Plain(inbox, _) => drop(inbox.give_up(status)),
            Receiving::Intercepted(call, _) => call.give_up(status),
        }
    }
}

/// An exchange that is the caller's. To drop it is to cancel it.
pub(crate) struct Ongoing {
    pub(crate) exchange: Arc<Exchange>,
    #[cfg(feature = "server")]
    pub(crate) _tie: Option<Tie>,
}

impl Ongoing {
    /// A call that depends on no other.
    pub(crate) fn alone(exchange: Arc<Exchange>) -> Ongoing {
        Ongoing {
            exchange,
            #[cfg(feature = "server")]
            _tie: None,
        }
    }
}

impl Drop for Ongoing {
    fn drop(&mut self) {
        // Does nothing to a call that has ended.
        self.exchange
            .abandon(Status::cancelled("the call was dropped by its caller"));
    }
}

//! A call on its way, as its caller reads it.

use std::task::{Context, Poll, ready};

use super::intercepted::{Intercepted, Next};
use super::sender::sealed::Started;
use crate::base::Outcome;
use crate::base::erasure::AnySlot;
use crate::call::inbox::{self, Inbox};
use crate::{Metadata, Result, Status};

/// A call on its way.
pub(crate) enum Receiving {
    Plain(Inbox),
    /// With interceptors around it.
    Intercepted(Box<Intercepted>),
}

impl Receiving {
    /// The next response of a call that has many: it is `held` then. When none is, the call has ended well; an error is the end.
    pub(crate) fn poll_next(
        &mut self,
        context: &mut Context<'_>,
        held: &mut dyn AnySlot,
    ) -> Poll<Result<()>> {
        match self {
            Receiving::Plain(inbox) => Poll::Ready(match ready!(inbox.poll_message(context))? {
                Some(response) => inbox.read(response, |response| held.read(response)),
                None => Ok(()),
            }),
            Receiving::Intercepted(call) => loop {
                match ready!(call.poll_next(context)) {
                    Next::Attempt => {}
                    Next::Response { level, bytes } => {
                        call.read(held, level, bytes);
                        if held.is_some() {
                            call.commit();
                            return Poll::Ready(Ok(()));
                        }
                    }
                    Next::End(result) => return Poll::Ready(result),
                }
            },
        }
    }

    /// The response of a call that has one, which is `held` from when it has come; ready once the call has ended well.
    pub(crate) fn poll_only(
        &mut self,
        context: &mut Context<'_>,
        held: &mut dyn AnySlot,
    ) -> Poll<Result<()>> {
        match self {
            Receiving::Plain(inbox) => loop {
                let Some(response) = ready!(inbox.poll_message(context))? else {
                    let has_one = held.is_some();
                    return Poll::Ready(has_one.then_some(()).ok_or_else(inbox::none));
                };
                if held.is_some() {
                    return Poll::Ready(Err(inbox.give_up(inbox::second())));
                }
                inbox.read(response, |response| held.read(response))?;
            },
            Receiving::Intercepted(call) => loop {
                match ready!(call.poll_next(context)) {
                    // What came of another attempt is not the response.
                    Next::Attempt => held.clear(),
                    Next::Response { level, bytes } => call.read(held, level, bytes),
                    Next::End(Ok(())) if !held.is_some() => {
                        return Poll::Ready(Err(Status::internal(
                            "an interceptor ended a call with one response well, and none has come",
                        )));
                    }
                    Next::End(result) => return Poll::Ready(result),
                }
            },
        }
    }

    /// Lets the call go on while its caller does not read.
    pub(crate) fn detach(&mut self) -> Started {
        match self {
            Receiving::Plain(inbox) => Started::plain(&inbox.ongoing().exchange),
            Receiving::Intercepted(call) => call.detach(),
        }
    }

    /// Waits for the initial metadata of the response. `None` says that the call has ended without any, or that it was
    /// taken before.
    pub(crate) fn poll_head(&mut self, context: &mut Context<'_>) -> Poll<Option<Metadata>> {
        match self {
            Receiving::Plain(inbox) => inbox.ongoing().exchange.poll_head(context),
            Receiving::Intercepted(call) => call.poll_head(context),
        }
    }

    /// The initial metadata of the response, when it has come and nobody took it.
    pub(crate) fn take_head(&mut self) -> Option<Metadata> {
        match self {
            Receiving::Plain(inbox) => inbox.ongoing().exchange.head(),
            Receiving::Intercepted(call) => call.take_head(),
        }
    }

    /// How the call ended, once it has.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        match self {
            Receiving::Plain(inbox) => inbox.ongoing().exchange.outcome(),
            Receiving::Intercepted(call) => call.outcome().cloned(),
        }
    }

    /// How often the call was made before, by the policy of its method.
    pub(crate) fn previous_attempts(&self) -> u32 {
        match self {
            Receiving::Plain(inbox) => inbox.ongoing().exchange.previous_attempts(),
            Receiving::Intercepted(call) => call.previous_attempts(),
        }
    }

    /// Ends the call, whose server is told to stop.
    pub(crate) fn give_up(&mut self, status: Status) {
        match self {
            Receiving::Plain(inbox) => drop(inbox.give_up(status)),
            Receiving::Intercepted(call) => call.give_up(status),
        }
    }
}

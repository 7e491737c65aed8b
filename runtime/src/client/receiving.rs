//! The receiving end of a call.

use std::task::{Context, Poll, ready};

use super::intercepted::caller::{Intercepted, Next};
use super::started::Started;
use crate::base::Outcome;
use crate::base::erasure::AnySlot;
use crate::call::Peer;
use crate::call::inbox::{self, Inbox};
use crate::{Metadata, Result, Status};

/// The receiving end of a call.
pub(crate) enum Receiving {
    Plain(Inbox),
    /// A call with interceptors.
    Intercepted(Box<Intercepted>),
}

impl Receiving {
    /// Waits for the next response of a call with a stream of responses, and puts it into the slot. If the slot stays empty, the
    /// call has ended with OK. Nothing follows an error.
    pub(crate) fn poll_next(
        &mut self,
        context: &mut Context<'_>,
        slot: &mut dyn AnySlot,
    ) -> Poll<Result<()>> {
        match self {
            Receiving::Plain(inbox) => Poll::Ready(match ready!(inbox.poll_message(context))? {
                Some(response) => inbox.read(response, |response| slot.read(response)),
                None => Ok(()),
            }),
            Receiving::Intercepted(call) => loop {
                match ready!(call.poll_next(context)) {
                    Next::Attempt => {}
                    Next::Response { level, bytes } => {
                        call.read(slot, level, bytes);
                        if slot.is_some() {
                            call.commit();
                            return Poll::Ready(Ok(()));
                        }
                    }
                    Next::End(result) => return Poll::Ready(result),
                }
            },
        }
    }

    /// Waits for the end of a call with one response, and puts the response into the slot.
    pub(crate) fn poll_only(
        &mut self,
        context: &mut Context<'_>,
        slot: &mut dyn AnySlot,
    ) -> Poll<Result<()>> {
        match self {
            Receiving::Plain(inbox) => loop {
                let Some(response) = ready!(inbox.poll_message(context))? else {
                    let has_one = slot.is_some();
                    return Poll::Ready(has_one.then_some(()).ok_or_else(inbox::none));
                };
                if slot.is_some() {
                    return Poll::Ready(Err(inbox.give_up(inbox::second())));
                }
                inbox.read(response, |response| slot.read(response))?;
            },
            Receiving::Intercepted(call) => loop {
                match ready!(call.poll_next(context)) {
                    // The response of an earlier attempt does not count.
                    Next::Attempt => slot.clear(),
                    Next::Response { level, bytes } => call.read(slot, level, bytes),
                    Next::End(Ok(())) if !slot.is_some() => {
                        return Poll::Ready(Err(Status::internal(
                            "an interceptor ended a call with one response well, and none has come",
                        )));
                    }
                    Next::End(result) => return Poll::Ready(result),
                }
            },
        }
    }

    /// Returns the call, for uses other than reading.
    pub(crate) fn started(&self) -> Started {
        match self {
            Receiving::Plain(inbox) => Started::plain(&inbox.ongoing().exchange),
            Receiving::Intercepted(call) => call.started(),
        }
    }

    /// Returns the other end of the connection.
    pub(crate) fn peer(&self) -> Peer {
        match self {
            Receiving::Plain(inbox) => inbox.ongoing().exchange.peer(),
            Receiving::Intercepted(call) => call.peer(),
        }
    }

    /// Lets the call continue while its caller does not read.
    pub(crate) fn detach(&mut self) -> Started {
        match self {
            Receiving::Plain(inbox) => Started::plain(&inbox.ongoing().exchange),
            Receiving::Intercepted(call) => call.detach(),
        }
    }

    /// Waits for the initial metadata of the response. Returns `None` if the call has ended without any, or if it was already
    /// taken.
    pub(crate) fn poll_head(&mut self, context: &mut Context<'_>) -> Poll<Option<Metadata>> {
        match self {
            Receiving::Plain(inbox) => inbox.ongoing().exchange.poll_head(context),
            Receiving::Intercepted(call) => call.poll_head(context),
        }
    }

    /// Takes the initial metadata of the response, if it has come and was not taken before.
    pub(crate) fn take_head(&mut self) -> Option<Metadata> {
        match self {
            Receiving::Plain(inbox) => inbox.ongoing().exchange.head(),
            Receiving::Intercepted(call) => call.take_head(),
        }
    }

    /// Returns the outcome of the call, once it has ended.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        match self {
            Receiving::Plain(inbox) => inbox.ongoing().exchange.outcome(),
            Receiving::Intercepted(call) => call.outcome().cloned(),
        }
    }

    /// Returns the number of attempts before the last one, by a retry or hedging policy.
    pub(crate) fn previous_attempts(&self) -> u32 {
        match self {
            Receiving::Plain(inbox) => inbox.ongoing().exchange.previous_attempts(),
            Receiving::Intercepted(call) => call.previous_attempts(),
        }
    }

    /// Ends the call with this status, and tells the server to stop.
    pub(crate) fn give_up(&mut self, status: Status) {
        match self {
            Receiving::Plain(inbox) => drop(inbox.give_up(status)),
            Receiving::Intercepted(call) => call.give_up(status),
        }
    }
}

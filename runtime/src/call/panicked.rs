//! Panics of the program's own code in a call: they end that call alone.

use std::any::Any;

use super::{CallDetails, Peer};
use crate::Status;
use crate::base::log;

/// What of the program's own code panicked in a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Panicked {
    Handler,
    Interceptor,
    DoneCallback,
    #[cfg(feature = "client")]
    Credentials,
}

/// What the other end is told of a panic: that there was one. What it said is this process's own affair, and in its log.
pub(crate) fn panicked(who: Panicked, details: &CallDetails, panic: &(dyn Any + Send)) -> Status {
    panicked_in(who, details.method(), &details.peer, panic)
}

/// As [`panicked`], for a call of which no more is known.
pub(crate) fn panicked_in(
    who: Panicked,
    method: &str,
    peer: &Peer,
    panic: &(dyn Any + Send),
) -> Status {
    let who = match who {
        Panicked::Handler => "handler",
        Panicked::Interceptor => "interceptor",
        Panicked::DoneCallback => "done callback",
        #[cfg(feature = "client")]
        Panicked::Credentials => "call credentials",
    };
    log::panicked(who, method, peer, panic);
    Status::internal(format!("the {who} of {method} panicked"))
}

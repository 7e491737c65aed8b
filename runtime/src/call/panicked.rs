//! Panics of the program's own code in a call: they end that call alone.

use std::any::Any;

use super::{CallDetails, Peer};
use crate::Status;
use crate::base::log;

/// The part of the program's own code that panicked in a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Panicked {
    Handler,
    Interceptor,
    DoneCallback,
    #[cfg(feature = "client")]
    Credentials,
}

/// Returns the status of a panic. It does not have the message of the panic, which is for the log of this process alone.
pub(crate) fn panicked(who: Panicked, details: &CallDetails, panic: &(dyn Any + Send)) -> Status {
    panicked_in(who, details.method(), &details.peer, panic)
}

/// Returns the same as [`panicked`], for a call without details.
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

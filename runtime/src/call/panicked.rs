//! Panics of the program's own code in a call, which end only this call.

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

/// Logs a panic, and returns its status. The status does not contain the message of the panic.
pub(crate) fn panicked(who: Panicked, details: &CallDetails, panic: &(dyn Any + Send)) -> Status {
    panicked_in(who, details.method(), &details.peer, panic)
}

/// Does the same as [`panicked`] for a call without details.
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

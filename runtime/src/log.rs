//! What goes wrong and reaches no caller: events of `tracing` with the feature of that name, nothing without it.

#[cfg(feature = "server")]
use std::any::Any;

use crate::call::Peer;

/// A connection to one of our ports was refused before HTTP/2 began on it.
#[cfg(all(feature = "server", feature = "tls"))]
pub(crate) fn handshake_refused(peer: &Peer, port: &str, reason: impl std::fmt::Display) {
    #[cfg(feature = "tracing")]
    tracing::warn!(%peer, %port, %reason, "TLS handshake refused");
    #[cfg(not(feature = "tracing"))]
    let _ = (peer, port, reason);
}

/// A handler panicked: its caller is told that it did, and not of what.
#[cfg(feature = "server")]
pub(crate) fn handler_panicked(method: &str, peer: &Peer, panic: &(dyn Any + Send)) {
    #[cfg(feature = "tracing")]
    tracing::error!(method, %peer, panic = text(panic), "handler panicked");
    #[cfg(not(feature = "tracing"))]
    let _ = (method, peer, panic);
}

/// What a panic said, if it was text.
#[cfg(all(feature = "server", feature = "tracing"))]
fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it is no text")
}

//! What goes wrong and reaches no caller: events of `tracing` with the feature of that name, nothing without it.

use std::any::Any;
use std::fmt::Display;
#[cfg(feature = "client")]
use std::time::Duration;

/// A connection to one of our ports was refused before HTTP/2 began on it.
#[cfg(all(feature = "server", feature = "tls"))]
pub(crate) fn handshake_refused(peer: &dyn Display, port: &str, reason: impl std::fmt::Display) {
    #[cfg(feature = "tracing")]
    tracing::warn!(%peer, %port, %reason, "TLS handshake refused");
    #[cfg(not(feature = "tracing"))]
    let _ = (peer, port, reason);
}

/// A channel that was to ask a server for its health cannot: the server counts as healthy.
#[cfg(feature = "client")]
pub(crate) fn no_health_service(authority: &crate::base::header::Header) {
    #[cfg(feature = "tracing")]
    tracing::error!(
        authority = %String::from_utf8_lossy(authority.value()),
        "the server has no health service (grpc.health.v1): it is used as if it were SERVING"
    );
    #[cfg(not(feature = "tracing"))]
    let _ = authority;
}

/// Two services that reflection tells of mean different things by one name.
#[cfg(all(feature = "server", feature = "reflection"))]
pub(crate) fn reflection_conflict(conflict: &str) {
    #[cfg(feature = "tracing")]
    tracing::warn!(conflict, "conflict of names in reflection");
    #[cfg(not(feature = "tracing"))]
    let _ = conflict;
}

/// Something in a service config is not known here, and is ignored.
#[cfg(feature = "client")]
pub(crate) fn config_ignored(what: &str) {
    #[cfg(feature = "tracing")]
    tracing::warn!(what, "ignored in a service config");
    #[cfg(not(feature = "tracing"))]
    let _ = what;
}

/// One of several addresses of a port could not be bound; others could.
#[cfg(feature = "server")]
pub(crate) fn not_bound(address: &std::net::SocketAddr, error: &std::io::Error) {
    #[cfg(feature = "tracing")]
    tracing::warn!(%address, %error, "an address of several was not bound");
    #[cfg(not(feature = "tracing"))]
    let _ = (address, error);
}

/// A server has closed a connection because the channel pinged it too often. The next ones ping after `keepalive_time` of silence, if
/// they ping at all.
#[cfg(feature = "client")]
pub(crate) fn too_many_pings(target: impl std::fmt::Display, keepalive_time: Option<Duration>) {
    #[cfg(feature = "tracing")]
    tracing::warn!(%target, ?keepalive_time, "GOAWAY too_many_pings: keepalive_time is doubled for later connections");
    #[cfg(not(feature = "tracing"))]
    let _ = (target, keepalive_time);
}

/// A channel pings more often than gRFC A8 has clients do.
#[cfg(feature = "client")]
pub(crate) fn short_keepalive_time(target: impl std::fmt::Display, keepalive_time: Duration) {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        %target,
        ?keepalive_time,
        "keepalive_time is below 10 s, the least that gRFC A8 allows: servers may take the pings for abuse"
    );
    #[cfg(not(feature = "tracing"))]
    let _ = (target, keepalive_time);
}

/// A connection to a port for connections from this machine came from another.
#[cfg(feature = "server")]
pub(crate) fn not_local(peer: &dyn Display, port: &str) {
    #[cfg(feature = "tracing")]
    tracing::warn!(%peer, %port, "connection refused that does not come from this machine");
    #[cfg(not(feature = "tracing"))]
    let _ = (peer, port);
}

/// A connection of a server has ended, be it that its peer speaks another protocol.
#[cfg(feature = "server")]
pub(crate) fn connection_ended(peer: &dyn Display, why: &crate::Status) {
    #[cfg(feature = "tracing")]
    tracing::debug!(%peer, why = why.message(), "connection ended");
    #[cfg(not(feature = "tracing"))]
    let _ = (peer, why);
}

/// A handler panicked, or what was set around it: its caller is told that it did, and not of what.
pub(crate) fn panicked(who: &str, method: &str, peer: &dyn Display, panic: &(dyn Any + Send)) {
    #[cfg(feature = "tracing")]
    tracing::error!(method, %peer, panic = text(panic), "{who} panicked");
    #[cfg(not(feature = "tracing"))]
    let _ = (who, method, peer, panic);
}

/// What a panic said, if it was text.
#[cfg(feature = "tracing")]
fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it is no text")
}

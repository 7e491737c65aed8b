//! Events that no caller learns of. They are logged by `tracing` if the feature `tracing` is enabled, and otherwise
//! dropped.

use std::any::Any;
use std::fmt::Display;
#[cfg(feature = "client")]
use std::time::Duration;

/// Logs that a TLS handshake on one of the server's ports failed.
#[cfg(all(feature = "server", feature = "tls-no-provider"))]
pub(crate) fn handshake_refused(peer: &dyn Display, port: &str, reason: impl std::fmt::Display) {
    #[cfg(feature = "tracing")]
    tracing::warn!(%peer, %port, %reason, "TLS handshake refused");
    #[cfg(not(feature = "tracing"))]
    let _ = (peer, port, reason);
}

/// Logs that a server lacks the health service, although health checks are configured. The server counts as healthy.
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

/// Logs that two services in reflection define different things by the same name.
#[cfg(all(feature = "server", feature = "reflection"))]
pub(crate) fn reflection_conflict(conflict: &str) {
    #[cfg(feature = "tracing")]
    tracing::warn!(conflict, "conflict of names in reflection");
    #[cfg(not(feature = "tracing"))]
    let _ = conflict;
}

/// Logs that an unknown part of a service config is ignored.
#[cfg(feature = "client")]
pub(crate) fn config_ignored(what: &str) {
    #[cfg(feature = "tracing")]
    tracing::warn!(what, "ignored in a service config");
    #[cfg(not(feature = "tracing"))]
    let _ = what;
}

/// Logs that the system refused an option of a TCP socket. The connection works without it.
pub(crate) fn tcp_option_refused(option: &str, error: &std::io::Error) {
    #[cfg(feature = "tracing")]
    tracing::warn!(option, %error, "the system refused an option of a TCP socket");
    #[cfg(not(feature = "tracing"))]
    let _ = (option, error);
}

/// Logs that one of several addresses of a port could not be bound, while others could.
#[cfg(feature = "server")]
pub(crate) fn not_bound(address: &std::net::SocketAddr, error: &std::io::Error) {
    #[cfg(feature = "tracing")]
    tracing::warn!(%address, %error, "could not bind one of several addresses");
    #[cfg(not(feature = "tracing"))]
    let _ = (address, error);
}

/// Logs that a server closed a connection because the channel pinged it too often. Later connections ping after
/// `keepalive_time` of silence, or never if it is `None`.
#[cfg(feature = "client")]
pub(crate) fn too_many_pings(target: impl std::fmt::Display, keepalive_time: Option<Duration>) {
    #[cfg(feature = "tracing")]
    tracing::warn!(%target, ?keepalive_time, "GOAWAY too_many_pings: keepalive_time is doubled for later connections");
    #[cfg(not(feature = "tracing"))]
    let _ = (target, keepalive_time);
}

/// Logs that a channel pings more often than gRFC A8 allows.
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

/// Logs that a port for local connections refused a connection from another machine.
#[cfg(feature = "server")]
pub(crate) fn not_local(peer: &dyn Display, port: &str) {
    #[cfg(feature = "tracing")]
    tracing::warn!(%peer, %port, "refused a connection from another machine");
    #[cfg(not(feature = "tracing"))]
    let _ = (peer, port);
}

/// Logs that a connection of a server ended, for example because its peer speaks another protocol.
#[cfg(feature = "server")]
pub(crate) fn connection_ended(peer: &dyn Display, why: &crate::Status) {
    #[cfg(feature = "tracing")]
    tracing::debug!(%peer, why = why.message(), "connection ended");
    #[cfg(not(feature = "tracing"))]
    let _ = (peer, why);
}

/// Logs that a handler, or a layer around it, panicked. The caller only learns of the panic itself, not of its text.
pub(crate) fn panicked(who: &str, method: &str, peer: &dyn Display, panic: &(dyn Any + Send)) {
    #[cfg(feature = "tracing")]
    tracing::error!(method, %peer, panic = text(panic), "{who} panicked");
    #[cfg(not(feature = "tracing"))]
    let _ = (who, method, peer, panic);
}

/// Returns the text of a panic, if it has one.
#[cfg(feature = "tracing")]
fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(not a text)")
}

//! TCP's own keepalive, as programs ask for it.

use std::time::Duration;

/// The keepalive of TCP: the system probes a peer that has been silent, below HTTP/2.
///
/// The probes keep routers from forgetting a connection without calls, and detect dead peers. They need no permission from the
/// peer. A proxy answers them itself, so they tell nothing about a peer behind a proxy. The pings of
/// [`keepalive_time`](crate::ServerBuilder::keepalive_time) pass through proxies.
///
/// Systems count in whole seconds. Fractions of a second are ignored, and a time of less than one second becomes one second. If an
/// option is not set, or if the system does not support it, the system's default applies. Values that the system refuses are logged
/// (feature `tracing`).
///
/// ```
/// use std::time::Duration;
///
/// use stubwright::{Server, TcpKeepalive};
///
/// let keepalive = TcpKeepalive::new(Duration::from_secs(60)).interval(Duration::from_secs(10));
/// let server = Server::builder().tcp_keepalive(keepalive.retries(3)).build();
/// # drop(server);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct TcpKeepalive {
    pub(crate) time: Duration,
    pub(crate) interval: Option<Duration>,
    pub(crate) retries: Option<u32>,
}

impl TcpKeepalive {
    /// Creates options with the time of silence after which the first probe is sent (`TCP_KEEPIDLE`).
    pub fn new(time: Duration) -> TcpKeepalive {
        TcpKeepalive {
            time,
            interval: None,
            retries: None,
        }
    }

    /// Sets the time between probes that are not answered (`TCP_KEEPINTVL`). The default is the system's.
    pub fn interval(mut self, interval: Duration) -> TcpKeepalive {
        self.interval = Some(interval);
        self
    }

    /// Sets the number of unanswered probes after which the connection is closed (`TCP_KEEPCNT`). The default is the system's. If
    /// HTTP/2 pings are also sent, Linux ignores this number and closes the connection after `keepalive_timeout`.
    pub fn retries(mut self, retries: u32) -> TcpKeepalive {
        self.retries = Some(retries);
        self
    }
}

//! TCP's own keepalive, as programs ask for it.

use std::time::Duration;

/// TCP's own keepalive: the system probes a peer that has been silent, below HTTP/2. It keeps routers from forgetting a connection
/// without calls, and finds dead peers. It needs no permission of the peer, but a proxy answers it in the peer's place, where
/// [`keepalive_time`](crate::ServerBuilder::keepalive_time) sends pings all the way.
///
/// Systems count in whole seconds, and a shorter time becomes one second. Options that are not set, or that the system does not
/// support, have the system's defaults. Values that it refuses are logged, with the feature `tracing`.
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
    /// Creates options that send the first probe after this time of silence: `TCP_KEEPIDLE`.
    pub fn new(time: Duration) -> TcpKeepalive {
        TcpKeepalive {
            time,
            interval: None,
            retries: None,
        }
    }

    /// Sets the time between probes that are not answered: `TCP_KEEPINTVL`.
    pub fn interval(mut self, interval: Duration) -> TcpKeepalive {
        self.interval = Some(interval);
        self
    }

    /// Sets how many probes without an answer close the connection: `TCP_KEEPCNT`. Where pings are sent, Linux goes by their
    /// `keepalive_timeout` instead.
    pub fn retries(mut self, retries: u32) -> TcpKeepalive {
        self.retries = Some(retries);
        self
    }
}

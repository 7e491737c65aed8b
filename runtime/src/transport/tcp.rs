//! Options of TCP sockets.

use std::io;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;

use super::keepalive::KeepaliveConfig;
use super::upkeep::UpkeepConfig;
use crate::base::{TcpKeepalive, log};

/// Sets the options of a new connection. An option that the system refuses is only logged, because the connection works without
/// it.
pub(crate) fn set_options(stream: &TcpStream, upkeep: &UpkeepConfig) {
    // Batches are whole when they are written.
    log_refused("TCP_NODELAY", stream.set_nodelay(true));
    let socket = SockRef::from(stream);
    if let Some(keepalive) = &upkeep.tcp_keepalive {
        log_refused("TCP keepalive", set_keepalive(&socket, keepalive));
    }
    #[cfg(any(target_os = "android", target_os = "linux"))]
    if let Some(timeout) = user_timeout(&upkeep.keepalive) {
        let set = socket.set_tcp_user_timeout(Some(timeout));
        log_refused("TCP_USER_TIMEOUT", set);
    }
}

/// Sets TCP's own keepalive. Where the system has one interval for all sockets, only the time is set.
#[cfg_attr(
    not(any(
        target_os = "android",
        target_os = "freebsd",
        target_os = "ios",
        target_os = "linux",
        target_os = "macos",
        target_os = "netbsd",
        windows,
    )),
    expect(unused_mut, reason = "only these systems have them for each socket")
)]
fn set_keepalive(socket: &SockRef<'_>, keepalive: &TcpKeepalive) -> io::Result<()> {
    let mut options = socket2::TcpKeepalive::new().with_time(whole_seconds(keepalive.time));
    #[cfg(any(
        target_os = "android",
        target_os = "freebsd",
        target_os = "ios",
        target_os = "linux",
        target_os = "macos",
        target_os = "netbsd",
        windows,
    ))]
    {
        if let Some(interval) = keepalive.interval {
            options = options.with_interval(whole_seconds(interval));
        }
        if let Some(retries) = keepalive.retries {
            options = options.with_retries(retries);
        }
    }
    socket.set_tcp_keepalive(&options)
}

/// Returns at least a second, because systems ignore fractions and refuse zero.
fn whole_seconds(time: Duration) -> Duration {
    time.max(Duration::from_secs(1))
}

/// Returns the time within which a peer must acknowledge data (gRFC A18). It equals the timeout of keepalive pings. Returns
/// `None` if there are no pings. Without this limit, a connection whose peer vanishes lasts until TCP stops sending the data
/// again.
#[cfg(any(target_os = "android", target_os = "linux"))]
fn user_timeout(keepalive: &KeepaliveConfig) -> Option<Duration> {
    /// The system counts milliseconds in an `int`.
    const MOST: Duration = Duration::from_millis(i32::MAX as u64);
    keepalive.time.map(|_| keepalive.timeout.min(MOST))
}

fn log_refused(option: &str, set: io::Result<()>) {
    if let Err(error) = set {
        log::tcp_option_refused(option, &error);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::transport::LifetimeConfig;

    /// Returns the options of a new connection: whether there is keepalive, its times and retries, and the user timeout.
    fn options_with(
        tcp_keepalive: Option<TcpKeepalive>,
        time: Option<Duration>,
        timeout: Duration,
    ) -> (bool, [Duration; 2], u32, Option<Duration>) {
        let upkeep = UpkeepConfig {
            keepalive: KeepaliveConfig {
                time,
                timeout,
                without_calls: false,
            },
            tcp_keepalive,
            lifetime: LifetimeConfig::default(),
            write_timeout: Duration::MAX,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .unwrap();
        let stream = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            TcpStream::connect(listener.local_addr().unwrap()).await
        });
        let stream = stream.unwrap();
        set_options(&stream, &upkeep);
        assert!(stream.nodelay().unwrap());
        let socket = SockRef::from(&stream);
        (
            socket.keepalive().unwrap(),
            [
                socket.tcp_keepalive_time().unwrap(),
                socket.tcp_keepalive_interval().unwrap(),
            ],
            socket.tcp_keepalive_retries().unwrap(),
            socket.tcp_user_timeout().unwrap(),
        )
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn keepalive_is_off_unless_it_is_set() {
        let (keepalive, _, _, timeout) = options_with(None, None, SECOND);
        assert!(!keepalive);
        assert!(timeout.is_none_or(|timeout| timeout.is_zero()));
    }

    #[test]
    fn each_part_of_keepalive_is_set() {
        let keepalive = TcpKeepalive::new(60 * SECOND).interval(10 * SECOND);
        let (keepalive, times, retries, _) = options_with(Some(keepalive.retries(3)), None, SECOND);
        assert!(keepalive);
        assert_eq!((times, retries), ([60 * SECOND, 10 * SECOND], 3));
        let short = TcpKeepalive::new(Duration::ZERO).interval(Duration::from_millis(1));
        let (keepalive, times, ..) = options_with(Some(short), None, SECOND);
        assert!(keepalive);
        assert_eq!(times, [SECOND; 2]);
        // The system refuses this, and the connection works without it.
        let _ = options_with(
            Some(TcpKeepalive::new(Duration::MAX).retries(u32::MAX)),
            None,
            SECOND,
        );
    }

    #[test]
    fn the_user_timeout_is_that_of_pings() {
        for (timeout, expected) in [
            (20 * SECOND, 20 * SECOND),
            (Duration::MAX, Duration::from_millis(i32::MAX as u64)),
        ] {
            let (.., user_timeout) = options_with(None, Some(Duration::MAX), timeout);
            assert_eq!(user_timeout, Some(expected));
        }
    }
}

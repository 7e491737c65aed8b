//! Keepalive pings, which find out whether a silent peer is still there (gRFC A8, A9). There is no I/O and no clock: the caller
//! passes the time.
//!
//! Only data from the peer restarts the timer. The start of a call does not: a sequence of short calls would keep a dead
//! connection alive for ever. If the peer has been silent for too long when a call starts, it is pinged at once. The response to
//! a ping is awaited whether or not calls are open.

use std::time::{Duration, Instant};

/// The settings of keepalive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeepaliveConfig {
    /// The time of silence after which the peer is pinged. `None` disables pings.
    pub(crate) time: Option<Duration>,
    /// The time within which the peer must respond to a ping.
    pub(crate) timeout: Duration,
    /// `true` to ping connections without open calls too.
    pub(crate) without_calls: bool,
}

/// The action that keepalive requires now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Fine,
    /// Send a ping.
    Ping,
    /// Close the connection, because the peer is gone.
    Dead,
}

/// Watches the silence of one peer.
#[derive(Debug)]
pub(crate) struct Keepalive {
    config: KeepaliveConfig,
    /// The time at which data last arrived, or at which the connection began.
    heard: Instant,
    /// The time by which the peer must respond. Set while a ping is outstanding.
    due: Option<Instant>,
}

impl Keepalive {
    pub(crate) fn new(config: KeepaliveConfig, now: Instant) -> Keepalive {
        Keepalive {
            config,
            heard: now,
            due: None,
        }
    }

    /// Notes that data has arrived. Any data shows that the peer is there.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.heard = now;
        self.due = None;
    }

    /// Returns the time of the next check.
    pub(crate) fn next(&self, has_calls: bool) -> Option<Instant> {
        if self.due.is_some() {
            return self.due;
        }
        let watches = has_calls || self.config.without_calls;
        self.heard
            .checked_add(self.config.time.filter(|_| watches)?)
    }

    /// Returns what is due at `now`.
    pub(crate) fn check(&mut self, now: Instant, has_calls: bool) -> Verdict {
        if self.next(has_calls).is_none_or(|next| now < next) {
            return Verdict::Fine;
        }
        if self.due.is_some() {
            return Verdict::Dead;
        }
        self.due = now.checked_add(self.config.timeout);
        Verdict::Ping
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn keepalive(time: Option<Duration>, without_calls: bool) -> (Keepalive, Instant) {
        let now = Instant::now();
        let config = KeepaliveConfig {
            time,
            timeout: 2 * SECOND,
            without_calls,
        };
        (Keepalive::new(config, now), now)
    }

    #[test]
    fn a_silent_peer_is_pinged_and_then_given_up() {
        let (mut keepalive, start) = keepalive(Some(10 * SECOND), false);
        assert_eq!(keepalive.check(start + 9 * SECOND, true), Verdict::Fine);
        assert_eq!(keepalive.next(true), Some(start + 10 * SECOND));
        assert_eq!(keepalive.check(start + 10 * SECOND, true), Verdict::Ping);
        assert_eq!(keepalive.check(start + 11 * SECOND, true), Verdict::Fine);
        assert_eq!(keepalive.next(true), Some(start + 12 * SECOND));
        assert_eq!(keepalive.check(start + 12 * SECOND, true), Verdict::Dead);
    }

    #[test]
    fn whatever_is_heard_starts_the_watch_anew() {
        let (mut keepalive, start) = keepalive(Some(10 * SECOND), false);
        assert_eq!(keepalive.check(start + 10 * SECOND, true), Verdict::Ping);
        keepalive.heard(start + 11 * SECOND);
        assert_eq!(keepalive.check(start + 20 * SECOND, true), Verdict::Fine);
        assert_eq!(keepalive.check(start + 21 * SECOND, true), Verdict::Ping);
    }

    #[test]
    fn without_calls_nothing_is_sent_unless_allowed() {
        let (mut quiet, start) = keepalive(Some(SECOND), false);
        assert_eq!(quiet.next(false), None);
        assert_eq!(quiet.check(start + 100 * SECOND, false), Verdict::Fine);
        let (mut allowed, start) = keepalive(Some(SECOND), true);
        assert_eq!(allowed.check(start + SECOND, false), Verdict::Ping);
        let (mut never, start) = keepalive(None, true);
        assert_eq!(never.check(start + 100 * SECOND, true), Verdict::Fine);
    }
}

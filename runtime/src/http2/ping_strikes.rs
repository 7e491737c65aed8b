//! The limit on a client's pings (gRFC A8, "Server Enforcement").

use std::time::{Duration, Instant};

/// The minimum time between pings of a client without open calls, unless `permit_without_calls` is set. It is the
/// interval of TCP keepalive.
const WITHOUT_CALLS: Duration = Duration::from_secs(2 * 60 * 60);

/// The limit on the pings of a server's clients.
#[derive(Clone, Copy, Debug)]
pub struct PingPolicy {
    /// The minimum time between two pings while the server sends nothing. A ping that comes earlier is an early ping. Default: 5
    /// minutes.
    pub min_interval: Duration,
    /// The number of early pings that are tolerated before the connection is closed. 0 tolerates any number. Default: 2.
    pub max_strikes: u32,
    /// Whether `min_interval` also applies while no call is open. If it is `false`, the minimum time is 2 hours while no call is
    /// open. Default: `false`.
    pub permit_without_calls: bool,
}

impl Default for PingPolicy {
    fn default() -> PingPolicy {
        PingPolicy {
            min_interval: Duration::from_secs(5 * 60),
            max_strikes: 2,
            permit_without_calls: false,
        }
    }
}

/// Counts the early pings of one client, which gRPC calls ping strikes.
#[derive(Debug, Default)]
pub(super) struct PingStrikes {
    last: Option<Instant>,
    count: u32,
}

impl PingStrikes {
    /// Counts a ping. Returns `false` if it exceeds the limit.
    pub(super) fn ping(&mut self, policy: &PingPolicy, has_calls: bool, now: Instant) -> bool {
        let interval = if has_calls || policy.permit_without_calls {
            policy.min_interval
        } else {
            WITHOUT_CALLS
        };
        let is_early = self
            .last
            .is_some_and(|last| now.saturating_duration_since(last) < interval);
        self.last = Some(now);
        self.count += u32::from(is_early);
        policy.max_strikes == 0 || self.count <= policy.max_strikes
    }

    /// Resets the count, because the server sends frames of a call. The client may measure the round trip then.
    pub(super) fn forget(&mut self) {
        *self = PingStrikes::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http2::tests::start;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn early_pings_are_counted_and_two_are_forgiven() {
        let policy = PingPolicy::default();
        let (mut strikes, start) = (PingStrikes::default(), start());
        for (at, fine) in [(0, true), (1, true), (2, true), (3, false)] {
            assert_eq!(
                strikes.ping(&policy, true, start + at * SECOND),
                fine,
                "{at}"
            );
        }
        strikes.forget();
        assert!(strikes.ping(&policy, true, start + 4 * SECOND));
    }

    #[test]
    fn pings_in_time_cost_nothing() {
        let policy = PingPolicy::default();
        let (mut strikes, start) = (PingStrikes::default(), start());
        for at in 0..10 {
            assert!(strikes.ping(&policy, true, start + at * 300 * SECOND));
        }
    }

    #[test]
    fn without_calls_pings_are_rarer() {
        let mut policy = PingPolicy::default();
        let ten = |policy: &PingPolicy| {
            let (mut strikes, start) = (PingStrikes::default(), start());
            (0..10).all(|at| strikes.ping(policy, false, start + at * 300 * SECOND))
        };
        assert!(!ten(&policy));
        policy.permit_without_calls = true;
        assert!(ten(&policy));
    }

    #[test]
    fn no_limit_is_none() {
        let policy = PingPolicy {
            max_strikes: 0,
            ..PingPolicy::default()
        };
        let (mut strikes, now) = (PingStrikes::default(), start());
        assert!((0..1000).all(|_| strikes.ping(&policy, true, now)));
    }
}

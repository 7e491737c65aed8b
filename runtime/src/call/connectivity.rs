//! The state of a channel, and its subscribers.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

/// The state of a channel, as in gRPC's connectivity semantics. gRPC Python's `ChannelConnectivity`.
///
/// While a channel is idle or connecting, its calls wait. While it is in transient failure, a call fails with UNAVAILABLE and the
/// cause, unless `wait_for_ready` is set for the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChannelConnectivity {
    /// The channel has no connection, because it was not used for a while or because the connection was lost. The next call makes
    /// the channel connect.
    Idle,
    /// The channel is connecting: it resolves names, opens sockets and makes handshakes, until the server has sent its first
    /// frame of HTTP/2.
    Connecting,
    /// There is a connection.
    Ready,
    /// The attempt to connect failed, or the connection ended before it carried a call. The channel tries again by itself, after
    /// a back-off that grows with each attempt.
    TransientFailure,
    /// The channel was closed: it takes no more calls.
    Shutdown,
}

impl fmt::Display for ChannelConnectivity {
    /// Writes gRPC's name of the state, for example `TRANSIENT_FAILURE`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ChannelConnectivity::Idle => "IDLE",
            ChannelConnectivity::Connecting => "CONNECTING",
            ChannelConnectivity::Ready => "READY",
            ChannelConnectivity::TransientFailure => "TRANSIENT_FAILURE",
            ChannelConnectivity::Shutdown => "SHUTDOWN",
        })
    }
}

/// A stream of the states of a channel, returned by [`Channel::subscribe`](crate::Channel::subscribe). The first item is the
/// state at the time of the subscription, and the last is `Shutdown`.
///
/// The stream does not keep the channel open. At most 64 unread changes are kept; further changes replace the oldest ones.
pub struct ConnectivityChanges(Arc<Watcher>);

impl ConnectivityChanges {
    /// Waits for the next state. Returns `None` after [`Shutdown`](ChannelConnectivity::Shutdown), which is the last state.
    pub async fn next(&mut self) -> Option<ChannelConnectivity> {
        poll_fn(|context| self.poll_change(context)).await
    }

    fn poll_change(&mut self, context: &mut Context<'_>) -> Poll<Option<ChannelConnectivity>> {
        let mut seen = self.0.seen();
        match seen.changes.pop_front() {
            Some(state) => Poll::Ready(Some(state)),
            None if seen.ended => Poll::Ready(None),
            None => {
                seen.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Stream for ConnectivityChanges {
    type Item = ChannelConnectivity;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_change(context)
    }
}

impl fmt::Debug for ConnectivityChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectivityChanges")
            .finish_non_exhaustive()
    }
}

/// The current state, and its subscribers.
#[derive(Debug)]
pub(crate) struct Announcer {
    state: ChannelConnectivity,
    watchers: Vec<Weak<Watcher>>,
}

impl Announcer {
    pub(crate) fn new(state: ChannelConnectivity) -> Announcer {
        Announcer {
            state,
            watchers: Vec::new(),
        }
    }

    pub(crate) fn state(&self) -> ChannelConnectivity {
        self.state
    }

    /// Sets the state, and tells subscribers if it has changed. SHUTDOWN is final.
    pub(crate) fn announce(&mut self, state: ChannelConnectivity) {
        if state == self.state || self.state == ChannelConnectivity::Shutdown {
            return;
        }
        self.state = state;
        self.watchers.retain(|watcher| {
            let watcher = watcher.upgrade();
            if let Some(watcher) = &watcher {
                watcher.push(state);
            }
            watcher.is_some()
        });
    }

    pub(crate) fn subscribe(&mut self) -> ConnectivityChanges {
        let watcher = Arc::new(Watcher::default());
        watcher.push(self.state);
        self.watchers.retain(|other| other.strong_count() > 0);
        self.watchers.push(Arc::downgrade(&watcher));
        ConnectivityChanges(watcher)
    }
}

impl Drop for Announcer {
    fn drop(&mut self) {
        self.announce(ChannelConnectivity::Shutdown);
    }
}

/// The number of changes kept for a subscriber that has not read them.
const KEPT: usize = 64;

/// The changes that one subscriber has not read.
#[derive(Debug, Default)]
struct Watcher(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    changes: VecDeque<ChannelConnectivity>,
    ended: bool,
    waker: Option<Waker>,
}

impl Watcher {
    fn push(&self, state: ChannelConnectivity) {
        let waker = {
            let mut seen = self.seen();
            if seen.changes.len() == KEPT {
                seen.changes.pop_front();
            }
            seen.changes.push_back(state);
            seen.ended = state == ChannelConnectivity::Shutdown;
            seen.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(changes: &mut ConnectivityChanges) -> Poll<Option<ChannelConnectivity>> {
        changes.poll_change(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_reader_sees_where_it_began_every_change_and_the_end() {
        let mut announcer = Announcer::new(ChannelConnectivity::Idle);
        let mut changes = announcer.subscribe();
        let states = [
            ChannelConnectivity::Connecting,
            ChannelConnectivity::TransientFailure,
            ChannelConnectivity::TransientFailure,
            ChannelConnectivity::Connecting,
        ];
        for state in states {
            announcer.announce(state);
        }
        drop(announcer);
        for state in [
            ChannelConnectivity::Idle,
            ChannelConnectivity::Connecting,
            ChannelConnectivity::TransientFailure,
            ChannelConnectivity::Connecting,
            ChannelConnectivity::Shutdown,
        ] {
            assert_eq!(next(&mut changes), Poll::Ready(Some(state)));
        }
        assert_eq!(next(&mut changes), Poll::Ready(None));
    }

    #[test]
    fn a_slow_reader_has_bounded_memory() {
        let mut announcer = Announcer::new(ChannelConnectivity::Idle);
        let mut changes = announcer.subscribe();
        for _ in 0..1000 {
            announcer.announce(ChannelConnectivity::Connecting);
            announcer.announce(ChannelConnectivity::Idle);
        }
        let mut seen = 0;
        while next(&mut changes).is_ready() {
            seen += 1;
        }
        assert_eq!(seen, KEPT);
        // A subscriber that was dropped is not kept either.
        drop(changes);
        announcer.announce(ChannelConnectivity::Connecting);
        assert!(announcer.watchers.is_empty());
    }
}

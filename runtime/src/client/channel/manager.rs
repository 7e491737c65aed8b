//! The task that makes a channel's connections, and says what becomes of its calls.

use std::sync::{Arc, Weak};
use std::time::Instant;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout_at;

use super::connectivity::ChannelConnectivity;
use super::dial::Dial;
use super::picker::Picker;
use super::remote::Remote;
use super::subchannel::{State, Subchannel};
use crate::call::Link;
use crate::{Status, clock};

/// Something that a manager has to know.
#[derive(Debug)]
pub(super) enum Event {
    /// Calls wait for a connection, or somebody asks for one.
    Wanted,
    /// An attempt has come to a connection.
    Connected { attempt: u64, link: Arc<Link> },
    /// An attempt has failed.
    Failed { attempt: u64, status: Status },
    /// A connection takes no more calls, or is closed.
    Lost { attempt: u64 },
    /// Failures so far are to count no more.
    ResetBackoff,
}

/// The owner of a channel's connections: everything that changes them comes to it, one after the other.
///
/// It is a task from the first time that a connection is wanted, as long as there is the channel.
pub(super) struct Manager {
    remote: Weak<Remote>,
    events: UnboundedReceiver<Event>,
    subchannel: Subchannel,
    next_attempt: u64,
    /// When the channel was last wanted, as far as no connection knows it.
    wanted_at: Instant,
}

impl Manager {
    pub(super) fn new(remote: &Arc<Remote>, events: UnboundedReceiver<Event>) -> Manager {
        Manager {
            remote: Arc::downgrade(remote),
            events,
            subchannel: Subchannel::default(),
            next_attempt: 0,
            wanted_at: clock::now(),
        }
    }

    /// Runs until the channel is closed or gone.
    pub(super) async fn run(mut self) {
        while let Some(next) = self.next() {
            let event = match next {
                Some(next) => timeout_at(next.into(), self.events.recv()).await,
                None => Ok(self.events.recv().await),
            };
            match event {
                Ok(Some(event)) => self.take(event),
                Ok(None) => break,
                Err(_) => self.on_time(clock::now()),
            }
        }
        self.subchannel.release();
    }

    /// When to look at the clock; nothing when the channel is gone.
    fn next(&self) -> Option<Option<Instant>> {
        let remote = self.remote.upgrade()?;
        let times = [
            remote.next_deadline(),
            self.subchannel.retry_at(),
            self.idle_at(&remote),
        ];
        Some(times.into_iter().flatten().min())
    }

    fn take(&mut self, event: Event) {
        let Some(remote) = self.remote.upgrade() else {
            return;
        };
        let is_asked = matches!(event, Event::Wanted);
        match event {
            Event::Wanted => self.wanted_at = clock::now(),
            Event::Connected { attempt, link } => {
                if self.subchannel.connected(attempt, &link) {
                    self.publish(&remote);
                }
            }
            Event::Failed { attempt, status } => {
                let backoff = remote.options().backoff;
                if self.subchannel.failed(attempt, status, backoff) {
                    self.publish(&remote);
                }
            }
            Event::Lost { attempt } => {
                if self.subchannel.lost(attempt) {
                    self.publish(&remote);
                }
            }
            Event::ResetBackoff => self.subchannel.reset_backoff(clock::now()),
        }
        if matches!(self.subchannel.state(), State::Idle) && (is_asked || remote.is_wanted()) {
            self.connect(&remote);
        }
    }

    fn on_time(&mut self, now: Instant) {
        let Some(remote) = self.remote.upgrade() else {
            return;
        };
        remote.expire(now);
        if self.idle_at(&remote).is_some_and(|at| at <= now) {
            if remote.is_wanted() {
                self.wanted_at = now;
            } else {
                self.subchannel.release();
                self.subchannel = Subchannel::default();
                self.publish(&remote);
            }
        } else if self.subchannel.retry_at().is_some_and(|at| at <= now) {
            self.connect(&remote);
        }
    }

    /// When a channel without a connection stops trying, if nobody wants one. A connection without calls ends by itself.
    fn idle_at(&self, remote: &Remote) -> Option<Instant> {
        match self.subchannel.state() {
            State::Idle | State::Ready { .. } => None,
            State::Connecting { .. } | State::Failed { .. } => {
                self.wanted_at.checked_add(remote.options().idle_timeout()?)
            }
        }
    }

    fn connect(&mut self, remote: &Arc<Remote>) {
        let attempt = self.next_attempt;
        self.next_attempt += 1;
        let task = tokio::spawn(Dial::new(remote, attempt).run());
        self.subchannel
            .connecting(attempt, clock::now(), task.abort_handle());
        self.publish(remote);
    }

    fn publish(&self, remote: &Remote) {
        let (state, picker) = match self.subchannel.state() {
            State::Idle => (ChannelConnectivity::Idle, Picker::Wait),
            State::Connecting { .. } => (ChannelConnectivity::Connecting, Picker::Wait),
            State::Ready { link, .. } => {
                (ChannelConnectivity::Ready, Picker::One(Arc::clone(link)))
            }
            State::Failed { cause, .. } => (
                ChannelConnectivity::TransientFailure,
                Picker::Fail(cause.clone()),
            ),
        };
        remote.publish(state, picker);
    }
}

impl Drop for Manager {
    /// A runtime that shuts down drops its tasks; no call may hang on a manager that is not driven any more.
    fn drop(&mut self) {
        self.events.close();
        if let Some(remote) = self.remote.upgrade() {
            remote.abandoned();
        }
    }
}

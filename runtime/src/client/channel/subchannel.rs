//! One way to a server: the state of the connection to it.

use std::sync::Arc;
use std::time::Instant;

use tokio::task::AbortHandle;

use super::backoff::{Backoff, BackoffConfig};
use super::connector::Address;
use crate::Status;
use crate::call::{Link, Order};
use crate::jitter::jitter;

/// The connection to a server, from the first attempt on. gRPC's subchannel. Time comes in.
#[derive(Debug)]
pub(super) struct Subchannel {
    /// Where the server is: any of these will do.
    addresses: Arc<[Address]>,
    state: State,
    backoff: Backoff,
    /// Why the last attempt failed, until one succeeds.
    failure: Option<Status>,
}

/// What a subchannel is at. Attempts, and the connections that come of them, have a number, by which news of what is past
/// is told from news of what is.
#[derive(Debug, Default)]
pub(super) enum State {
    #[default]
    Idle,
    Connecting {
        attempt: u64,
        began: Instant,
        task: AbortHandle,
    },
    Ready {
        attempt: u64,
        address: Address,
        link: Arc<Link>,
    },
    /// The last attempt failed; the next is made at `until`.
    Failed { until: Instant },
}

impl Subchannel {
    pub(super) fn new(addresses: Arc<[Address]>) -> Subchannel {
        Subchannel {
            addresses,
            state: State::Idle,
            backoff: Backoff::default(),
            failure: None,
        }
    }

    pub(super) fn addresses(&self) -> &Arc<[Address]> {
        &self.addresses
    }

    /// Whether it leads to this address and no other.
    pub(super) fn leads_to(&self, address: &Address) -> bool {
        matches!(&*self.addresses, [own] if own == address)
    }

    /// Leads to these addresses from now on. A connection to another is let go.
    pub(super) fn lead_to(&mut self, addresses: Arc<[Address]>) {
        self.addresses = addresses;
        if matches!(&self.state, State::Ready { address, .. } if !self.addresses.contains(address))
        {
            self.release();
        }
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// The connection, if there is one.
    pub(super) fn link(&self) -> Option<&Arc<Link>> {
        match &self.state {
            State::Ready { link, .. } => Some(link),
            _ => None,
        }
    }

    /// Why the last attempt failed, until one succeeds.
    pub(super) fn failure(&self) -> Option<&Status> {
        self.failure.as_ref()
    }

    /// An attempt has begun.
    pub(super) fn connecting(&mut self, attempt: u64, began: Instant, task: AbortHandle) {
        self.state = State::Connecting {
            attempt,
            began,
            task,
        };
    }

    /// An attempt has come to a connection. Says whether it is the one that is waited for.
    pub(super) fn connected(&mut self, attempt: u64, address: &Address, link: &Arc<Link>) -> bool {
        let awaited =
            matches!(&self.state, State::Connecting { attempt: own, .. } if *own == attempt);
        if awaited {
            self.backoff.reset();
            self.failure = None;
            self.state = State::Ready {
                attempt,
                address: address.clone(),
                link: Arc::clone(link),
            };
        }
        awaited
    }

    /// An attempt has failed. Says whether it is the one that is waited for.
    pub(super) fn failed(&mut self, attempt: u64, cause: &Status, config: BackoffConfig) -> bool {
        let State::Connecting {
            attempt: own,
            began,
            ..
        } = &self.state
        else {
            return false;
        };
        let (awaited, began) = (*own == attempt, *began);
        if awaited {
            let wait = self.backoff.next(config, jitter());
            // The wait counts from the beginning of the attempt; too long for the clock is as good as for ever.
            let until = began.checked_add(wait).unwrap_or(began);
            self.state = State::Failed { until };
            self.failure = Some(cause.clone());
        }
        awaited
    }

    /// A connection takes no more calls. Says whether it is the one that there is.
    pub(super) fn lost(&mut self, attempt: u64) -> bool {
        let current = matches!(&self.state, State::Ready { attempt: own, .. } if *own == attempt);
        if current {
            self.state = State::Idle;
        }
        current
    }

    /// When to try again, after a failure.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        match &self.state {
            State::Failed { until } => Some(*until),
            _ => None,
        }
    }

    /// The failures so far count no more: the next attempt is due now.
    pub(super) fn reset_backoff(&mut self, now: Instant) {
        self.backoff.reset();
        if let State::Failed { until } = &mut self.state {
            *until = now;
        }
    }

    /// Ends an attempt, or lets a connection end with the last of its calls.
    pub(super) fn release(&mut self) {
        self.backoff.reset();
        self.failure = None;
        match std::mem::take(&mut self.state) {
            State::Idle | State::Failed { .. } => {}
            State::Connecting { task, .. } => task.abort(),
            State::Ready { link, .. } => link.order(Order::Drain),
        }
    }
}

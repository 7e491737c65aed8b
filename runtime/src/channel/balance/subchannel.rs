//! One way to a server: the connections to it.

use std::sync::Arc;
use std::time::Instant;

use tokio::task::AbortHandle;

use crate::Status;
use crate::base::jitter::jitter;
use crate::call::{Link, Order};
use crate::channel::balance::health::Health;
use crate::channel::balance::outliers::Record;
use crate::channel::balance::picker::Lines;
use crate::channel::connect::address::Address;
use crate::channel::connect::backoff::{Backoff, BackoffConfig};
use crate::channel::connect::owner::{Carried, Loss};

/// The connections to a server, from the first attempt on: as a rule one, more where the peer's limit of streams is reached
/// (gRFC A105). gRPC's subchannel. Time comes in.
#[derive(Debug)]
pub(crate) struct Subchannel {
    /// Where the server is: any of these will do.
    addresses: Arc<[Address]>,
    /// The oldest first.
    connections: Vec<Connection>,
    /// There is never more than one.
    attempt: Option<Attempt>,
    /// The last attempt failed; the next is made then, or later.
    retry_at: Option<Instant>,
    backoff: Backoff,
    /// Addresses whose connections ended at once since the last back-off: the others are tried first.
    passed: Vec<Address>,
    /// The last connection was lost at once, with calls on it that were not answered.
    is_suspect: bool,
    /// Why the last attempt failed, until one succeeds.
    failure: Option<Status>,
    /// What asks the server for its health, where that is to be done.
    watch: Option<Watch>,
    /// How its calls have ended, where outliers are looked for.
    record: Option<Record>,
}

/// What a subchannel is at: the first of these that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Ready,
    Connecting,
    /// The last attempt failed, and the next is waited for.
    Failed,
    Idle,
}

/// An attempt to connect. Attempts, and the connections that come of them, have a number, by which news of what is past is told
/// from news of what is.
#[derive(Debug)]
struct Attempt {
    number: u64,
    /// When the next may be made if it fails.
    retry_at: Instant,
    task: AbortHandle,
}

#[derive(Debug)]
struct Connection {
    /// Of the attempt that made it.
    number: u64,
    address: Address,
    link: Arc<Link>,
    /// Until then it is not known to be better than an attempt that fails.
    retry_at: Instant,
}

/// What asks a server for its health, on the connection of this number.
#[derive(Debug)]
struct Watch {
    number: u64,
    task: AbortHandle,
    health: Health,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Subchannel {
    pub(crate) fn new(addresses: Arc<[Address]>, record: Option<Record>) -> Subchannel {
        Subchannel {
            addresses,
            connections: Vec::new(),
            attempt: None,
            retry_at: None,
            backoff: Backoff::default(),
            passed: Vec::new(),
            is_suspect: false,
            failure: None,
            watch: None,
            record,
        }
    }

    /// Where the next attempt is to lead: a connection beside others leads to where the oldest does, and one after others that
    /// ended at once to where they did not.
    pub(crate) fn addresses(&self) -> Arc<[Address]> {
        match self.connections.first() {
            Some(oldest) => Arc::new([oldest.address.clone()]),
            // Others may have been found since.
            None if self.passed.is_empty() || self.untried().next().is_none() => {
                Arc::clone(&self.addresses)
            }
            None => self.untried().cloned().collect(),
        }
    }

    fn untried(&self) -> impl Iterator<Item = &Address> {
        let all = self.addresses.iter();
        all.filter(|address| !self.passed.contains(address))
    }

    /// Whether it leads to this address and no other.
    pub(crate) fn leads_to(&self, address: &Address) -> bool {
        matches!(&*self.addresses, [own] if own == address)
    }

    /// Leads to these addresses from now on. Connections to others are let go.
    pub(crate) fn lead_to(&mut self, addresses: Arc<[Address]>) {
        self.addresses = addresses;
        let is_gone = |connection: &Connection| !self.addresses.contains(&connection.address);
        if self.connections.iter().any(is_gone) {
            self.release();
        }
    }

    pub(crate) fn state(&self) -> State {
        if !self.connections.is_empty() {
            match self.health() {
                _ if self.ejection().is_some() => State::Failed,
                Health::Serving => State::Ready,
                Health::Unknown => State::Connecting,
                Health::Failing(_) => State::Failed,
            }
        } else if self.attempt.is_some() {
            State::Connecting
        } else if self.retry_at.is_some() {
            State::Failed
        } else {
            State::Idle
        }
    }

    /// The connections that calls may use, if there are any.
    pub(crate) fn lines(&self) -> Option<Lines> {
        if self.state() != State::Ready {
            return None;
        }
        Lines::new(self.connections.iter().map(|one| Arc::clone(&one.link)))
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Whether an attempt is under way at one more connection than there is.
    pub(crate) fn is_growing(&self) -> bool {
        self.attempt.is_some() && !self.connections.is_empty()
    }

    /// Whether the peer's limit holds back calls on all of its connections, and up to `most` of them another may be made.
    pub(crate) fn may_grow(&self, most: usize) -> bool {
        if self.state() != State::Ready {
            return false;
        }
        let is_alone = |one: &Connection| matches!(one.address, Address::Open(_));
        (1..most).contains(&self.connections.len())
            && self.attempt.is_none()
            && self.retry_at.is_none()
            && !self.connections.iter().any(is_alone)
            && self.connections.iter().all(|one| one.link.is_full())
    }

    /// Why the last attempt failed, until one succeeds, or what is wrong with the server.
    pub(crate) fn failure(&self) -> Option<&Status> {
        match self.watch.as_ref().map(|watch| &watch.health) {
            Some(Health::Failing(status)) => Some(status),
            _ => self.ejection().or(self.failure.as_ref()),
        }
    }

    /// How its calls have ended, where outliers are looked for.
    pub(crate) fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    pub(crate) fn record_mut(&mut self) -> Option<&mut Record> {
        self.record.as_mut()
    }

    fn ejection(&self) -> Option<&Status> {
        self.record.as_ref()?.ejection()
    }

    fn health(&self) -> &Health {
        self.watch
            .as_ref()
            .map_or(&Health::Serving, |watch| &watch.health)
    }

    /// The connection on which the server is to be asked for its health, and is not.
    pub(crate) fn unwatched(&self) -> Option<(u64, Arc<Link>)> {
        let oldest = self.connections.first()?;
        let watched = self.watch.as_ref().map(|watch| watch.number);
        (watched != Some(oldest.number)).then(|| (oldest.number, Arc::clone(&oldest.link)))
    }

    /// The server is asked for its health on this connection. Until it answers, its last word counts.
    pub(crate) fn watched(&mut self, number: u64, task: AbortHandle) {
        let before = self.watch.take().map(|watch| watch.health.clone());
        self.watch = Some(Watch {
            number,
            task,
            health: before.unwrap_or(Health::Unknown),
        });
    }

    /// The server has said how it is, on this connection. Says whether that is the one it is asked on.
    pub(crate) fn told(&mut self, number: u64, health: &Health) -> bool {
        let watch = self.watch.as_mut().filter(|watch| watch.number == number);
        watch.map(|watch| watch.health.clone_from(health)).is_some()
    }

    /// An attempt has begun.
    pub(crate) fn connecting(
        &mut self,
        number: u64,
        began: Instant,
        config: BackoffConfig,
        task: AbortHandle,
    ) {
        if !self.connections.is_empty() && self.failure.is_none() {
            // They are full of calls, so the server is well.
            self.backoff.reset();
        }
        let wait = self.backoff.wait(config, jitter());
        self.retry_at = None;
        self.attempt = Some(Attempt {
            number,
            // Too long for the clock is as good as for ever.
            retry_at: began.checked_add(wait).unwrap_or(began),
            task,
        });
    }

    /// An attempt has come to a connection. Says whether it is the one that is waited for.
    pub(crate) fn connected(&mut self, number: u64, address: &Address, link: &Arc<Link>) -> bool {
        let Some(attempt) = self.attempt.take_if(|own| own.number == number) else {
            return false;
        };
        self.failure = None;
        self.connections.push(Connection {
            number,
            address: address.clone(),
            link: Arc::clone(link),
            retry_at: attempt.retry_at,
        });
        true
    }

    /// An attempt has failed. Says whether it is the one that is waited for.
    pub(crate) fn failed(&mut self, number: u64, cause: Status) -> bool {
        let Some(attempt) = self.attempt.take_if(|own| own.number == number) else {
            return false;
        };
        self.back_off(attempt.retry_at, cause);
        true
    }

    /// A connection takes no more calls, and nobody wants it to. Says whether it is one of those that there are.
    pub(crate) fn unused(&mut self, number: u64) -> bool {
        self.take_out(number).is_some()
    }

    /// The peer has ended a connection. Says whether it is one of those that there are.
    ///
    /// A connection that has carried no call and ends before the wait after its attempt is over was worth no more than an attempt
    /// that fails. Without the wait a server that greets every client with GOAWAY would be asked for connections without end. One
    /// that is lost with its first calls may be the last of a server that is restarted: that counts when it happens twice in a row.
    pub(crate) fn lost(&mut self, number: u64, loss: Loss, now: Instant) -> bool {
        let Some(lost) = self.take_out(number) else {
            return false;
        };
        if loss.carried == Carried::Calls || lost.retry_at <= now {
            self.backoff.reset();
            self.passed.clear();
            self.is_suspect = false;
        } else if loss.carried == Carried::Unanswered && !self.is_suspect {
            self.is_suspect = true;
        } else if self.attempt.is_none() {
            self.passed.push(lost.address);
            if self.untried().next().is_none() || !self.connections.is_empty() {
                self.back_off(lost.retry_at, loss.cause);
            }
        }
        true
    }

    /// Waits until another attempt may be made, and keeps the cause until one succeeds.
    fn back_off(&mut self, until: Instant, cause: Status) {
        self.backoff.failed();
        self.passed.clear();
        self.retry_at = Some(until);
        self.failure = Some(cause);
    }

    fn take_out(&mut self, number: u64) -> Option<Connection> {
        let mut all = self.connections.iter();
        let place = all.position(|one| one.number == number)?;
        let connection = self.connections.remove(place);
        if self.connections.is_empty() {
            self.watch = None;
        }
        Some(connection)
    }

    /// When to try again, after a failure.
    pub(crate) fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// The wait after a failure is over, and there is no need to try again.
    pub(crate) fn rest(&mut self) {
        self.retry_at = None;
    }

    /// The failures so far count no more: the next attempt is due now.
    pub(crate) fn reset_backoff(&mut self, now: Instant) {
        self.backoff.reset();
        self.retry_at = self.retry_at.map(|_| now);
    }

    /// Ends an attempt, and lets the connections end with the last of their calls.
    pub(crate) fn release(&mut self) {
        self.backoff.reset();
        self.passed.clear();
        self.is_suspect = false;
        self.failure = None;
        self.retry_at = None;
        self.watch = None;
        if let Some(attempt) = self.attempt.take() {
            attempt.task.abort();
        }
        for connection in self.connections.drain(..) {
            connection.link.order(Order::Drain);
        }
    }
}

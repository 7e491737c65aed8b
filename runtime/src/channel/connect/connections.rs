//! The connections to a server.

use std::sync::Arc;
use std::time::Instant;

use tokio::task::AbortHandle;

use crate::Status;
use crate::base::backoff::{Backoff, BackoffConfig};
use crate::base::jitter::jitter;
use crate::call::{Link, Order};
use crate::channel::connect::owner::{Carried, ConnectionNews, Health, Loss};
use crate::channel::resolve::address::Address;
use crate::channel::resolve::target::Target;
use crate::transport::Endpoint;

/// The connections to a server: usually one, and more when the peer's limit of streams is reached (gRFC A105). It has no clock: the
/// caller passes the time.
#[derive(Debug)]
pub(crate) struct Connections {
    /// The server's addresses. Any one of them is enough.
    addresses: Arc<[Address]>,
    /// The open connections, the oldest first.
    connections: Vec<OpenConnection>,
    /// The current attempt to connect. There is only one at a time.
    attempt: Option<Attempt>,
    /// The earliest time of the next attempt, after one that has failed.
    retry_at: Option<Instant>,
    backoff: Backoff,
    /// Addresses whose connections have ended at once since the last back-off. The others are tried first.
    passed: Vec<Address>,
    /// True if the last connection was lost at once, with unanswered calls.
    is_suspect: bool,
    /// The error of the last attempt, until one succeeds.
    failure: Option<Status>,
    /// The health check of the server, if it has one.
    health_check: Option<HealthCheck>,
}

/// The state of the connections to a server. It depends on the server's health if there is a connection, and otherwise on the
/// attempt to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionsState {
    Ready,
    Connecting,
    /// The server is unhealthy, or the last attempt has failed and the next one is not due yet.
    Failed,
    Idle,
}

/// An attempt to connect. It has a number, as has the connection that it makes, so that late events of earlier attempts can be ignored.
#[derive(Debug)]
struct Attempt {
    number: u64,
    /// The earliest time of the next attempt, if this one fails.
    retry_at: Instant,
    task: AbortHandle,
}

#[derive(Debug)]
struct OpenConnection {
    /// The number of the attempt that opened it.
    number: u64,
    address: Address,
    link: Arc<Link>,
    /// A connection that ends before this time, without a call, counts as a failed attempt.
    retry_at: Instant,
}

/// The health check of a server, on the connection with this number.
#[derive(Debug)]
struct HealthCheck {
    number: u64,
    task: AbortHandle,
    health: Health,
}

impl Drop for HealthCheck {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Connections {
    pub(crate) fn new(addresses: Arc<[Address]>) -> Connections {
        Connections {
            addresses,
            connections: Vec::new(),
            attempt: None,
            retry_at: None,
            backoff: Backoff::default(),
            passed: Vec::new(),
            is_suspect: false,
            failure: None,
            health_check: None,
        }
    }

    /// Returns the addresses for the next attempt: the address of the oldest connection, if there is one. Otherwise returns the
    /// addresses whose connections have not ended at once, or all addresses if there are no such ones.
    pub(crate) fn addresses(&self) -> Arc<[Address]> {
        match self.connections.first() {
            Some(oldest) => Arc::new([oldest.address.clone()]),
            // Without an untried address, all addresses are tried again.
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

    /// Changes the addresses. Releases connections to addresses that are not listed any more, and returns whether there were any.
    pub(crate) fn lead_to(&mut self, addresses: Arc<[Address]>) -> bool {
        self.addresses = addresses;
        let is_gone = |connection: &OpenConnection| !self.addresses.contains(&connection.address);
        let is_any_gone = self.connections.iter().any(is_gone);
        if is_any_gone {
            self.release();
        }
        is_any_gone
    }

    pub(crate) fn state(&self) -> ConnectionsState {
        if !self.connections.is_empty() {
            match self.health() {
                Health::Serving => ConnectionsState::Ready,
                Health::Unknown => ConnectionsState::Connecting,
                Health::Failing(_) => ConnectionsState::Failed,
            }
        } else if self.attempt.is_some() {
            ConnectionsState::Connecting
        } else if self.retry_at.is_some() {
            ConnectionsState::Failed
        } else {
            ConnectionsState::Idle
        }
    }

    /// Returns the links of the connections, the oldest first.
    pub(crate) fn links(&self) -> impl Iterator<Item = Arc<Link>> {
        self.connections.iter().map(|one| Arc::clone(&one.link))
    }

    /// Returns the number of connections.
    pub(crate) fn count(&self) -> usize {
        self.connections.len()
    }

    /// Returns whether a further connection is being made.
    pub(crate) fn is_growing(&self) -> bool {
        self.attempt.is_some() && !self.connections.is_empty()
    }

    /// Returns whether all connections have reached the peer's limit of streams, and another may be made, up to `most`.
    pub(crate) fn may_grow(&self, most: usize) -> bool {
        if self.state() != ConnectionsState::Ready {
            return false;
        }
        let is_alone = |one: &OpenConnection| matches!(one.address.endpoint, Endpoint::Open(_));
        (1..most).contains(&self.connections.len())
            && self.attempt.is_none()
            && self.retry_at.is_none()
            && !self.connections.iter().any(is_alone)
            && self.connections.iter().all(|one| one.link.is_full())
    }

    /// Returns why the server is not ready: its health, or the error of the last attempt.
    pub(crate) fn failure(&self) -> Option<&Status> {
        match self
            .health_check
            .as_ref()
            .map(|health_check| &health_check.health)
        {
            Some(Health::Failing(status)) => Some(status),
            _ => self.failure.as_ref(),
        }
    }

    fn health(&self) -> &Health {
        self.health_check
            .as_ref()
            .map_or(&Health::Serving, |health_check| &health_check.health)
    }

    /// Returns the oldest connection, on which the server's health must be checked. Returns `None` if there is no connection, or
    /// if the health is already checked on the oldest one.
    pub(crate) fn unchecked(&self) -> Option<(u64, Arc<Link>)> {
        let oldest = self.connections.first()?;
        let watched = self
            .health_check
            .as_ref()
            .map(|health_check| health_check.number);
        (watched != Some(oldest.number)).then(|| (oldest.number, Arc::clone(&oldest.link)))
    }

    /// Stores the health check on this connection. The last known health applies until the server answers.
    pub(crate) fn set_health_check(&mut self, number: u64, task: AbortHandle) {
        let before = self
            .health_check
            .take()
            .map(|health_check| health_check.health.clone());
        self.health_check = Some(HealthCheck {
            number,
            task,
            health: before.unwrap_or(Health::Unknown),
        });
    }

    /// Stores the health of the server. Returns whether the answer belongs to the current health check.
    fn set_health(&mut self, number: u64, health: &Health) -> bool {
        let health_check = self
            .health_check
            .as_mut()
            .filter(|health_check| health_check.number == number);
        health_check
            .map(|health_check| health_check.health.clone_from(health))
            .is_some()
    }

    /// Stores an attempt that has begun, and the earliest time of the next attempt if it fails.
    pub(crate) fn connecting(
        &mut self,
        number: u64,
        began: Instant,
        config: BackoffConfig,
        task: AbortHandle,
    ) {
        if !self.connections.is_empty() && self.failure.is_none() {
            // The existing connections are full of calls, so the server works.
            self.backoff.reset();
        }
        let wait = self.backoff.wait(config, jitter());
        self.retry_at = None;
        self.attempt = Some(Attempt {
            number,
            // If the clock cannot represent the time, there is no wait.
            retry_at: began.checked_add(wait).unwrap_or(began),
            task,
        });
    }

    /// Handles an event. Returns whether it belongs to an attempt or a connection of this server.
    pub(crate) fn hear(
        &mut self,
        attempt: u64,
        news: &ConnectionNews,
        now: Instant,
        target: &Target,
    ) -> bool {
        match news {
            ConnectionNews::Failed(status) => self.failed(attempt, status),
            ConnectionNews::Connected { address, link } => self.connected(attempt, address, link),
            ConnectionNews::Health(health) => self.set_health(attempt, health),
            ConnectionNews::Unused => self.take_out(attempt).is_some(),
            ConnectionNews::Lost(loss) => self.lost(attempt, loss, now, target),
        }
    }

    /// Adds the connection of an attempt that has succeeded. Returns whether the attempt is the current one.
    fn connected(&mut self, number: u64, address: &Address, link: &Arc<Link>) -> bool {
        let Some(attempt) = self.attempt.take_if(|own| own.number == number) else {
            return false;
        };
        self.failure = None;
        self.connections.push(OpenConnection {
            number,
            address: address.clone(),
            link: Arc::clone(link),
            retry_at: attempt.retry_at,
        });
        true
    }

    /// Backs off after an attempt that has failed. Returns whether the attempt is the current one.
    fn failed(&mut self, number: u64, cause: &Status) -> bool {
        let Some(attempt) = self.attempt.take_if(|own| own.number == number) else {
            return false;
        };
        self.back_off(attempt.retry_at, cause.clone());
        true
    }

    /// Removes a connection that the peer has ended. Returns whether there was such a connection.
    ///
    /// A connection counts as a failed attempt if it carried no call and ended before the back-off of its attempt was over.
    /// Otherwise the channel would reconnect without end to a server that sends GOAWAY to every client. A connection that is lost
    /// with its first, unanswered calls only counts as failed if this happens twice in a row, because the server may just have
    /// restarted.
    fn lost(&mut self, number: u64, loss: &Loss, now: Instant, target: &Target) -> bool {
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
                let cause = Status::unavailable(format!(
                    "cannot connect to {target}: the connection ended before it carried a call: {}",
                    loss.cause.message()
                ));
                self.back_off(lost.retry_at, cause);
            }
        }
        true
    }

    /// Starts the back-off after a failure. Keeps the cause until an attempt succeeds.
    fn back_off(&mut self, until: Instant, cause: Status) {
        self.backoff.failed();
        self.passed.clear();
        self.retry_at = Some(until);
        self.failure = Some(cause);
    }

    fn take_out(&mut self, number: u64) -> Option<OpenConnection> {
        let mut all = self.connections.iter();
        let place = all.position(|one| one.number == number)?;
        let connection = self.connections.remove(place);
        if self.connections.is_empty() {
            self.health_check = None;
        }
        Some(connection)
    }

    /// Returns the time of the next attempt, after a failure.
    pub(crate) fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Ends the back-off without another attempt.
    pub(crate) fn rest(&mut self) {
        self.retry_at = None;
    }

    /// Forgets past failures: the next attempt is due now.
    pub(crate) fn reset_backoff(&mut self, now: Instant) {
        self.backoff.reset();
        self.retry_at = self.retry_at.map(|_| now);
    }

    /// Cancels the attempt, and lets the connections close once their calls have ended.
    pub(crate) fn release(&mut self) {
        self.backoff.reset();
        self.passed.clear();
        self.is_suspect = false;
        self.failure = None;
        self.retry_at = None;
        self.health_check = None;
        if let Some(attempt) = self.attempt.take() {
            attempt.task.abort();
        }
        for connection in self.connections.drain(..) {
            connection.link.order(Order::Drain);
        }
    }
}

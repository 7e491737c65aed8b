//! The task that makes a channel's connections, and says what becomes of its calls.

use std::sync::{Arc, Weak};
use std::time::Instant;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout_at;

use crate::Status;
use crate::base::clock;
use crate::call::{Link, Order};
use crate::channel::balance::health::{Health, HealthWatch};
use crate::channel::balance::picker::Picker;
use crate::channel::balance::servers::Servers;
use crate::channel::balance::subchannel::{Loss, State, Subchannel};
use crate::channel::connect::connector::Address;
use crate::channel::connect::dial::{Dial, look_up};
use crate::channel::connectivity::ChannelConnectivity;
use crate::channel::core::Remote;
use crate::channel::resolve::directory::Directory;
use crate::channel::resolve::names::Names;

/// Something that a manager has to know.
#[derive(Debug)]
pub(crate) enum Event {
    /// Calls wait for a connection, or somebody asks for one.
    Wanted,
    /// Names are resolved, or cannot be.
    Resolved(Result<Arc<[Address]>, Status>),
    /// Names are to be resolved again.
    NamesChanged,
    /// An attempt has come to a connection.
    Connected {
        attempt: u64,
        address: Address,
        link: Arc<Link>,
    },
    /// An attempt has failed.
    Failed { attempt: u64, status: Status },
    /// A connection has had no calls for so long that it closes.
    Unused { attempt: u64 },
    /// A connection takes no more calls, or is closed, by the peer's doing.
    Lost { attempt: u64, loss: Loss },
    /// A server has said how it is, on this connection.
    Health { number: u64, health: Health },
    /// Failures so far are to count no more.
    ResetBackoff,
}

/// The owner of a channel's connections: everything that changes them comes to it, one after the other.
///
/// It is a task from the first time that a connection is wanted, as long as there is the channel.
pub(crate) struct Manager {
    remote: Weak<Remote>,
    events: UnboundedReceiver<Event>,
    directory: Directory,
    servers: Servers,
    /// When to look for outliers among the servers.
    sweep_at: Option<Instant>,
    /// Connections are wanted, and are made once names are resolved.
    is_waking: bool,
    /// Why there are no addresses.
    unresolved: Option<Status>,
    next_attempt: u64,
    /// When the channel was last wanted, as far as no connection knows it.
    wanted_at: Instant,
}

impl Manager {
    pub(crate) fn new(remote: &Arc<Remote>, events: UnboundedReceiver<Event>) -> Manager {
        let mut manager = Manager {
            remote: Arc::downgrade(remote),
            events,
            directory: Directory::default(),
            servers: Servers::new(
                remote.options().load_balancing,
                remote.outlier_detection().cloned(),
            ),
            sweep_at: None,
            is_waking: false,
            unresolved: None,
            next_attempt: 0,
            wanted_at: clock::now(),
        };
        if let Names::Known(addresses) = &remote.target().names {
            manager
                .directory
                .resolved(Arc::clone(addresses), clock::now());
            manager.adopt();
        }
        manager
    }

    /// Runs until the channel is closed or gone.
    pub(crate) async fn run(mut self) {
        while let Some(next) = self.next() {
            let event = match next {
                Some(next) => timeout_at(next.into(), self.events.recv()).await,
                None => Ok(self.events.recv().await),
            };
            let Some(remote) = self.remote.upgrade() else {
                break;
            };
            match event {
                Ok(Some(event)) => self.take(&remote, event),
                Ok(None) => break,
                Err(_) => self.on_time(&remote, clock::now()),
            }
        }
        self.release();
    }

    /// When to look at the clock; nothing when the channel is gone.
    fn next(&self) -> Option<Option<Instant>> {
        let remote = self.remote.upgrade()?;
        let retries = self.servers.iter().filter_map(Subchannel::retry_at);
        let times = [
            remote.next_deadline(),
            self.directory.due(),
            self.idle_at(&remote),
            self.sweep_at,
        ];
        Some(times.into_iter().flatten().chain(retries).min())
    }

    fn take(&mut self, remote: &Arc<Remote>, event: Event) {
        let is_asked = matches!(event, Event::Wanted);
        let now = clock::now();
        match event {
            Event::Wanted => self.wanted_at = now,
            Event::Resolved(resolved) => self.resolved(remote, resolved, now),
            Event::NamesChanged => self.directory.refute(now),
            Event::Connected {
                attempt,
                address,
                link,
            } => {
                let mut all = self.servers.iter_mut();
                if all.any(|subchannel| subchannel.connected(attempt, &address, &link)) {
                    self.watch_health(remote);
                    self.publish(remote);
                } else {
                    // The attempt was given up when it had just succeeded.
                    link.order(Order::Drain);
                }
            }
            Event::Failed { attempt, status } => {
                let mut all = self.servers.iter_mut();
                if all.any(|subchannel| subchannel.failed(attempt, status.clone())) {
                    self.doubt_names(remote, now);
                    self.publish(remote);
                }
            }
            Event::Unused { attempt } => {
                let mut all = self.servers.iter_mut();
                if all.any(|subchannel| subchannel.unused(attempt)) {
                    self.replace(remote, now);
                    self.publish(remote);
                }
            }
            Event::Lost { attempt, loss } => {
                if self.lost(remote, attempt, loss, now) {
                    self.replace(remote, now);
                    self.doubt_names(remote, now);
                    if self.servers.are_several() {
                        // At once: the channel is not idle meanwhile.
                        self.connect_idle(remote);
                    }
                    self.publish(remote);
                }
            }
            Event::Health { number, health } => {
                let mut all = self.servers.iter_mut();
                if all.any(|subchannel| subchannel.told(number, &health)) {
                    self.publish(remote);
                }
            }
            Event::ResetBackoff => {
                self.directory.reset_backoff(now);
                for subchannel in self.servers.iter_mut() {
                    subchannel.reset_backoff(now);
                }
            }
        }
        let may_begin = !self.is_waking && self.unresolved.is_none();
        if may_begin && self.servers.is_idle() {
            if is_asked || remote.is_wanted() {
                self.wake(remote, now);
            }
        } else if may_begin && is_asked && self.servers.are_several() {
            // Those whose connections have had no calls for long.
            self.connect_idle(remote);
        }
        self.grow(remote);
        self.sweep(remote, now);
    }

    fn on_time(&mut self, remote: &Arc<Remote>, now: Instant) {
        remote.expire(now);
        if self.idle_at(remote).is_some_and(|at| at <= now) {
            if remote.is_wanted() {
                self.wanted_at = now;
            } else {
                self.release();
                self.publish(remote);
            }
            return;
        }
        if self.directory.due().is_some_and(|due| due <= now) {
            // Without addresses it is an attempt to connect as well.
            self.is_waking |= self.unresolved.take().is_some();
            self.resolve(remote);
            self.publish(remote);
        }
        let is_due = |one: &Subchannel| one.retry_at().is_some_and(|at| at <= now);
        for place in self.servers.places(is_due) {
            self.try_again(remote, place);
        }
        self.grow(remote);
        self.sweep(remote, now);
    }

    /// The wait after a failed attempt is over.
    fn try_again(&mut self, remote: &Arc<Remote>, place: usize) {
        match self.servers.get_mut(place) {
            // What has connections needs another only as long as calls wait.
            Some(subchannel) if subchannel.connections() > 0 => subchannel.rest(),
            _ => self.connect(remote, place),
        }
    }

    /// Makes one more connection when calls wait although there are some: their peers' limits of streams are reached (gRFC
    /// A105). What it brings is seen before the next.
    fn grow(&mut self, remote: &Arc<Remote>) {
        let most = remote.options().max_connections_per_subchannel;
        let is_growing = || self.servers.iter().any(Subchannel::is_growing);
        if most < 2 || !remote.is_held_back() || is_growing() {
            return;
        }
        let all = self.servers.iter().enumerate();
        let full = all.filter(|(_, subchannel)| subchannel.may_grow(most));
        let fewest = full.min_by_key(|(_, subchannel)| subchannel.connections());
        if let Some((place, _)) = fewest {
            self.connect(remote, place);
        }
    }

    /// Looks for outliers among the servers when it is time, as long as anything is done.
    fn sweep(&mut self, remote: &Arc<Remote>, now: Instant) {
        let Some(interval) = self.servers.sweep_interval() else {
            return;
        };
        if self.servers.is_idle() {
            if self.sweep_at.take().is_some() {
                self.servers.forget_outliers();
            }
            return;
        }
        match self.sweep_at {
            Some(at) if now < at => return,
            Some(_) if self.servers.sweep(now) => self.publish(remote),
            _ => {}
        }
        self.sweep_at = now.checked_add(interval);
    }

    /// When a channel without a connection stops trying, if nobody wants one. A connection without calls ends by itself.
    fn idle_at(&self, remote: &Remote) -> Option<Instant> {
        let is_trying = self.is_waking || self.unresolved.is_some() || !self.servers.is_idle();
        let has_link = self.servers.iter().any(|one| one.connections() > 0);
        if !is_trying || has_link {
            return None;
        }
        self.wanted_at.checked_add(remote.options().idle_timeout()?)
    }

    /// Begins to connect. Addresses that are old are looked up first: what a name stood for half an hour ago may not even refuse.
    fn wake(&mut self, remote: &Arc<Remote>, now: Instant) {
        let is_known = matches!(remote.target().names, Names::Known(_));
        if is_known || self.directory.is_fresh(now) {
            return self.connect_idle(remote);
        }
        self.is_waking = true;
        if !self.directory.is_resolving() {
            self.resolve(remote);
        }
        self.publish(remote);
    }

    fn resolve(&mut self, remote: &Arc<Remote>) {
        let task = tokio::spawn(look_up(Arc::downgrade(remote), remote.target().clone()));
        self.directory.resolving(task.abort_handle());
    }

    fn resolved(
        &mut self,
        remote: &Arc<Remote>,
        resolved: Result<Arc<[Address]>, Status>,
        now: Instant,
    ) {
        let was_waking = std::mem::take(&mut self.is_waking);
        let connects = was_waking || !self.servers.is_idle();
        match resolved {
            Ok(addresses) => {
                self.directory.resolved(addresses, now);
                self.adopt();
            }
            Err(status) => {
                self.directory.failed(remote.options().backoff, now);
                if self.directory.addresses().is_none() {
                    self.unresolved = Some(status);
                } else if !connects {
                    self.directory.rest();
                }
            }
        }
        if !was_waking || self.servers.is_empty() {
            self.publish(remote);
        }
        if connects {
            self.connect_idle(remote);
        }
    }

    /// Names may stand for other addresses by now.
    fn doubt_names(&mut self, remote: &Remote, now: Instant) {
        if !matches!(remote.target().names, Names::Known(_)) {
            self.directory.doubt(now);
        }
    }

    /// Takes over the addresses that are known.
    fn adopt(&mut self) {
        if let Some(addresses) = self.directory.addresses() {
            self.servers.adopt(addresses);
        }
    }

    fn connect_idle(&mut self, remote: &Arc<Remote>) {
        for place in self.servers.places(|one| one.state() == State::Idle) {
            self.connect(remote, place);
        }
    }

    fn connect(&mut self, remote: &Arc<Remote>, place: usize) {
        let Some(subchannel) = self.servers.get_mut(place) else {
            return;
        };
        let attempt = self.next_attempt;
        self.next_attempt += 1;
        let is_beside = subchannel.connections() > 0;
        let dial = Dial::new(remote, attempt, subchannel);
        let task = tokio::spawn(dial.run());
        let backoff = remote.options().backoff;
        subchannel.connecting(attempt, clock::now(), backoff, task.abort_handle());
        if !is_beside {
            self.publish(remote);
        }
    }

    /// The peer has ended a connection. Says whether it was one that is used.
    fn lost(&mut self, remote: &Remote, attempt: u64, loss: Loss, now: Instant) -> bool {
        let cause = Status::unavailable(format!(
            "cannot connect to {}: the connection ended before it carried a call: {}",
            remote.target(),
            loss.cause.message()
        ));
        let loss = Loss { cause, ..loss };
        let mut all = self.servers.iter_mut();
        all.any(|subchannel| subchannel.lost(attempt, loss.clone(), now))
    }

    /// A connection is gone: another may have to do its work.
    fn replace(&mut self, remote: &Arc<Remote>, now: Instant) {
        self.wanted_at = now;
        self.watch_health(remote);
    }

    /// Asks servers for their health, if that is to be done.
    fn watch_health(&mut self, remote: &Arc<Remote>) {
        let Some(service) = remote.health_check() else {
            return;
        };
        for subchannel in self.servers.iter_mut() {
            if let Some((number, link)) = subchannel.unwatched() {
                let watch = HealthWatch::new(remote, number, link, service);
                let task = tokio::spawn(watch.run());
                subchannel.watched(number, task.abort_handle());
            }
        }
    }

    /// Lets all connections go, and stops looking for any.
    fn release(&mut self) {
        for subchannel in self.servers.iter_mut() {
            subchannel.release();
        }
        self.directory.stop();
        self.is_waking = false;
        self.unresolved = None;
    }

    fn publish(&self, remote: &Arc<Remote>) {
        let (state, picker) = self.standing();
        remote.publish(state, picker);
    }

    /// What the channel is, and what becomes of its calls.
    fn standing(&self) -> (ChannelConnectivity, Picker) {
        if let Some(picker) = self.servers.ready() {
            return (ChannelConnectivity::Ready, picker);
        }
        if self.is_waking {
            return (ChannelConnectivity::Connecting, Picker::Wait);
        }
        if let Some(status) = &self.unresolved {
            return (
                ChannelConnectivity::TransientFailure,
                Picker::Fail(status.clone()),
            );
        }
        self.servers.unready()
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

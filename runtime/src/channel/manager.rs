//! The task that makes a channel's connections, and says what becomes of its calls.

use std::sync::{Arc, Weak};
use std::time::Instant;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout_at;

use crate::Status;
use crate::base::clock;
use crate::call::Order;
use crate::channel::balance::health::HealthWatch;
use crate::channel::balance::outliers::Record;
use crate::channel::balance::picker::Picker;
use crate::channel::balance::servers::Servers;
use crate::channel::balance::subchannel::{State, Subchannel};
use crate::channel::connect::address::Address;
use crate::channel::connect::dial::Dial;
use crate::channel::connect::owner::Loss;
use crate::channel::connectivity::ChannelConnectivity;
use crate::channel::core::ChannelCore;
use crate::channel::event::Event;
use crate::channel::resolve::directory::Directory;
use crate::channel::resolve::names::Names;
use crate::channel::resolve::target::Target;

/// The owner of a channel's connections: everything that changes them comes to it, one after the other.
///
/// It is a task from the first time that a connection is wanted, as long as there is the channel.
pub(crate) struct Manager {
    core: Weak<ChannelCore>,
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
    pub(crate) fn new(core: &Arc<ChannelCore>, events: UnboundedReceiver<Event>) -> Manager {
        let mut manager = Manager {
            core: Arc::downgrade(core),
            events,
            directory: Directory::default(),
            servers: Servers::new(
                core.options().load_balancing,
                core.outlier_detection().cloned(),
            ),
            sweep_at: None,
            is_waking: false,
            unresolved: None,
            next_attempt: 0,
            wanted_at: clock::now(),
        };
        if let Names::Known(addresses) = &core.target().names {
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
            let Some(core) = self.core.upgrade() else {
                break;
            };
            match event {
                Ok(Some(event)) => self.take(&core, event),
                Ok(None) => break,
                Err(_) => self.on_time(&core, clock::now()),
            }
        }
        self.release();
    }

    /// When to look at the clock; nothing when the channel is gone.
    fn next(&self) -> Option<Option<Instant>> {
        let core = self.core.upgrade()?;
        let retries = self.servers.iter().filter_map(Subchannel::retry_at);
        let times = [
            core.next_deadline(),
            self.directory.due(),
            self.idle_at(&core),
            self.sweep_at,
        ];
        Some(times.into_iter().flatten().chain(retries).min())
    }

    fn take(&mut self, core: &Arc<ChannelCore>, event: Event) {
        let is_asked = matches!(event, Event::Wanted);
        let now = clock::now();
        match event {
            Event::Wanted => self.wanted_at = now,
            Event::Resolved(resolved) => self.resolved(core, resolved, now),
            Event::NamesChanged => self.directory.refute(now),
            Event::Connected {
                attempt,
                address,
                link,
            } => {
                let mut all = self.servers.iter_mut();
                if all.any(|subchannel| subchannel.connected(attempt, &address, &link)) {
                    self.watch_health(core);
                    self.publish(core);
                } else {
                    // The attempt was given up when it had just succeeded.
                    link.order(Order::Drain);
                }
            }
            Event::Failed { attempt, status } => {
                let mut all = self.servers.iter_mut();
                if all.any(|subchannel| subchannel.failed(attempt, status.clone())) {
                    self.doubt_names(core, now);
                    self.publish(core);
                }
            }
            Event::Unused { attempt } => {
                let mut all = self.servers.iter_mut();
                if all.any(|subchannel| subchannel.unused(attempt)) {
                    self.replace(core, now);
                    self.publish(core);
                }
            }
            Event::Lost { attempt, loss } => {
                if self.lost(core, attempt, loss, now) {
                    self.replace(core, now);
                    self.doubt_names(core, now);
                    if self.servers.are_several() {
                        // At once: the channel is not idle meanwhile.
                        self.connect_idle(core);
                    }
                    self.publish(core);
                }
            }
            Event::Health { number, health } => {
                let mut all = self.servers.iter_mut();
                if all.any(|subchannel| subchannel.told(number, &health)) {
                    self.publish(core);
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
            if is_asked || core.is_wanted() {
                self.wake(core, now);
            }
        } else if may_begin && is_asked && self.servers.are_several() {
            // Those whose connections have had no calls for long.
            self.connect_idle(core);
        }
        self.grow(core);
        self.sweep(core, now);
    }

    fn on_time(&mut self, core: &Arc<ChannelCore>, now: Instant) {
        core.expire(now);
        if self.idle_at(core).is_some_and(|at| at <= now) {
            if core.is_wanted() {
                self.wanted_at = now;
            } else {
                self.release();
                self.publish(core);
            }
            return;
        }
        if self.directory.due().is_some_and(|due| due <= now) {
            // Without addresses it is an attempt to connect as well.
            self.is_waking |= self.unresolved.take().is_some();
            self.resolve(core);
            self.publish(core);
        }
        let is_due = |one: &Subchannel| one.retry_at().is_some_and(|at| at <= now);
        for place in self.servers.places(is_due) {
            self.try_again(core, place);
        }
        self.grow(core);
        self.sweep(core, now);
    }

    /// The wait after a failed attempt is over.
    fn try_again(&mut self, core: &Arc<ChannelCore>, place: usize) {
        match self.servers.get_mut(place) {
            // What has connections needs another only as long as calls wait.
            Some(subchannel) if subchannel.connections() > 0 => subchannel.rest(),
            _ => self.connect(core, place),
        }
    }

    /// Makes one more connection when calls wait although there are some: their peers' limits of streams are reached (gRFC
    /// A105). What it brings is seen before the next.
    fn grow(&mut self, core: &Arc<ChannelCore>) {
        let most = core.options().max_connections_per_subchannel;
        let is_growing = || self.servers.iter().any(Subchannel::is_growing);
        if most < 2 || !core.is_held_back() || is_growing() {
            return;
        }
        let all = self.servers.iter().enumerate();
        let full = all.filter(|(_, subchannel)| subchannel.may_grow(most));
        let fewest = full.min_by_key(|(_, subchannel)| subchannel.connections());
        if let Some((place, _)) = fewest {
            self.connect(core, place);
        }
    }

    /// Looks for outliers among the servers when it is time, as long as anything is done.
    fn sweep(&mut self, core: &Arc<ChannelCore>, now: Instant) {
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
            Some(_) if self.servers.sweep(now) => self.publish(core),
            _ => {}
        }
        self.sweep_at = now.checked_add(interval);
    }

    /// When a channel without a connection stops trying, if nobody wants one. A connection without calls ends by itself.
    fn idle_at(&self, core: &ChannelCore) -> Option<Instant> {
        let is_trying = self.is_waking || self.unresolved.is_some() || !self.servers.is_idle();
        let has_link = self.servers.iter().any(|one| one.connections() > 0);
        if !is_trying || has_link {
            return None;
        }
        self.wanted_at.checked_add(core.options().idle_timeout()?)
    }

    /// Begins to connect. Addresses that are old are looked up first: what a name stood for half an hour ago may not even refuse.
    fn wake(&mut self, core: &Arc<ChannelCore>, now: Instant) {
        let is_known = matches!(core.target().names, Names::Known(_));
        if is_known || self.directory.is_fresh(now) {
            return self.connect_idle(core);
        }
        self.is_waking = true;
        if !self.directory.is_resolving() {
            self.resolve(core);
        }
        self.publish(core);
    }

    fn resolve(&mut self, core: &Arc<ChannelCore>) {
        let task = tokio::spawn(look_up(Arc::downgrade(core), core.target().clone()));
        self.directory.resolving(task.abort_handle());
    }

    fn resolved(
        &mut self,
        core: &Arc<ChannelCore>,
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
                self.directory.failed(core.options().backoff, now);
                if self.directory.addresses().is_none() {
                    self.unresolved = Some(status);
                } else if !connects {
                    self.directory.rest();
                }
            }
        }
        if !was_waking || self.servers.is_empty() {
            self.publish(core);
        }
        if connects {
            self.connect_idle(core);
        }
    }

    /// Names may stand for other addresses by now.
    fn doubt_names(&mut self, core: &ChannelCore, now: Instant) {
        if !matches!(core.target().names, Names::Known(_)) {
            self.directory.doubt(now);
        }
    }

    /// Takes over the addresses that are known.
    fn adopt(&mut self) {
        if let Some(addresses) = self.directory.addresses() {
            self.servers.adopt(addresses);
        }
    }

    fn connect_idle(&mut self, core: &Arc<ChannelCore>) {
        for place in self.servers.places(|one| one.state() == State::Idle) {
            self.connect(core, place);
        }
    }

    fn connect(&mut self, core: &Arc<ChannelCore>, place: usize) {
        let Some(subchannel) = self.servers.get_mut(place) else {
            return;
        };
        let attempt = self.next_attempt;
        self.next_attempt += 1;
        let is_beside = subchannel.connections() > 0;
        let mut options = core.options().clone();
        options.upkeep.keepalive.time = core.keepalive_time();
        let owner: Weak<ChannelCore> = Arc::downgrade(core);
        let mut dial = Dial {
            owner,
            attempt,
            target: core.target().clone(),
            addresses: subchannel.addresses(),
            options,
            tally: subchannel.record().map(Record::tally),
        };
        if is_beside {
            dial = dial.beside_others();
        }
        let task = tokio::spawn(dial.run());
        let backoff = core.options().backoff;
        subchannel.connecting(attempt, clock::now(), backoff, task.abort_handle());
        if !is_beside {
            self.publish(core);
        }
    }

    /// The peer has ended a connection. Says whether it was one that is used.
    fn lost(&mut self, core: &ChannelCore, attempt: u64, loss: Loss, now: Instant) -> bool {
        let cause = Status::unavailable(format!(
            "cannot connect to {}: the connection ended before it carried a call: {}",
            core.target(),
            loss.cause.message()
        ));
        let loss = Loss { cause, ..loss };
        let mut all = self.servers.iter_mut();
        all.any(|subchannel| subchannel.lost(attempt, loss.clone(), now))
    }

    /// A connection is gone: another may have to do its work.
    fn replace(&mut self, core: &Arc<ChannelCore>, now: Instant) {
        self.wanted_at = now;
        self.watch_health(core);
    }

    /// Asks servers for their health, if that is to be done.
    fn watch_health(&mut self, core: &Arc<ChannelCore>) {
        let Some(service) = core.health_check() else {
            return;
        };
        for subchannel in self.servers.iter_mut() {
            if let Some((number, link)) = subchannel.unwatched() {
                let watch = HealthWatch::new(core, number, link, service);
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

    fn publish(&self, core: &Arc<ChannelCore>) {
        let (state, picker) = self.standing();
        core.publish(state, picker);
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
        if let Some(core) = self.core.upgrade() {
            core.abandoned();
        }
    }
}

/// Resolves the names of a target, says what came of it, and when it is to be done again.
async fn look_up(core: Weak<ChannelCore>, target: Target) {
    let resolved = target.names.resolve().await;
    let resolved =
        resolved.map_err(|cause| Status::unavailable(format!("cannot resolve {target}: {cause}")));
    tell(&core, Event::Resolved(resolved));
    target.names.changed().await;
    tell(&core, Event::NamesChanged);
}

fn tell(core: &Weak<ChannelCore>, event: Event) {
    if let Some(core) = core.upgrade() {
        core.notify(event);
    }
}

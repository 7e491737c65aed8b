//! The task that makes a channel's connections, and publishes the picker of its calls.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::Instant;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout_at;

use super::balance::child::ChildPolicy;
use super::balance::picker::{Pick, Picker};
use super::balance::policy::{Helper, PolicyUpdate};
use super::balance::subchannel::{Command, NewSubchannel, Subchannel};
use super::connect::connections::ConnectionsState;
use super::connect::dial::Dial;
use super::connect::health::HealthWatch;
use super::connect::owner::ConnectionNews;
use super::core::ChannelCore;
use super::event::ManagerEvent;
use super::resolve::directory::Directory;
use super::resolve::names::Names;
use super::resolve::resolver::Resolution;
use super::resolve::target::Target;
use super::subchannels::{Entry, Subchannels};
use crate::Status;
use crate::base::clock;
use crate::call::Order;
use crate::call::connectivity::ChannelConnectivity;

/// The owner of a channel's connections. It handles everything that changes them, one event after the other.
///
/// It runs in a task of its own, from the first time that a connection is needed until the channel is closed.
pub(crate) struct Manager {
    core: Weak<ChannelCore>,
    events: UnboundedReceiver<ManagerEvent>,
    directory: Directory,
    /// The policy, unless the channel is idle.
    policy: Option<ChildPolicy>,
    /// Requests of the policy about its subchannels.
    commands: UnboundedReceiver<Command>,
    state: PolicyState,
    /// Set if connections are needed, and will be opened once names are resolved.
    is_waking: bool,
    /// The error of the resolver, while there are no addresses.
    unresolved: Option<Status>,
    next_attempt: u64,
    /// The last time that the channel was used without having a connection.
    wanted_at: Instant,
}

/// The policy's subchannels, and the state that it has published last.
struct PolicyState {
    subchannels: Subchannels,
    state: ChannelConnectivity,
    picker: Arc<dyn Picker>,
    /// The times at which the policy wants to be woken.
    wakes: BTreeSet<Instant>,
    /// Set if a new state or picker must be passed on to the channel.
    has_news: bool,
}

impl Helper for PolicyState {
    fn create_subchannel(&mut self, new: NewSubchannel) -> Subchannel {
        self.subchannels.create(new)
    }

    fn update_state(&mut self, state: ChannelConnectivity, picker: Arc<dyn Picker>) {
        self.state = state;
        self.picker = picker;
        self.has_news = true;
    }

    fn wake_at(&mut self, time: Instant) {
        self.wakes.insert(time);
    }

    fn now(&self) -> Instant {
        clock::now()
    }
}

impl Manager {
    pub(crate) fn new(core: &Arc<ChannelCore>, events: UnboundedReceiver<ManagerEvent>) -> Manager {
        let (sender, commands) = unbounded_channel();
        let mut directory = Directory::default();
        if let Names::Known(addresses) = &core.target.names {
            directory.resolved(Resolution::new(addresses.iter().cloned()), clock::now());
        }
        Manager {
            core: Arc::downgrade(core),
            events,
            directory,
            policy: None,
            commands,
            state: PolicyState {
                subchannels: Subchannels::new(sender),
                state: ChannelConnectivity::Idle,
                picker: Arc::new(Pick::Queue),
                wakes: BTreeSet::new(),
                has_news: false,
            },
            is_waking: false,
            unresolved: None,
            next_attempt: 0,
            wanted_at: clock::now(),
        }
    }

    /// Runs until the channel is closed or dropped.
    pub(crate) async fn run(mut self) {
        while let Some(next) = self.next() {
            let event = match next {
                Some(next) => timeout_at(next.into(), self.event()).await,
                None => Ok(self.event().await),
            };
            let Some(core) = self.core.upgrade() else {
                break;
            };
            match event {
                Ok(Some(Input::Event(event))) => self.take(&core, event),
                Ok(Some(Input::Command(command))) => self.obey(&core, command),
                Ok(None) => break,
                Err(_) => self.on_time(&core, clock::now()),
            }
            self.settle(&core);
        }
        self.release();
    }

    /// Waits for the next event. Returns `None` once the channel is closed.
    async fn event(&mut self) -> Option<Input> {
        poll_fn(|context| {
            // `self` holds a sender, so there is no end.
            if let Poll::Ready(Some(command)) = self.commands.poll_recv(context) {
                return Poll::Ready(Some(Input::Command(command)));
            }
            let event = self.events.poll_recv(context);
            event.map(|event| event.map(Input::Event))
        })
        .await
    }

    /// Returns the time of the next timer, or `Some(None)` if there is no timer. Returns `None` if the channel has been dropped.
    fn next(&self) -> Option<Option<Instant>> {
        let core = self.core.upgrade()?;
        let all = self.state.subchannels.all.iter();
        let retries = all.filter_map(|entry| entry.connections.retry_at());
        let times = [
            core.next_deadline(),
            self.directory.due(),
            self.idle_at(&core),
            self.state.wakes.first().copied(),
        ];
        Some(times.into_iter().flatten().chain(retries).min())
    }

    fn take(&mut self, core: &Arc<ChannelCore>, event: ManagerEvent) {
        let is_asked = matches!(event, ManagerEvent::Wanted);
        let now = clock::now();
        match event {
            ManagerEvent::Wanted => self.wanted_at = now,
            ManagerEvent::Resolved(resolved) => self.resolved(core, resolved, now),
            ManagerEvent::NamesChanged => self.directory.refute(now),
            ManagerEvent::Connection { attempt, news } => self.hear(core, attempt, news, now),
            ManagerEvent::ResetBackoff => {
                self.directory.reset_backoff(now);
                for entry in self.state.subchannels.all.iter_mut() {
                    entry.connections.reset_backoff(now);
                }
            }
        }
        self.obey_all(core);
        let may_begin = !self.is_waking && self.unresolved.is_none();
        if may_begin && self.state.subchannels.are_idle() {
            if is_asked || core.is_wanted() {
                self.wake(core, now);
            }
        } else if may_begin && is_asked {
            let is_due = |entry: &Entry| entry.is_resting && entry.is_wanted;
            for id in self.state.subchannels.which(is_due) {
                self.connect(core, id);
            }
        }
    }

    /// Handles an event of an attempt to connect, or of its connection.
    fn hear(&mut self, core: &Arc<ChannelCore>, attempt: u64, news: ConnectionNews, now: Instant) {
        let subchannels = &mut self.state.subchannels;
        let Some(id) = subchannels.hear(attempt, &news, now, &core.target) else {
            if let ConnectionNews::Connected { link, .. } = news {
                // The attempt was given up just after it had succeeded.
                link.order(Order::Drain);
            }
            return;
        };
        if matches!(news, ConnectionNews::Unused | ConnectionNews::Lost(_)) {
            self.wanted_at = now;
        }
        if matches!(news, ConnectionNews::Failed(_) | ConnectionNews::Lost(_)) {
            self.doubt_names(core, now);
        }
        self.watch_health(core);
        match news {
            ConnectionNews::Unused => self.rest(id),
            _ => self.report(id),
        }
    }

    fn on_time(&mut self, core: &Arc<ChannelCore>, now: Instant) {
        core.expire(now);
        if self.idle_at(core).is_some_and(|at| at <= now) {
            if core.is_wanted() {
                self.wanted_at = now;
            } else {
                self.release();
            }
            return;
        }
        if self.directory.due().is_some_and(|due| due <= now) {
            // Without addresses, a resolution is also an attempt to connect.
            self.is_waking |= self.unresolved.take().is_some();
            self.state.has_news = true;
            self.resolve(core);
        }
        let is_due = |entry: &Entry| entry.connections.retry_at().is_some_and(|at| at <= now);
        for id in self.state.subchannels.which(is_due) {
            if let Some(entry) = self.state.subchannels.get_mut(id) {
                // The back-off is over. If the subchannel has connections, it needs another one only while calls wait.
                entry.connections.rest();
            }
            self.report(id);
        }
        let before = self.state.wakes.len();
        self.state.wakes.retain(|at| *at > now);
        if self.state.wakes.len() < before {
            self.ask(|policy, helper| policy.wake(now, helper));
        }
    }

    /// Executes the policy's requests, and publishes its state if it has changed.
    fn settle(&mut self, core: &Arc<ChannelCore>) {
        self.obey_all(core);
        self.grow(core);
        if std::mem::take(&mut self.state.has_news) {
            let (state, picker) = self.standing();
            core.publish(state, picker);
        }
    }

    /// Calls a method of the policy.
    fn ask(&mut self, ask: impl FnOnce(&mut ChildPolicy, &mut dyn Helper)) {
        if let Some(policy) = &mut self.policy {
            ask(policy, &mut self.state);
            let (state, picker) = (policy.state(), Arc::clone(policy.picker()));
            self.state.update_state(state, picker);
        }
    }

    /// Tells the policy the state of a subchannel.
    fn report(&mut self, id: u64) {
        if let Some((subchannel, state)) = self.state.subchannels.state(id) {
            self.ask(|policy, helper| {
                policy.subchannel_changed(&subchannel, &state, helper);
            });
        }
    }

    fn obey_all(&mut self, core: &Arc<ChannelCore>) {
        while let Ok(command) = self.commands.try_recv() {
            self.obey(core, command);
        }
    }

    /// Executes a request of a policy.
    fn obey(&mut self, core: &Arc<ChannelCore>, command: Command) {
        match command {
            Command::Connect(id) => match self.state.subchannels.get_mut(id) {
                Some(entry) if entry.is_resting => entry.is_wanted = true,
                Some(entry) if entry.connections.state() == ConnectionsState::Idle => {
                    self.connect(core, id)
                }
                _ => {}
            },
            Command::UpdateAddresses(id, addresses) => {
                if let Some(entry) = self.state.subchannels.get_mut(id) {
                    if entry.connections.lead_to(addresses) {
                        self.report(id);
                    }
                }
            }
            Command::Drop(id) => self.state.subchannels.remove(id),
        }
    }

    /// Lets a subchannel rest when its last connection was idle for too long. If all subchannels rest, the channel becomes idle.
    fn rest(&mut self, id: u64) {
        if let Some(entry) = self.state.subchannels.get_mut(id) {
            entry.is_resting = entry.connections.count() == 0;
        }
        if self.state.subchannels.are_idle() {
            self.drop_policy();
        } else {
            self.report(id);
        }
    }

    /// Makes one more connection if calls wait because all connections have reached their peers' limits of streams (gRFC A105).
    /// Does nothing while such a connection is still being made.
    fn grow(&mut self, core: &Arc<ChannelCore>) {
        let most = core.options.max_connections_per_subchannel;
        let all = || self.state.subchannels.all.iter();
        let is_growing = || all().any(|entry| entry.connections.is_growing());
        if most < 2 || !core.is_held_back() || is_growing() {
            return;
        }
        let full = all().filter(|entry| entry.connections.may_grow(most));
        let fewest = full.min_by_key(|entry| entry.connections.count());
        if let Some(id) = fewest.map(|entry| entry.id) {
            self.connect(core, id);
        }
    }

    /// Returns the time at which a channel that is not used stops trying to connect. Only needed without a connection, because an
    /// unused connection is closed by its own timer.
    fn idle_at(&self, core: &ChannelCore) -> Option<Instant> {
        let subchannels = &self.state.subchannels;
        let is_trying = self.is_waking || self.unresolved.is_some() || !subchannels.are_idle();
        let has_link = subchannels
            .all
            .iter()
            .any(|entry| entry.connections.count() > 0);
        if !is_trying || has_link {
            return None;
        }
        self.wanted_at
            .checked_add(core.options.upkeep.lifetime.max_idle?)
    }

    /// Begins to connect, after looking up the addresses again if they are old. A server that has moved might not even refuse the
    /// connection.
    fn wake(&mut self, core: &Arc<ChannelCore>, now: Instant) {
        let is_known = matches!(core.target.names, Names::Known(_));
        if is_known || self.directory.is_fresh(now) {
            return self.begin(core);
        }
        self.is_waking = true;
        self.state.has_news = true;
        if !self.directory.is_resolving() {
            self.resolve(core);
        }
    }

    /// Lets the policy connect idle subchannels. Creates the policy if the channel was idle.
    fn begin(&mut self, core: &Arc<ChannelCore>) {
        if self.policy.is_some() {
            self.ask(|policy, helper| policy.exit_idle(helper));
        } else {
            self.update(core);
        }
        self.obey_all(core);
    }

    fn resolve(&mut self, core: &Arc<ChannelCore>) {
        let task = tokio::spawn(look_up(Arc::downgrade(core), core.target.clone()));
        self.directory.resolving(task.abort_handle());
    }

    fn resolved(
        &mut self,
        core: &Arc<ChannelCore>,
        resolved: Result<Resolution, Status>,
        now: Instant,
    ) {
        let was_waking = std::mem::take(&mut self.is_waking);
        let connects = was_waking || !self.state.subchannels.are_idle();
        self.state.has_news |= was_waking;
        match resolved {
            Ok(resolution) => {
                core.set_config(Some(&resolution));
                self.directory.resolved(resolution, now);
                if self.policy.is_some() {
                    self.update(core);
                    self.obey_all(core);
                }
            }
            Err(status) => {
                core.give_up_config();
                self.directory.failed(core.options.backoff, now);
                if self.directory.resolution().is_none() {
                    self.unresolved = Some(status.clone());
                    self.state.has_news = true;
                } else if !connects {
                    self.directory.rest();
                }
                self.ask(|policy, helper| policy.resolver_failed(&status, helper));
            }
        }
        if connects {
            self.begin(core);
        }
    }

    /// Gives the policy the last resolution. If there is no policy, or the config names another one, it is created first.
    fn update(&mut self, core: &ChannelCore) {
        let Some(resolution) = self.directory.resolution().cloned() else {
            return;
        };
        let config = resolution.service_config.as_ref();
        let policy = config.and_then(|config| config.load_balancing());
        let policy = policy.unwrap_or_else(|| core.options.load_balancing.clone());
        let update = PolicyUpdate::new(&resolution.addresses, &resolution.attributes, &());
        self.policy.get_or_insert_with(|| ChildPolicy::new(&policy));
        self.ask(|child, helper| child.update(&policy, &update, helper));
    }

    /// Plans a resolution, because the addresses of names may have changed.
    fn doubt_names(&mut self, core: &ChannelCore, now: Instant) {
        if !matches!(core.target.names, Names::Known(_)) {
            self.directory.doubt(now);
        }
    }

    fn connect(&mut self, core: &Arc<ChannelCore>, id: u64) {
        let Some(entry) = self.state.subchannels.get_mut(id) else {
            return;
        };
        entry.is_resting = false;
        entry.is_wanted = false;
        let connections = &mut entry.connections;
        let attempt = self.next_attempt;
        self.next_attempt += 1;
        let is_beside = connections.count() > 0;
        let mut options = core.options.clone();
        options.upkeep.keepalive.time = core.keepalive_time();
        let owner: Weak<ChannelCore> = Arc::downgrade(core);
        let mut dial = Dial {
            owner,
            attempt,
            target: core.target.clone(),
            addresses: connections.addresses(),
            options,
        };
        if is_beside {
            dial = dial.beside_others();
        }
        let task = tokio::spawn(dial.run());
        let backoff = core.options.backoff;
        connections.connecting(attempt, clock::now(), backoff, task.abort_handle());
        if !is_beside {
            self.report(id);
        }
    }

    /// Starts the health checks that are missing, if the config has any.
    fn watch_health(&mut self, core: &Arc<ChannelCore>) {
        let Some(service) = core.health_check() else {
            return;
        };
        for entry in self.state.subchannels.all.iter_mut() {
            let connections = &mut entry.connections;
            let unchecked = connections.unchecked().filter(|_| entry.has_health_check);
            if let Some((number, link)) = unchecked {
                let owner: Weak<ChannelCore> = Arc::downgrade(core);
                let watch = HealthWatch {
                    owner,
                    number,
                    link,
                    service: Arc::clone(&service),
                    authority: core.target.authority.clone(),
                    backoff: core.options.backoff,
                };
                let task = tokio::spawn(watch.run());
                connections.set_health_check(number, task.abort_handle());
            }
        }
    }

    /// Releases all connections, and stops resolving and connecting.
    fn release(&mut self) {
        self.drop_policy();
        self.state.subchannels.release();
        self.directory.stop();
        self.is_waking = false;
        self.unresolved = None;
    }

    /// Makes the channel idle.
    fn drop_policy(&mut self) {
        self.policy = None;
        self.state
            .update_state(ChannelConnectivity::Idle, Arc::new(Pick::Queue));
        self.state.wakes.clear();
    }

    /// Returns the state of the channel, and the picker of its calls.
    fn standing(&self) -> (ChannelConnectivity, Arc<dyn Picker>) {
        let policys = (self.state.state, Arc::clone(&self.state.picker));
        match &self.unresolved {
            _ if self.state.state == ChannelConnectivity::Ready => policys,
            _ if self.is_waking => (ChannelConnectivity::Connecting, Arc::new(Pick::Queue)),
            Some(status) => (
                ChannelConnectivity::TransientFailure,
                Arc::new(Pick::Fail(status.clone())),
            ),
            None => policys,
        }
    }
}

/// An input of a manager.
enum Input {
    Event(ManagerEvent),
    Command(Command),
}

impl Drop for Manager {
    /// A runtime that shuts down drops its tasks. Calls must not wait for a manager that no longer runs.
    fn drop(&mut self) {
        self.events.close();
        if let Some(core) = self.core.upgrade() {
            core.abandoned();
        }
    }
}

/// Resolves the names of a target, and tells the channel the result. Then waits until the addresses have changed, and tells the
/// channel.
async fn look_up(core: Weak<ChannelCore>, target: Target) {
    let resolved = target.names.resolve().await;
    let resolved =
        resolved.map_err(|cause| Status::unavailable(format!("cannot resolve {target}: {cause}")));
    tell(&core, ManagerEvent::Resolved(resolved));
    target.names.changed().await;
    tell(&core, ManagerEvent::NamesChanged);
}

fn tell(core: &Weak<ChannelCore>, event: ManagerEvent) {
    if let Some(core) = core.upgrade() {
        core.notify(event);
    }
}

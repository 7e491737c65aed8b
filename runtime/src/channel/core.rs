//! The core of a channel, where calls find a connection or wait for one.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::config::{ChannelConfig, ConfigSource};
use super::connect::authorization::unprotected;
use super::connect::owner::{ConnectionNews, Owner};
use super::resolve::resolver::Resolution;
use crate::base::header::Header;
use crate::base::{Chunks, Outcome, clock, log};
use crate::call::connectivity::{Announcer, ChannelConnectivity, ConnectivityChanges};
use crate::call::transport::{Transport, closed, no_runtime};
use crate::call::{CallDetails, Exchange};
use crate::channel::balance::picker::{CallInfo, Pick, Picker};
use crate::channel::event::ManagerEvent;
use crate::channel::manager::Manager;
use crate::channel::options::ChannelOptions;
use crate::channel::resolve::target::Target;
use crate::channel::waiting::Waiting;
use crate::{Result, Status};

/// A channel to a target. A [`Manager`] makes its connections, and publishes a [`Picker`] that decides about calls.
pub(crate) struct ChannelCore {
    /// A reference to this channel, which its tasks get.
    this: Weak<ChannelCore>,
    pub(crate) target: Target,
    pub(crate) options: ChannelOptions,
    shared: Mutex<Shared>,
    /// Notified of the resolver's first result.
    is_known: Notify,
}

struct Shared {
    picker: Arc<dyn Picker>,
    /// The config of calls. `None` before the first result of a resolver that may return a service config.
    config: Option<Arc<ChannelConfig>>,
    waiting: Waiting,
    announcer: Announcer,
    /// The last error that did not end its call, because the call waits for ready. `None` once the channel is ready.
    failure: Option<Status>,
    /// The time of silence after which new connections ping.
    keepalive_time: Option<Duration>,
    /// The way to the manager's task, once it has been started. The task ends with its runtime.
    manager: Option<UnboundedSender<ManagerEvent>>,
}

impl ChannelCore {
    pub(crate) fn new(target: Target, options: ChannelOptions) -> Arc<ChannelCore> {
        let may_have_config = target.names.may_have_config();
        let core = Arc::new_cyclic(|this| ChannelCore {
            this: Weak::clone(this),
            target,
            shared: Mutex::new(Shared {
                picker: Arc::new(Pick::Queue),
                config: None,
                waiting: Waiting::new(),
                announcer: Announcer::new(ChannelConnectivity::Idle),
                failure: None,
                keepalive_time: options.upkeep.keepalive.time,
                manager: None,
            }),
            options,
            is_known: Notify::new(),
        });
        if !may_have_config {
            core.set_config(None);
        }
        core
    }

    /// Returns the time of silence after which new connections ping.
    pub(crate) fn keepalive_time(&self) -> Option<Duration> {
        self.shared().keepalive_time
    }

    /// Returns the name of the service whose health is checked, if there are health checks (gRFC A17).
    pub(crate) fn health_check(&self) -> Option<Arc<str>> {
        let config = self.config()?;
        config.service_config.as_ref()?.health_check().cloned()
    }

    /// Sets the config of calls, from the resolver or else from the options.
    pub(crate) fn set_config(&self, resolution: Option<&Resolution>) {
        let service_config = resolution.and_then(|one| one.service_config.clone());
        let config = Arc::new(ChannelConfig {
            service_config: service_config.or_else(|| self.options.service_config.clone()),
            selector: resolution.and_then(|one| one.config_selector.clone()),
        });
        self.shared().config = Some(config);
        self.is_known.notify_waiters();
    }

    /// Sets the config of calls from the options, because the resolver has failed. Keeps a config that is already set.
    pub(crate) fn give_up_config(&self) {
        if self.config().is_none() {
            self.set_config(None);
        }
    }

    /// Gives a call to a connection, or lets it wait for one.
    fn submit(&self, exchange: Arc<Exchange>) {
        let mut shared = self.shared();
        let exchange = match shared.submit(exchange) {
            Ok(()) => return,
            Err(Unsent::Waits(exchange)) => exchange,
            Err(ended) => {
                drop(shared);
                return ended.conclude();
            }
        };
        shared.waiting.push(exchange);
        if let Err(status) = self.tell(shared, ManagerEvent::Wanted) {
            for exchange in self.shared().waiting.take(|_| true) {
                exchange.conclude(Outcome::local(status.clone()));
            }
        }
    }

    /// Tells the manager of an event, if there is a manager.
    pub(crate) fn notify(&self, event: ManagerEvent) {
        if let Some(manager) = &self.shared().manager {
            // The manager may have ended.
            drop(manager.send(event));
        }
    }

    /// Sets the state and the picker of the channel, and lets the picker decide about the calls that wait.
    pub(crate) fn publish(&self, state: ChannelConnectivity, picker: Arc<dyn Picker>) {
        let ended = {
            let mut shared = self.shared();
            if shared.announcer.state() == ChannelConnectivity::Shutdown {
                return;
            }
            if state == ChannelConnectivity::Ready {
                shared.failure = None;
            }
            shared.picker = picker;
            shared.announcer.announce(state);
            shared.redirect(usize::MAX)
        };
        ended.into_iter().for_each(Unsent::conclude);
    }

    /// Returns whether calls wait although the channel is ready.
    pub(crate) fn is_held_back(&self) -> bool {
        let shared = self.shared();
        shared.announcer.state() == ChannelConnectivity::Ready && !shared.waiting.is_empty()
    }

    /// Ends the waiting calls whose deadline has passed.
    pub(crate) fn expire(&self, now: Instant) {
        let (expired, waited_for) = {
            let mut shared = self.shared();
            let waited_for = match (shared.announcer.state(), &shared.failure) {
                (ChannelConnectivity::Ready, _) => "had room for one more call".to_owned(),
                // The words are those of grpc-go.
                (_, Some(failure)) => {
                    format!(
                        "was connected: latest balancer error: {}",
                        failure.message()
                    )
                }
                (_, None) => "was connected".to_owned(),
            };
            (shared.waiting.expired(now), waited_for)
        };
        for exchange in expired {
            exchange.conclude(Outcome::local(Status::deadline_exceeded(format!(
                "the deadline passed before {} {waited_for}",
                self.target
            ))));
        }
    }

    /// Returns the earliest deadline of the calls that wait.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.shared().waiting.next_deadline()
    }

    /// Returns whether calls wait. First removes the waiting calls that their callers have cancelled.
    pub(crate) fn is_wanted(&self) -> bool {
        let mut shared = self.shared();
        drop(shared.waiting.take(|exchange| exchange.outcome().is_some()));
        !shared.waiting.is_empty()
    }

    /// Ends the calls that wait, because the manager has ended with its runtime. The next call starts another manager.
    pub(crate) fn abandoned(&self) {
        let orphans = {
            let mut shared = self.shared();
            let is_gone = |manager: &UnboundedSender<ManagerEvent>| manager.is_closed();
            if !shared.manager.as_ref().is_some_and(is_gone) {
                return;
            }
            shared.manager = None;
            shared.picker = Arc::new(Pick::Queue);
            shared.announcer.announce(ChannelConnectivity::Idle);
            shared.waiting.take(|_| true)
        };
        self.give_up_config();
        for exchange in orphans {
            exchange.conclude(Outcome::local(Status::unavailable(
                "the channel's tokio runtime ended before it had connected",
            )));
        }
    }

    /// Sends an event to the manager. Starts the manager if it is not running.
    fn tell(&self, mut shared: MutexGuard<'_, Shared>, event: ManagerEvent) -> Result<()> {
        let event = match &shared.manager {
            Some(manager) => match manager.send(event) {
                Ok(()) => return Ok(()),
                Err(back) => back.0,
            },
            None => event,
        };
        let runtime = Handle::try_current().map_err(|_| no_runtime())?;
        let (sender, receiver) = unbounded_channel();
        // The receiver exists, so this cannot fail.
        drop(sender.send(event));
        shared.manager = Some(sender);
        // A runtime that is shutting down drops the task at once, which takes the lock.
        drop(shared);
        if let Some(this) = self.this.upgrade() {
            runtime.spawn(Manager::new(&this, receiver).run());
        }
        Ok(())
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for ChannelCore {
    fn prepare(&self, _call: &mut CallDetails) -> Result<()> {
        Ok(())
    }

    fn start(&self, exchange: Arc<Exchange>) {
        if exchange.details().credentials.is_some() && !self.target.may_be_private() {
            return exchange.conclude(Outcome::local(unprotected()));
        }
        self.submit(exchange);
    }

    fn authority(&self) -> Option<Header> {
        Some(self.target.authority.clone())
    }

    fn asks_credentials(&self) -> bool {
        true
    }

    fn state(&self, try_to_connect: bool) -> ChannelConnectivity {
        let shared = self.shared();
        let state = shared.announcer.state();
        if try_to_connect && state == ChannelConnectivity::Idle {
            // Without a runtime the channel cannot connect. A call would return this error.
            drop(self.tell(shared, ManagerEvent::Wanted));
        }
        state
    }

    fn subscribe(&self) -> ConnectivityChanges {
        self.shared().announcer.subscribe()
    }

    fn reset_connect_backoff(&self) {
        self.notify(ManagerEvent::ResetBackoff);
    }

    /// Closes the channel. Waiting calls end, and calls on a connection continue.
    fn close(&self) {
        let picker = Arc::new(Pick::Drop(closed()));
        self.publish(ChannelConnectivity::Shutdown, picker);
        // The manager ends when its sender is gone.
        self.shared().manager = None;
        self.give_up_config();
    }
}

impl ConfigSource for ChannelCore {
    fn config(&self) -> Option<Arc<ChannelConfig>> {
        self.shared().config.clone()
    }

    fn known(self: Arc<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let known = self.is_known.notified();
            if self.config().is_none() {
                self.state(true);
                known.await;
            }
        })
    }
}

impl Owner for ChannelCore {
    fn hear(&self, attempt: u64, news: ConnectionNews) {
        self.notify(ManagerEvent::Connection { attempt, news });
    }

    fn has_room(&self) {
        let ended = self.shared().redirect(PATIENCE);
        ended.into_iter().for_each(Unsent::conclude);
    }

    /// Doubles the keepalive time of later connections, to all servers (gRFC A8).
    fn ping_less(&self, keepalive_time: Option<Duration>) {
        let doubled = keepalive_time.map(|time| time.saturating_mul(2));
        log::too_many_pings(&self.target, doubled);
        let mut shared = self.shared();
        shared.keepalive_time = shared.keepalive_time.max(doubled);
    }

    fn take_back(&self, exchange: Arc<Exchange>) {
        self.submit(exchange);
    }
}

/// The number of waiting calls that may be tried without success when a connection has room again. Calls are tried in order.
/// After this many failures, the rest are not tried.
const PATIENCE: usize = 16;

impl Shared {
    /// Gives a call to a connection, unless the picker lets it wait or end.
    fn submit(&mut self, exchange: Arc<Exchange>) -> std::result::Result<(), Unsent> {
        match self.picker.pick(&CallInfo::new(exchange.details())) {
            // Connections that take no call are full or going away. The channel is told when this changes.
            Pick::Subchannel(ready) => ready.submit(exchange).map_err(Unsent::Waits),
            Pick::Queue => Err(Unsent::Waits(exchange)),
            Pick::Fail(why) if exchange.details().waits_for_ready() => {
                self.failure = Some(why);
                Err(Unsent::Waits(exchange))
            }
            Pick::Fail(why) => Err(Unsent::Fails(exchange, why)),
            Pick::Drop(why) => Err(Unsent::Dropped(exchange, why)),
        }
    }

    /// Asks the picker about the waiting calls, until `patience` of them must continue to wait. Returns the calls that end.
    fn redirect(&mut self, patience: usize) -> Vec<Unsent> {
        let mut waiting = std::mem::replace(&mut self.waiting, Waiting::new());
        let mut ended = Vec::new();
        waiting.release(patience, |exchange| match self.submit(exchange) {
            Ok(()) => None,
            Err(Unsent::Waits(exchange)) => Some(exchange),
            Err(one) => {
                ended.push(one);
                None
            }
        });
        self.waiting = waiting;
        ended
    }
}

/// A call that has not been given to a connection.
enum Unsent {
    Waits(Arc<Exchange>),
    Fails(Arc<Exchange>, Status),
    /// The call fails, and is not retried.
    Dropped(Arc<Exchange>, Status),
}

impl Unsent {
    /// Ends the call. The lock must not be held.
    fn conclude(self) {
        let now = clock::now();
        match self {
            Unsent::Waits(_) => {}
            Unsent::Fails(exchange, why) => {
                let outcome = Outcome::local(exchange.details().cut_off(why, now));
                exchange.end_attempt(outcome, || Some(Chunks::default()));
            }
            Unsent::Dropped(exchange, why) => {
                let outcome = Outcome::local(exchange.details().cut_off(why, now));
                exchange.conclude(outcome);
            }
        }
    }
}

impl fmt::Debug for ChannelCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelCore")
            .field("target", &format_args!("{}", self.target))
            .finish_non_exhaustive()
    }
}

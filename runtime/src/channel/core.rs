//! How calls find a connection, or wait for one.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::connect::address::Address;
use super::connect::owner::{Loss, Owner};
use super::transport::{closed, no_runtime};
use crate::Status;
use crate::base::header::Header;
use crate::base::{Chunks, Outcome, clock, log};
use crate::call::{Exchange, Link};
use crate::channel::balance::load_balancing::LoadBalancing;
use crate::channel::balance::picker::Picker;
use crate::channel::connectivity::{Announcer, ChannelConnectivity, ConnectivityChanges};
use crate::channel::event::Event;
use crate::channel::manager::Manager;
use crate::channel::options::ChannelOptions;
use crate::channel::resolve::service_config::OutlierDetection;
use crate::channel::resolve::target::Target;
use crate::channel::waiting::Waiting;

/// A channel to a target. Its connections are the business of a [`Manager`], which says by a [`Picker`] what becomes of
/// calls.
pub(crate) struct ChannelCore {
    /// The channel itself, for what runs beside it.
    this: Weak<ChannelCore>,
    target: Target,
    options: ChannelOptions,
    shared: Mutex<Shared>,
}

struct Shared {
    picker: Picker,
    waiting: Waiting,
    announcer: Announcer,
    /// Why the last attempt to connect failed, until there is a connection.
    failure: Option<Status>,
    /// After how much silence new connections ping.
    keepalive_time: Option<Duration>,
    /// To the manager's task, once there is one. It is gone when its runtime is.
    manager: Option<UnboundedSender<Event>>,
}

impl ChannelCore {
    pub(crate) fn new(target: Target, options: ChannelOptions) -> Arc<ChannelCore> {
        Arc::new_cyclic(|this| ChannelCore {
            this: Weak::clone(this),
            target,
            shared: Mutex::new(Shared {
                picker: Picker::Wait,
                waiting: Waiting::new(),
                announcer: Announcer::new(ChannelConnectivity::Idle),
                failure: None,
                keepalive_time: options.upkeep.keepalive.time,
                manager: None,
            }),
            options,
        })
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    pub(crate) fn options(&self) -> &ChannelOptions {
        &self.options
    }

    /// After how much silence a connection that is made now pings.
    pub(crate) fn keepalive_time(&self) -> Option<Duration> {
        self.shared().keepalive_time
    }

    /// The service that servers are asked for the health of, if they are (gRFC A17).
    pub(crate) fn health_check(&self) -> Option<&Arc<str>> {
        if self.options.load_balancing == LoadBalancing::PickFirst {
            return None;
        }
        self.options.service_config.as_ref()?.health_check()
    }

    /// When servers are left out because too many of their calls fail (gRFC A50).
    pub(crate) fn outlier_detection(&self) -> Option<&Arc<OutlierDetection>> {
        self.options.service_config.as_ref()?.outlier_detection()
    }

    pub(crate) fn authority(&self) -> Header {
        self.target.authority.clone()
    }

    /// Gives a call to a connection, or lets it wait for one.
    pub(crate) fn start(&self, exchange: Arc<Exchange>) {
        let mut shared = self.shared();
        let exchange = match shared.picker.submit(exchange) {
            Ok(()) => return,
            Err(back) => back,
        };
        match &shared.picker {
            Picker::Fail(status) if !exchange.details().waits_for_ready() => {
                let status = status.clone();
                drop(shared);
                return self.fail(exchange, status);
            }
            Picker::Shutdown => {
                drop(shared);
                let status = exchange.details().cut_off(closed(), clock::now());
                return exchange.conclude(Outcome::local(status));
            }
            // Connections that take none are full, or going away, and the manager will hear of it.
            _ => {}
        }
        exchange.detach(Chunks::default());
        shared.waiting.push(exchange);
        if let Err(status) = self.tell(shared, Event::Wanted) {
            for exchange in self.shared().waiting.take(|_| true) {
                exchange.conclude(Outcome::local(status.clone()));
            }
        }
    }

    /// A call that is on no connection has failed.
    fn fail(&self, exchange: Arc<Exchange>, why: Status) {
        let status = exchange.details().cut_off(why, clock::now());
        exchange.end_attempt(Outcome::local(status), || Some(Chunks::default()));
    }

    pub(crate) fn state(&self, try_to_connect: bool) -> ChannelConnectivity {
        let shared = self.shared();
        let state = shared.announcer.state();
        if try_to_connect && state == ChannelConnectivity::Idle {
            // Without a runtime nothing can be tried; a call would say so.
            drop(self.tell(shared, Event::Wanted));
        }
        state
    }

    pub(crate) fn subscribe(&self) -> ConnectivityChanges {
        self.shared().announcer.subscribe()
    }

    pub(crate) fn reset_backoff(&self) {
        self.notify(Event::ResetBackoff);
    }

    /// Takes no more calls. Those that wait end; those that are on a connection go on.
    pub(crate) fn close(&self) {
        self.publish(ChannelConnectivity::Shutdown, Picker::Shutdown);
        // The manager sees that nobody can tell it anything any more.
        self.shared().manager = None;
    }

    /// Tells the manager, if there is one, what has happened.
    pub(crate) fn notify(&self, event: Event) {
        if let Some(manager) = &self.shared().manager {
            // One that is gone needs no news.
            drop(manager.send(event));
        }
    }

    /// The manager's word on what the channel is, and on what becomes of calls. The calls that wait learn it too.
    pub(crate) fn publish(&self, state: ChannelConnectivity, picker: Picker) {
        let moved = {
            let mut shared = self.shared();
            if matches!(shared.picker, Picker::Shutdown) {
                return;
            }
            match &picker {
                Picker::Fail(status) => shared.failure = Some(status.clone()),
                Picker::One(_) | Picker::Several(_) => shared.failure = None,
                Picker::Wait | Picker::Shutdown => {}
            }
            shared.picker = picker;
            shared.announcer.announce(state);
            shared.redirect()
        };
        moved.finish(self);
    }

    /// Whether calls wait although there are connections.
    pub(crate) fn is_held_back(&self) -> bool {
        let shared = self.shared();
        matches!(shared.picker, Picker::One(_) | Picker::Several(_)) && !shared.waiting.is_empty()
    }

    /// Ends the waiting calls whose deadline has passed, or that nobody wants any more.
    pub(crate) fn expire(&self, now: Instant) {
        let (expired, waited_for) = {
            let mut shared = self.shared();
            let waited_for = match (&shared.picker, &shared.failure) {
                (Picker::One(_) | Picker::Several(_), _) => "had room for one more call".to_owned(),
                // In grpc-go's words.
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

    /// The earliest deadline of the calls that wait.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.shared().waiting.next_deadline()
    }

    /// Whether calls wait that their callers have not given up.
    pub(crate) fn is_wanted(&self) -> bool {
        let mut shared = self.shared();
        drop(shared.waiting.take(|exchange| exchange.outcome().is_some()));
        !shared.waiting.is_empty()
    }

    /// The manager is gone, and did not mean to be: its runtime has ended. The next call begins anew.
    pub(crate) fn abandoned(&self) {
        let orphans = {
            let mut shared = self.shared();
            let is_gone = |manager: &UnboundedSender<Event>| manager.is_closed();
            if !shared.manager.as_ref().is_some_and(is_gone) {
                return;
            }
            shared.manager = None;
            shared.picker = Picker::Wait;
            shared.announcer.announce(ChannelConnectivity::Idle);
            shared.waiting.take(|_| true)
        };
        for exchange in orphans {
            exchange.conclude(Outcome::local(Status::unavailable(
                "the tokio runtime ended on which the channel was about to connect",
            )));
        }
    }

    /// Tells the manager, which is brought to life if need be.
    fn tell(&self, mut shared: MutexGuard<'_, Shared>, event: Event) -> Result<(), Status> {
        let event = match &shared.manager {
            Some(manager) => match manager.send(event) {
                Ok(()) => return Ok(()),
                Err(back) => back.0,
            },
            None => event,
        };
        let runtime = Handle::try_current().map_err(|_| no_runtime())?;
        let (sender, receiver) = unbounded_channel();
        // The receiver is there.
        drop(sender.send(event));
        shared.manager = Some(sender);
        // A runtime that is ending drops the task at once, and that takes the lock.
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

impl Owner for ChannelCore {
    fn failed(&self, attempt: u64, status: Status) {
        self.notify(Event::Failed { attempt, status });
    }

    fn connected(&self, attempt: u64, address: Address, link: Arc<Link>) {
        self.notify(Event::Connected {
            attempt,
            address,
            link,
        });
    }

    fn lost(&self, attempt: u64, loss: Loss) {
        self.notify(Event::Lost { attempt, loss });
    }

    fn unused(&self, attempt: u64) {
        self.notify(Event::Unused { attempt });
    }

    fn has_room(&self) {
        let moved = self.shared().redirect();
        moved.finish(self);
    }

    /// Connections that are made from now on, to whatever server, wait twice as long (gRFC A8).
    fn ping_less(&self, keepalive_time: Option<Duration>) {
        let doubled = keepalive_time.map(|time| time.saturating_mul(2));
        log::too_many_pings(&self.target, doubled);
        let mut shared = self.shared();
        shared.keepalive_time = shared.keepalive_time.max(doubled);
    }

    fn take_back(&self, exchange: Arc<Exchange>) {
        self.start(exchange);
    }
}

impl Shared {
    /// Takes out the waiting calls that need not wait any more, with what becomes of them.
    fn redirect(&mut self) -> Redirected {
        match &self.picker {
            Picker::Wait => Redirected::default(),
            Picker::Fail(status) => Redirected {
                ended: self
                    .waiting
                    .take(|exchange| !exchange.details().waits_for_ready()),
                why: Some(status.clone()),
            },
            Picker::Shutdown => Redirected {
                ended: self.waiting.take(|_| true),
                why: Some(closed()),
            },
            Picker::One(_) | Picker::Several(_) => {
                let picker = &mut self.picker;
                self.waiting.release(|exchange| picker.submit(exchange));
                Redirected::default()
            }
        }
    }
}

/// Calls that waited and are to be told something, without the lock.
#[derive(Default)]
struct Redirected {
    ended: Vec<Arc<Exchange>>,
    why: Option<Status>,
}

impl Redirected {
    fn finish(self, core: &ChannelCore) {
        for exchange in self.ended {
            core.fail(exchange, self.why.clone().unwrap_or_else(closed));
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

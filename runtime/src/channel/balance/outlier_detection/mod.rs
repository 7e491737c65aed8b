//! Servers whose calls fail too often get no calls for a while: `outlier_detection_experimental` (gRFC A50).

mod config;
mod sweep;

use std::sync::Arc;
use std::time::Instant;

use self::config::OutlierDetection;
use self::sweep::{Record, sweep};
use super::child::ChildPolicy;
use super::picker::Picker;
use super::policy::{Helper, Policy, PolicyConfig, PolicyFactory, PolicyUpdate};
use super::subchannel::{NewSubchannel, Subchannel, SubchannelState, WeakSubchannel};
use crate::Status;
use crate::base::config::{ConfigError, ConfigObject};
use crate::base::jitter::random;
use crate::call::connectivity::ChannelConnectivity;

/// Creates policies that eject servers of a child policy.
#[derive(Debug)]
pub(crate) struct OutlierDetectionFactory;

impl PolicyFactory for OutlierDetectionFactory {
    fn name(&self) -> &'static str {
        "outlier_detection_experimental"
    }

    fn read_config(
        &self,
        config: &mut ConfigObject<'_>,
    ) -> Result<Arc<dyn PolicyConfig>, ConfigError> {
        Ok(Arc::new(config::read(config)?))
    }

    fn build(&self) -> Box<dyn Policy> {
        Box::new(Ejecting {
            config: None,
            child: None,
            servers: Vec::new(),
            sweep_at: None,
        })
    }
}

/// A policy that reports ejected servers as failing to its child.
struct Ejecting {
    config: Option<OutlierDetection>,
    child: Option<ChildPolicy>,
    servers: Vec<WatchedServer>,
    sweep_at: Option<Instant>,
}

/// A subchannel of the child.
struct WatchedServer {
    subchannel: WeakSubchannel,
    state: SubchannelState,
    record: Record,
}

impl WatchedServer {
    /// Returns the state that the child sees.
    fn shown(&self) -> SubchannelState {
        match (&self.state, self.record.ejection()) {
            (SubchannelState::Ready(_), Some(why)) => {
                SubchannelState::TransientFailure(why.clone())
            }
            (SubchannelState::Ready(ready), None) => {
                SubchannelState::Ready(ready.with_listener(self.record.counts()))
            }
            (state, _) => state.clone(),
        }
    }
}

impl Ejecting {
    /// Calls a method of the child, and publishes the child's state.
    fn ask(
        &mut self,
        helper: &mut dyn Helper,
        ask: impl FnOnce(&mut ChildPolicy, &mut dyn Helper),
    ) {
        if let Some(child) = &mut self.child {
            let servers = &mut self.servers;
            ask(child, &mut Watching { servers, helper });
            helper.update_state(child.state(), Arc::clone(child.picker()));
        }
    }

    /// Looks for outliers. Tells the child about servers that are newly ejected, or no longer ejected.
    fn sweep(&mut self, now: Instant, helper: &mut dyn Helper) {
        let Some(config) = &self.config else {
            return;
        };
        let interval = config.interval;
        self.servers
            .retain(|server| server.subchannel.upgrade().is_some());
        let ejected = |server: &WatchedServer| server.record.ejection().is_some();
        let before: Vec<bool> = self.servers.iter().map(ejected).collect();
        let mut records: Vec<&mut Record> = self
            .servers
            .iter_mut()
            .map(|server| &mut server.record)
            .collect();
        let lot = || u32::try_from(random() % 100).unwrap_or(0);
        sweep(config, &mut records, now, lot);
        let changed = self.servers.iter().zip(before);
        let changed = changed.filter(|(server, before)| ejected(server) != *before);
        let changed: Vec<_> = changed
            .filter_map(|(server, _)| Some((server.subchannel.upgrade()?, server.shown())))
            .collect();
        for (subchannel, state) in changed {
            self.ask(helper, |child, helper| {
                child.subchannel_changed(&subchannel, &state, helper);
            });
        }
        self.plan(now.checked_add(interval), helper);
    }

    fn plan(&mut self, sweep_at: Option<Instant>, helper: &mut dyn Helper) {
        self.sweep_at = sweep_at;
        if let Some(at) = sweep_at {
            helper.wake_at(at);
        }
    }
}

impl Policy for Ejecting {
    fn update(&mut self, update: &PolicyUpdate<'_>, helper: &mut dyn Helper) {
        let Some(config) = update.config::<OutlierDetection>() else {
            return;
        };
        self.config = Some(config.clone());
        self.child
            .get_or_insert_with(|| ChildPolicy::new(&config.child));
        self.ask(helper, |child, helper| {
            child.update(&config.child, update, helper)
        });
        if self.sweep_at.is_none() {
            self.plan(helper.now().checked_add(config.interval), helper);
        }
    }

    fn resolver_failed(&mut self, status: &Status, helper: &mut dyn Helper) {
        self.ask(helper, |child, helper| {
            child.resolver_failed(status, helper)
        });
    }

    fn subchannel_changed(
        &mut self,
        subchannel: &Subchannel,
        state: &SubchannelState,
        helper: &mut dyn Helper,
    ) {
        let mut all = self.servers.iter_mut();
        let shown = match all.find(|server| server.subchannel.is(subchannel)) {
            Some(server) => {
                server.state = state.clone();
                server.shown()
            }
            None => state.clone(),
        };
        self.ask(helper, |child, helper| {
            child.subchannel_changed(subchannel, &shown, helper);
        });
    }

    fn exit_idle(&mut self, helper: &mut dyn Helper) {
        self.ask(helper, ChildPolicy::exit_idle);
    }

    fn wake(&mut self, now: Instant, helper: &mut dyn Helper) {
        if self.sweep_at.is_some_and(|at| at <= now) {
            self.sweep(now, helper);
        }
        self.ask(helper, |child, helper| child.wake(now, helper));
    }
}

/// The helper of the child. It keeps a record of the servers that may be ejected.
struct Watching<'a> {
    servers: &'a mut Vec<WatchedServer>,
    helper: &'a mut dyn Helper,
}

impl Helper for Watching<'_> {
    fn create_subchannel(&mut self, new: NewSubchannel) -> Subchannel {
        let is_watched = new.has_health_check;
        let subchannel = self.helper.create_subchannel(new);
        if is_watched {
            self.servers.push(WatchedServer {
                subchannel: subchannel.downgrade(),
                state: SubchannelState::Idle,
                record: Record::default(),
            });
        }
        subchannel
    }

    fn update_state(&mut self, _state: ChannelConnectivity, _picker: Arc<dyn Picker>) {
        // The child keeps the subchannel.
    }

    fn wake_at(&mut self, time: Instant) {
        self.helper.wake_at(time);
    }

    fn now(&self) -> Instant {
        self.helper.now()
    }
}

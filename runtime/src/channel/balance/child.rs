//! Child policies.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::load_balancing::LoadBalancing;
use super::picker::{Pick, Picker};
use super::policy::{Helper, Policy, PolicyUpdate};
use super::subchannel::{NewSubchannel, Subchannel, SubchannelState, WeakSubchannel};
use crate::Status;
use crate::call::connectivity::ChannelConnectivity;

/// A policy below another one, for policies that distribute calls among other policies.
///
/// The child policy publishes a state and a picker, which are kept here. The parent can read them after each call of a method.
///
/// The parent may call [`ChildPolicy::subchannel_changed`] of all its children. Only the child that has created the subchannel
/// learns of the change.
pub struct ChildPolicy {
    name: &'static str,
    policy: Box<dyn Policy>,
    own: Own,
}

/// The state and the subchannels of a child.
struct Own {
    state: ChannelConnectivity,
    picker: Arc<dyn Picker>,
    subchannels: Vec<WeakSubchannel>,
}

impl ChildPolicy {
    /// Creates a child policy, in the state idle.
    pub fn new(policy: &LoadBalancing) -> ChildPolicy {
        ChildPolicy {
            name: policy.name(),
            policy: policy.factory.build(),
            own: Own {
                state: ChannelConnectivity::Idle,
                picker: Arc::new(Pick::Queue),
                subchannels: Vec::new(),
            },
        }
    }

    /// Returns the state that the child policy published last.
    pub fn state(&self) -> ChannelConnectivity {
        self.own.state
    }

    /// Returns the picker that the child policy published last.
    pub fn picker(&self) -> &Arc<dyn Picker> {
        &self.own.picker
    }

    /// Passes an update to the child policy, with the config in `policy`. If the name of `policy` has changed, a new child policy
    /// replaces the old one.
    pub fn update(
        &mut self,
        policy: &LoadBalancing,
        update: &PolicyUpdate<'_>,
        helper: &mut dyn Helper,
    ) {
        if self.name != policy.name() {
            *self = ChildPolicy::new(policy);
        }
        let update = update.with_config(&*policy.config);
        self.policy.update(&update, &mut self.own.helper(helper));
    }

    /// Passes an error of the resolver to the child policy.
    pub fn resolver_failed(&mut self, status: &Status, helper: &mut dyn Helper) {
        let own = &mut self.own.helper(helper);
        self.policy.resolver_failed(status, own);
    }

    /// Passes the new state of a subchannel to the child policy, if the child policy has created the subchannel. Returns whether
    /// the child policy has created it.
    pub fn subchannel_changed(
        &mut self,
        subchannel: &Subchannel,
        state: &SubchannelState,
        helper: &mut dyn Helper,
    ) -> bool {
        let is_own = self.own.subchannels.iter().any(|own| own.is(subchannel));
        if is_own {
            let own = &mut self.own.helper(helper);
            self.policy.subchannel_changed(subchannel, state, own);
        }
        is_own
    }

    /// Passes a call of [`Policy::exit_idle`] to the child policy.
    pub fn exit_idle(&mut self, helper: &mut dyn Helper) {
        self.policy.exit_idle(&mut self.own.helper(helper));
    }

    /// Passes a call of [`Policy::wake`] to the child policy.
    pub fn wake(&mut self, now: Instant, helper: &mut dyn Helper) {
        self.policy.wake(now, &mut self.own.helper(helper));
    }
}

impl fmt::Debug for ChildPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildPolicy")
            .field("name", &self.name)
            .field("state", &self.own.state)
            .finish_non_exhaustive()
    }
}

impl Own {
    fn helper<'a>(&'a mut self, parent: &'a mut dyn Helper) -> ChildHelper<'a> {
        ChildHelper { own: self, parent }
    }
}

/// The helper of a child.
struct ChildHelper<'a> {
    own: &'a mut Own,
    parent: &'a mut dyn Helper,
}

impl Helper for ChildHelper<'_> {
    fn create_subchannel(&mut self, new: NewSubchannel) -> Subchannel {
        let subchannel = self.parent.create_subchannel(new);
        self.own.subchannels.retain(|own| own.upgrade().is_some());
        self.own.subchannels.push(subchannel.downgrade());
        subchannel
    }

    fn update_state(&mut self, state: ChannelConnectivity, picker: Arc<dyn Picker>) {
        self.own.state = state;
        self.own.picker = picker;
    }

    fn wake_at(&mut self, time: Instant) {
        self.parent.wake_at(time);
    }

    fn now(&self) -> Instant {
        self.parent.now()
    }
}

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
/// It keeps the state and the picker that the child has published, which the parent may read after each call of a method. The parent may
/// call [`ChildPolicy::subchannel_changed`] of all its children: it is passed on only to the child that has created the subchannel.
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
    /// Creates a policy, which is idle.
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

    /// Returns the state that the child has published last.
    pub fn state(&self) -> ChannelConnectivity {
        self.own.state
    }

    /// Returns the picker that the child has published last.
    pub fn picker(&self) -> &Arc<dyn Picker> {
        &self.own.picker
    }

    /// Passes an update on, with the config of the child. If the name of `policy` has changed, a new child replaces the old one.
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

    /// Passes on an error of the resolver.
    pub fn resolver_failed(&mut self, status: &Status, helper: &mut dyn Helper) {
        let own = &mut self.own.helper(helper);
        self.policy.resolver_failed(status, own);
    }

    /// Passes on the new state of a subchannel, if the subchannel is one of the child's. Returns whether it is.
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

    /// Passes on the request to connect.
    pub fn exit_idle(&mut self, helper: &mut dyn Helper) {
        self.policy.exit_idle(&mut self.own.helper(helper));
    }

    /// Passes on a time that was given to [`Helper::wake_at`].
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

//! `pick_first`: all calls go to one server.

use std::sync::Arc;

use super::picker::Pick;
use super::policy::{Helper, Policy, PolicyFactory, PolicyUpdate};
use super::subchannel::{NewSubchannel, Subchannel, SubchannelState};
use crate::call::connectivity::ChannelConnectivity;

/// Creates policies that send all calls to one server: the first address that can be reached, and another one when its connection is
/// lost.
#[derive(Debug)]
pub(crate) struct PickFirstFactory;

impl PolicyFactory for PickFirstFactory {
    fn name(&self) -> &'static str {
        "pick_first"
    }

    fn build(&self) -> Box<dyn Policy> {
        Box::new(PickFirst {
            subchannel: None,
            state: SubchannelState::Idle,
        })
    }
}

struct PickFirst {
    /// The subchannel, which has all addresses.
    subchannel: Option<Subchannel>,
    state: SubchannelState,
}

impl PickFirst {
    fn connect(&mut self) {
        if let Some(subchannel) = &self.subchannel {
            subchannel.connect();
            self.state = SubchannelState::Connecting;
        }
    }

    fn publish(&self, helper: &mut dyn Helper) {
        let (state, pick) = match &self.state {
            SubchannelState::Idle => (ChannelConnectivity::Idle, Pick::Queue),
            SubchannelState::Connecting => (ChannelConnectivity::Connecting, Pick::Queue),
            SubchannelState::Ready(ready) => {
                (ChannelConnectivity::Ready, Pick::Subchannel(ready.clone()))
            }
            SubchannelState::TransientFailure(status) => (
                ChannelConnectivity::TransientFailure,
                Pick::Fail(status.clone()),
            ),
        };
        helper.update_state(state, Arc::new(pick));
    }
}

impl Policy for PickFirst {
    fn update(&mut self, update: &PolicyUpdate<'_>, helper: &mut dyn Helper) {
        let addresses = update.addresses.iter().cloned();
        if let Some(subchannel) = &self.subchannel {
            return subchannel.update_addresses(addresses);
        }
        self.subchannel = Some(helper.create_subchannel(NewSubchannel::new(addresses)));
        self.connect();
        self.publish(helper);
    }

    fn subchannel_changed(
        &mut self,
        subchannel: &Subchannel,
        state: &SubchannelState,
        helper: &mut dyn Helper,
    ) {
        if self.subchannel.as_ref() != Some(subchannel) {
            return;
        }
        let had_failed = matches!(self.state, SubchannelState::TransientFailure(_));
        self.state = state.clone();
        if had_failed && matches!(state, SubchannelState::Idle) {
            // The back-off after the failure is over.
            self.connect();
        }
        self.publish(helper);
    }

    fn exit_idle(&mut self, helper: &mut dyn Helper) {
        if matches!(self.state, SubchannelState::Idle) {
            self.connect();
            self.publish(helper);
        }
    }
}

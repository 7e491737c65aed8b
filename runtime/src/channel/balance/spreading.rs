//! The common part of policies that distribute calls to all servers.

use std::sync::Arc;

use super::picker::{Pick, Picker};
use super::policy::{Helper, Policy, PolicyUpdate};
use super::subchannel::{NewSubchannel, ReadySubchannel, Subchannel, SubchannelState};
use crate::Status;
use crate::call::connectivity::ChannelConnectivity;
use crate::channel::resolve::address::Address;

/// A policy that keeps all servers connected, and distributes calls to them.
pub(crate) struct Spreading {
    servers: ServerSet,
    /// Returns the function that creates pickers for the config of an update.
    configure: fn(&PolicyUpdate<'_>) -> MakePicker,
    picker: MakePicker,
}

/// Creates the picker for the servers that are ready, each with its weight.
pub(crate) type MakePicker = Box<dyn Fn(Vec<(ReadySubchannel, u32)>) -> Arc<dyn Picker> + Send>;

impl Spreading {
    /// Creates a policy with the pickers that `configure` creates for its config.
    pub(crate) fn new(configure: fn(&PolicyUpdate<'_>) -> MakePicker) -> Spreading {
        Spreading {
            servers: ServerSet::default(),
            configure,
            // The first update replaces it.
            picker: Box::new(|_| Arc::new(Pick::Queue)),
        }
    }
}

impl Policy for Spreading {
    fn update(&mut self, update: &PolicyUpdate<'_>, helper: &mut dyn Helper) {
        self.picker = (self.configure)(update);
        self.servers.update(update.addresses, helper);
        self.servers.publish(helper, &self.picker);
    }

    fn subchannel_changed(
        &mut self,
        subchannel: &Subchannel,
        state: &SubchannelState,
        helper: &mut dyn Helper,
    ) {
        if self.servers.changed(subchannel, state) {
            self.servers.publish(helper, &self.picker);
        }
    }

    fn exit_idle(&mut self, _helper: &mut dyn Helper) {
        self.servers.connect();
    }
}

/// Picks the first server with room, starting at `place`. So the limit of one server does not delay calls that another one can
/// take.
pub(crate) fn with_room(servers: &[ReadySubchannel], place: usize) -> Pick {
    let (before, from) = servers.split_at(place.min(servers.len()));
    let mut all = from.iter().chain(before);
    all.find(|server| server.has_room())
        .map_or(Pick::Queue, |server| Pick::Subchannel(server.clone()))
}

/// The servers, each with its own subchannel. All of them are kept connected.
#[derive(Debug, Default)]
struct ServerSet(Vec<SpreadServer>);

#[derive(Debug)]
struct SpreadServer {
    address: Address,
    subchannel: Subchannel,
    state: SubchannelState,
    /// The error of the last attempt to connect, until one succeeds.
    failure: Option<Status>,
}

impl SpreadServer {
    fn is_connecting(&self) -> bool {
        matches!(self.state, SubchannelState::Connecting) && self.failure.is_none()
    }
}

impl ServerSet {
    /// Keeps the servers whose addresses are still listed, drops the others, and connects to new ones.
    fn update(&mut self, addresses: &[Address], helper: &mut dyn Helper) {
        let mut before = std::mem::take(&mut self.0);
        for address in addresses {
            if self.0.iter().any(|other| other.address == *address) {
                continue;
            }
            let kept = before.iter().position(|other| other.address == *address);
            let mut server = kept.map_or_else(
                || {
                    let new = NewSubchannel::new([address.clone()]).with_health_check();
                    let subchannel = helper.create_subchannel(new);
                    subchannel.connect();
                    SpreadServer {
                        address: address.clone(),
                        subchannel,
                        state: SubchannelState::Connecting,
                        failure: None,
                    }
                },
                |place| before.swap_remove(place),
            );
            // Its weight may have changed.
            server.address = address.clone();
            self.0.push(server);
        }
    }

    /// Keeps the new state of a subchannel. An idle one connects at once. Returns whether it is a subchannel of this set.
    fn changed(&mut self, subchannel: &Subchannel, state: &SubchannelState) -> bool {
        let mut all = self.0.iter_mut();
        let Some(server) = all.find(|server| server.subchannel == *subchannel) else {
            return false;
        };
        server.state = match state {
            SubchannelState::Idle => {
                subchannel.connect();
                SubchannelState::Connecting
            }
            state => state.clone(),
        };
        match &server.state {
            SubchannelState::Ready(_) => server.failure = None,
            SubchannelState::TransientFailure(status) => server.failure = Some(status.clone()),
            _ => {}
        }
        true
    }

    /// Connects the servers that are idle.
    fn connect(&self) {
        for server in &self.0 {
            server.subchannel.connect();
        }
    }

    /// Publishes the state of the servers. `picker` creates the picker if several servers are ready.
    fn publish(&self, helper: &mut dyn Helper, picker: &MakePicker) {
        let ready = self.0.iter().filter_map(|server| match &server.state {
            SubchannelState::Ready(ready) => Some((ready.clone(), server.address.weight())),
            _ => None,
        });
        let ready: Vec<_> = ready.collect();
        let (state, picker): (_, Arc<dyn Picker>) = match ready.as_slice() {
            [] => {
                let (state, pick) = self.unready();
                (state, Arc::new(pick))
            }
            [(only, _)] => (
                ChannelConnectivity::Ready,
                Arc::new(Pick::Subchannel(only.clone())),
            ),
            _ => (ChannelConnectivity::Ready, picker(ready)),
        };
        helper.update_state(state, picker);
    }

    /// Returns the state while no server is ready. A server that has failed counts as failed until it is reached. So while all servers
    /// are down, calls fail at once, and do not wait for one attempt after another.
    fn unready(&self) -> (ChannelConnectivity, Pick) {
        let failure = self
            .0
            .iter()
            .filter_map(|server| server.failure.as_ref())
            .next_back();
        match failure {
            Some(status) if !self.0.iter().any(SpreadServer::is_connecting) => (
                ChannelConnectivity::TransientFailure,
                Pick::Fail(status.clone()),
            ),
            _ => (ChannelConnectivity::Connecting, Pick::Queue),
        }
    }
}

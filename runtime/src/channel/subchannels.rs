//! The subchannels of a channel's policy.

use std::time::Instant;

use tokio::sync::mpsc::UnboundedSender;

use super::balance::subchannel::{
    Command, NewSubchannel, ReadySubchannel, Subchannel, SubchannelState, WeakSubchannel,
};
use super::connect::connections::{Connections, ConnectionsState};
use super::connect::owner::ConnectionNews;
use super::resolve::target::Target;
use crate::Status;

/// The subchannels that policies have created, each with its connections.
#[derive(Debug)]
pub(crate) struct Subchannels {
    pub(crate) all: Vec<Entry>,
    next_id: u64,
    /// The queue of commands, to which the handles of the subchannels send.
    commands: UnboundedSender<Command>,
}

/// A subchannel.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: u64,
    handle: WeakSubchannel,
    pub(crate) connections: Connections,
    pub(crate) has_health_check: bool,
    /// True if its last connection was closed as idle. It connects again when the channel is wanted.
    pub(crate) is_resting: bool,
    /// True if the policy wants it to connect as soon as it stops resting.
    pub(crate) is_wanted: bool,
}

impl Subchannels {
    pub(crate) fn new(commands: UnboundedSender<Command>) -> Subchannels {
        Subchannels {
            all: Vec::new(),
            next_id: 0,
            commands,
        }
    }

    pub(crate) fn create(&mut self, new: NewSubchannel) -> Subchannel {
        let id = self.next_id;
        self.next_id += 1;
        let subchannel = Subchannel::new(id, self.commands.clone());
        self.all.push(Entry {
            id,
            handle: subchannel.downgrade(),
            connections: Connections::new(new.addresses),
            has_health_check: new.has_health_check,
            is_resting: false,
            is_wanted: false,
        });
        subchannel
    }

    pub(crate) fn get_mut(&mut self, id: u64) -> Option<&mut Entry> {
        self.all.iter_mut().find(|entry| entry.id == id)
    }

    /// Returns the numbers of the subchannels for which `which` returns true.
    pub(crate) fn which(&self, which: impl Fn(&Entry) -> bool) -> Vec<u64> {
        let all = self.all.iter().filter(|entry| which(entry));
        all.map(|entry| entry.id).collect()
    }

    /// Handles an event of an attempt to connect, or of its connection. Returns the number of the subchannel that made the
    /// attempt, or `None` if no subchannel knows the attempt any more.
    pub(crate) fn hear(
        &mut self,
        attempt: u64,
        news: &ConnectionNews,
        now: Instant,
        target: &Target,
    ) -> Option<u64> {
        let mut all = self.all.iter_mut();
        all.find_map(|entry| {
            let is_own = entry.connections.hear(attempt, news, now, target);
            is_own.then_some(entry.id)
        })
    }

    /// Returns whether all subchannels are idle.
    pub(crate) fn are_idle(&self) -> bool {
        let mut all = self.all.iter();
        all.all(|entry| entry.connections.state() == ConnectionsState::Idle)
    }

    /// Removes a subchannel, and releases its connections.
    pub(crate) fn remove(&mut self, id: u64) {
        if let Some(place) = self.all.iter().position(|entry| entry.id == id) {
            self.all.remove(place).connections.release();
        }
    }

    /// Releases all connections.
    pub(crate) fn release(&mut self) {
        for entry in &mut self.all {
            entry.connections.release();
        }
    }

    /// Returns a subchannel with its state, unless its policy has dropped it.
    pub(crate) fn state(&self, id: u64) -> Option<(Subchannel, SubchannelState)> {
        let entry = self.all.iter().find(|entry| entry.id == id)?;
        Some((entry.handle.upgrade()?, entry.state()))
    }
}

impl Entry {
    fn state(&self) -> SubchannelState {
        match self.connections.state() {
            ConnectionsState::Idle => SubchannelState::Idle,
            ConnectionsState::Connecting => SubchannelState::Connecting,
            ConnectionsState::Ready => ReadySubchannel::new(self.connections.links())
                .map_or(SubchannelState::Idle, SubchannelState::Ready),
            ConnectionsState::Failed => SubchannelState::TransientFailure(
                self.connections
                    .failure()
                    .cloned()
                    .unwrap_or_else(|| Status::unavailable("there is no connection")),
            ),
        }
    }
}

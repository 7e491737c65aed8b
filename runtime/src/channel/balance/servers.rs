//! The servers of a channel, and what they come to.

use std::slice::{Iter, IterMut};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::jitter::random;
use crate::channel::balance::load_balancing::LoadBalancing;
use crate::channel::balance::outliers::{Record, sweep};
use crate::channel::balance::picker::Picker;
use crate::channel::balance::subchannel::{State, Subchannel};
use crate::channel::connect::address::Address;
use crate::channel::connectivity::ChannelConnectivity;
use crate::channel::resolve::service_config::OutlierDetection;

/// The servers of a channel: a subchannel for each address; by `pick_first` one for all of them. Time comes in.
#[derive(Debug)]
pub(crate) struct Servers {
    policy: LoadBalancing,
    outliers: Option<Arc<OutlierDetection>>,
    all: Vec<Subchannel>,
}

impl Servers {
    pub(crate) fn new(policy: LoadBalancing, outliers: Option<Arc<OutlierDetection>>) -> Servers {
        Servers {
            policy,
            // Who has no other to go to is no outlier.
            outliers: outliers.filter(|_| policy != LoadBalancing::PickFirst),
            all: Vec::new(),
        }
    }

    /// Keeps the subchannels whose addresses are still there, lets the others go, and makes those that are missing.
    pub(crate) fn adopt(&mut self, addresses: &Arc<[Address]>) {
        if !self.are_several() {
            match self.all.first_mut() {
                Some(subchannel) => subchannel.lead_to(Arc::clone(addresses)),
                None => self.all.push(Subchannel::new(Arc::clone(addresses), None)),
            }
            return;
        }
        let mut before = std::mem::take(&mut self.all);
        for (place, address) in addresses.iter().enumerate() {
            if addresses
                .get(..place)
                .is_some_and(|those| those.contains(address))
            {
                continue;
            }
            let kept = before.iter().position(|other| other.leads_to(address));
            self.all.push(match kept {
                Some(kept) => before.swap_remove(kept),
                None => {
                    let record = self.outliers.as_ref().map(|_| Record::default());
                    Subchannel::new(Arc::new([address.clone()]), record)
                }
            });
        }
        for subchannel in &mut before {
            subchannel.release();
        }
    }

    pub(crate) fn iter(&self) -> Iter<'_, Subchannel> {
        self.all.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> IterMut<'_, Subchannel> {
        self.all.iter_mut()
    }

    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut Subchannel> {
        self.all.get_mut(place)
    }

    /// The places of the subchannels that this holds for.
    pub(crate) fn places(&self, which: impl Fn(&Subchannel) -> bool) -> Vec<usize> {
        let all = self.all.iter().enumerate();
        all.filter(|(_, subchannel)| which(subchannel))
            .map(|(place, _)| place)
            .collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether calls are spread over several servers, all of which are kept connected.
    pub(crate) fn are_several(&self) -> bool {
        self.policy != LoadBalancing::PickFirst
    }

    /// Nothing is being done for the channel, and it has no connection.
    pub(crate) fn is_idle(&self) -> bool {
        let mut all = self.all.iter();
        all.all(|subchannel| subchannel.state() == State::Idle)
    }

    /// How often is looked for outliers, if that is done.
    pub(crate) fn sweep_interval(&self) -> Option<Duration> {
        self.outliers.as_ref().map(|outliers| outliers.interval)
    }

    /// Looks for outliers. Says whether any were ejected or taken back.
    pub(crate) fn sweep(&mut self, now: Instant) -> bool {
        let Some(outliers) = &self.outliers else {
            return false;
        };
        let before = self.ejected();
        let all = self.all.iter_mut();
        let mut records: Vec<&mut Record> = all.filter_map(Subchannel::record_mut).collect();
        let lot = || u32::try_from(random() % 100).unwrap_or(0);
        sweep(outliers, &mut records, now, lot);
        before != self.ejected()
    }

    /// What has been of the servers' calls is to count no more.
    pub(crate) fn forget_outliers(&mut self) {
        for subchannel in &mut self.all {
            if let Some(record) = subchannel.record_mut() {
                *record = Record::default();
            }
        }
    }

    fn ejected(&self) -> Vec<usize> {
        self.places(|one| {
            let record = one.record();
            record.is_some_and(|record| record.ejection().is_some())
        })
    }

    /// What becomes of calls if a server is ready.
    pub(crate) fn ready(&self) -> Option<Picker> {
        let servers: Vec<_> = self.all.iter().filter_map(Subchannel::lines).collect();
        (!servers.is_empty()).then(|| Picker::spread(servers, self.policy))
    }

    /// What the channel is, and what becomes of its calls, while no server is ready.
    pub(crate) fn unready(&self) -> (ChannelConnectivity, Picker) {
        // Of several servers one that has failed counts as such until it is reached: while all of them are down, calls fail at
        // once and do not wait for attempt after attempt.
        let is_failing = |one: &&Subchannel| match one.state() {
            State::Failed => true,
            State::Idle => false,
            State::Connecting | State::Ready => self.are_several() && one.failure().is_some(),
        };
        if self
            .all
            .iter()
            .any(|one| one.state() == State::Connecting && !is_failing(&one))
        {
            return (ChannelConnectivity::Connecting, Picker::Wait);
        }
        let failing = self.all.iter().filter(is_failing);
        let failures: Vec<_> = failing.filter_map(Subchannel::failure).collect();
        match failures.last() {
            Some(status) if failures.len() == self.all.len() => (
                ChannelConnectivity::TransientFailure,
                Picker::Fail((*status).clone()),
            ),
            _ => (ChannelConnectivity::Idle, Picker::Wait),
        }
    }
}

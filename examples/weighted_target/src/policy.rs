//! A policy by which calls go in shares to groups of servers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use stubwright::balancing::{
    CallInfo, ChildPolicy, ConfigError, ConfigObject, Helper, Pick, Picker, Policy, PolicyConfig,
    PolicyFactory, PolicyUpdate, Subchannel, SubchannelState,
};
use stubwright::{Address, ChannelConnectivity, LoadBalancing};

/// An attribute of addresses: the group that the server belongs to.
pub struct Group(pub String);

/// Makes policies by which calls go in shares to groups of servers.
#[derive(Debug)]
pub struct WeightedTarget;

/// The groups, each with its share.
#[derive(Debug)]
struct Config(Vec<TargetConfig>);

#[derive(Debug)]
struct TargetConfig {
    name: String,
    weight: usize,
    policy: LoadBalancing,
}

impl PolicyFactory for WeightedTarget {
    fn name(&self) -> &'static str {
        "weighted_target"
    }

    fn read_config(
        &self,
        config: &mut ConfigObject<'_>,
    ) -> Result<Arc<dyn PolicyConfig>, ConfigError> {
        let mut targets = Vec::new();
        for (name, target) in config.need("targets")?.into_object()?.take_all() {
            let mut target = target.into_object()?;
            let weight = target.need("weight")?;
            targets.push(TargetConfig {
                name: name.to_owned(),
                weight: match weight.whole()? {
                    weight @ 1..=1000 => usize::try_from(weight).unwrap_or(1),
                    _ => return Err(weight.error("it is from 1 to 1000")),
                },
                policy: LoadBalancing::read_list(target.need("childPolicy")?)?,
            });
            target.finish()?;
        }
        Ok(Arc::new(Config(targets)))
    }

    fn build(&self) -> Box<dyn Policy> {
        Box::new(Targets(Vec::new()))
    }
}

/// The groups that have servers.
struct Targets(Vec<Target>);

struct Target {
    name: String,
    weight: usize,
    policy: ChildPolicy,
}

impl Targets {
    /// Tells what the groups come to: those that are ready share the calls.
    fn publish(&self, helper: &mut dyn Helper) {
        let ready = |target: &&Target| target.policy.state() == ChannelConnectivity::Ready;
        let ready: Vec<_> = self.0.iter().filter(ready).collect();
        let is_failing =
            |target: &Target| target.policy.state() == ChannelConnectivity::TransientFailure;
        let (state, picker): (_, Arc<dyn Picker>) = match self.0.last() {
            _ if !ready.is_empty() => {
                let targets = ready.into_iter();
                let targets = targets.map(|one| (one.weight, Arc::clone(one.policy.picker())));
                (ChannelConnectivity::Ready, Arc::new(Shares::new(targets)))
            }
            Some(last) if self.0.iter().all(is_failing) => (
                ChannelConnectivity::TransientFailure,
                Arc::clone(last.policy.picker()),
            ),
            _ => (ChannelConnectivity::Connecting, Arc::new(Pick::Queue)),
        };
        helper.update_state(state, picker);
    }
}

impl Policy for Targets {
    fn update(&mut self, update: &PolicyUpdate<'_>, helper: &mut dyn Helper) {
        let Some(Config(configs)) = update.config() else {
            return;
        };
        let mut before = std::mem::take(&mut self.0);
        for config in configs {
            let is_in_group = |address: &&Address| {
                let group = address.attributes().get::<Group>();
                group.is_some_and(|group| group.0 == config.name)
            };
            let addresses = update.addresses.iter().filter(is_in_group);
            let addresses: Vec<Address> = addresses.cloned().collect();
            if addresses.is_empty() {
                continue;
            }
            let kept = before.iter().position(|other| other.name == config.name);
            let mut policy = match kept {
                Some(place) => before.swap_remove(place).policy,
                None => ChildPolicy::new(&config.policy),
            };
            policy.update(&config.policy, &update.with_addresses(&addresses), helper);
            self.0.push(Target {
                name: config.name.clone(),
                weight: config.weight,
                policy,
            });
        }
        self.publish(helper);
    }

    fn subchannel_changed(
        &mut self,
        subchannel: &Subchannel,
        state: &SubchannelState,
        helper: &mut dyn Helper,
    ) {
        let mut all = self.0.iter_mut();
        all.any(|target| target.policy.subchannel_changed(subchannel, state, helper));
        self.publish(helper);
    }

    fn exit_idle(&mut self, helper: &mut dyn Helper) {
        for target in &mut self.0 {
            target.policy.exit_idle(helper);
        }
        self.publish(helper);
    }

    fn wake(&mut self, now: Instant, helper: &mut dyn Helper) {
        for target in &mut self.0 {
            target.policy.wake(now, helper);
        }
        self.publish(helper);
    }
}

/// Asks the pickers of groups in proportion to their weights.
struct Shares {
    /// A picker as often as its weight is.
    pickers: Vec<Arc<dyn Picker>>,
    next: AtomicUsize,
}

impl Shares {
    fn new(targets: impl Iterator<Item = (usize, Arc<dyn Picker>)>) -> Shares {
        let pickers = targets.flat_map(|(weight, picker)| std::iter::repeat_n(picker, weight));
        Shares {
            pickers: pickers.collect(),
            next: AtomicUsize::new(0),
        }
    }
}

impl Picker for Shares {
    fn pick(&self, call: &CallInfo<'_>) -> Pick {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let picker = self.pickers.get(turn % self.pickers.len());
        picker.map_or(Pick::Queue, |picker| picker.pick(call))
    }
}

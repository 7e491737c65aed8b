//! Load balancing policies: the traits that they implement and use.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::picker::Picker;
use super::subchannel::{NewSubchannel, Subchannel, SubchannelState};
use crate::Status;
use crate::base::config::{ConfigError, ConfigObject};
use crate::call::attributes::Attributes;
use crate::call::connectivity::ChannelConnectivity;
use crate::channel::resolve::address::Address;

/// Decides which servers a channel connects to, and which of them calls go to: gRPC's "load balancing policy".
///
/// A channel that is not idle has one, and calls its methods one after the other. What the policy comes to it tells by
/// [`Helper::update_state`]. The subchannels that it makes are its own: it hears of each change of their state. A policy that has other
/// policies below it hears of those of its children too, and passes them on ([`ChildPolicy`](crate::balancing::ChildPolicy) does that).
pub trait Policy: Send {
    /// Takes over the servers that a resolver has found, and the policy's config. The first update is the beginning of the policy, which
    /// then connects as it sees fit.
    fn update(&mut self, update: &PolicyUpdate<'_>, helper: &mut dyn Helper);

    /// Is told that no servers can be found now. Those that are known stay. By default nothing is done.
    fn resolver_failed(&mut self, status: &Status, helper: &mut dyn Helper) {
        let _ = (status, helper);
    }

    /// Is told that the state of a subchannel has changed, or the connections that it has. A subchannel that becomes idle stays so until
    /// [`Subchannel::connect`] is called.
    fn subchannel_changed(
        &mut self,
        subchannel: &Subchannel,
        state: &SubchannelState,
        helper: &mut dyn Helper,
    );

    /// Connects what is idle: calls wait, or the program asks for a connection.
    fn exit_idle(&mut self, helper: &mut dyn Helper);

    /// Is told that a time has come that was given to [`Helper::wake_at`] by this policy or by another one in the channel. By default
    /// nothing is done.
    fn wake(&mut self, now: Instant, helper: &mut dyn Helper) {
        let _ = (now, helper);
    }
}

/// The channel, or the policy above, as a policy uses it.
pub trait Helper {
    /// Creates a subchannel, which is idle.
    fn create_subchannel(&mut self, new: NewSubchannel) -> Subchannel;

    /// Tells what the policy comes to, and what becomes of calls.
    fn update_state(&mut self, state: ChannelConnectivity, picker: Arc<dyn Picker>);

    /// Has [`Policy::wake`] called at this time, or a little later.
    fn wake_at(&mut self, time: Instant);

    /// Returns the time.
    fn now(&self) -> Instant;
}

/// The servers and the config that a policy is given.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PolicyUpdate<'a> {
    /// The servers, the best first. There is at least one.
    pub addresses: &'a [Address],
    /// Attributes from the resolver.
    pub attributes: &'a Attributes,
    config: &'a dyn PolicyConfig,
}

impl<'a> PolicyUpdate<'a> {
    pub(crate) fn new(
        addresses: &'a [Address],
        attributes: &'a Attributes,
        config: &'a dyn PolicyConfig,
    ) -> PolicyUpdate<'a> {
        PolicyUpdate {
            addresses,
            attributes,
            config,
        }
    }

    /// Returns the config of the policy: what its factory has read, or `None` if `T` is another type.
    pub fn config<T: PolicyConfig>(&self) -> Option<&'a T> {
        self.config.as_any().downcast_ref()
    }

    /// Returns the same update with other servers, for a child.
    #[must_use]
    pub fn with_addresses(self, addresses: &'a [Address]) -> PolicyUpdate<'a> {
        PolicyUpdate { addresses, ..self }
    }

    /// Returns the same update with another config, for a child.
    pub(crate) fn with_config(self, config: &'a dyn PolicyConfig) -> PolicyUpdate<'a> {
        PolicyUpdate { config, ..self }
    }
}

/// The config of a policy, of a type of the policy's own.
pub trait PolicyConfig: Any + fmt::Debug + Send + Sync {
    /// Returns the config as a value of any type.
    fn as_any(&self) -> &dyn Any;
}

impl<T: Any + fmt::Debug + Send + Sync> PolicyConfig for T {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A kind of policies: reads the config of one, and makes it. [`register_policy`](crate::balancing::register_policy) makes it known by its
/// name.
pub trait PolicyFactory: Send + Sync + 'static {
    /// Returns the name by which a service config asks for the policy.
    fn name(&self) -> &'static str;

    /// Reads the config of a policy. By default there is none. Fields that are left in the object are an error in a strict service config,
    /// and ignored otherwise.
    ///
    /// # Errors
    /// An error says what is wrong, and where.
    fn read_config(
        &self,
        config: &mut ConfigObject<'_>,
    ) -> Result<Arc<dyn PolicyConfig>, ConfigError> {
        let _ = config;
        Ok(Arc::new(()))
    }

    /// Makes a policy, whose config comes with its first update.
    fn build(&self) -> Box<dyn Policy>;
}

impl fmt::Debug for dyn PolicyFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

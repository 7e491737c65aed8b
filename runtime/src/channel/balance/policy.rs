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

/// A load balancing policy. It decides which servers a channel connects to, and which of them get the calls.
///
/// A channel that is not idle has one policy, and calls its methods one after the other. The policy publishes its state and its
/// picker by [`Helper::update_state`].
///
/// The channel tells the policy of each change of a subchannel that the policy has created. If a policy has child policies, the
/// channel also tells it of the changes of their subchannels. The policy must pass these changes on, which
/// [`ChildPolicy`](crate::balancing::ChildPolicy) does.
pub trait Policy: Send {
    /// Takes the servers that a resolver has found, and the config of the policy. The first update starts the policy. From then on,
    /// the policy may connect to servers.
    fn update(&mut self, update: &PolicyUpdate<'_>, helper: &mut dyn Helper);

    /// Handles an error of the resolver. The servers of the last update remain valid. The default implementation does nothing.
    fn resolver_failed(&mut self, status: &Status, helper: &mut dyn Helper) {
        let _ = (status, helper);
    }

    /// Handles a change of the state of a subchannel, or of its connections. A subchannel that becomes idle stays idle until
    /// [`Subchannel::connect`] is called.
    fn subchannel_changed(
        &mut self,
        subchannel: &Subchannel,
        state: &SubchannelState,
        helper: &mut dyn Helper,
    );

    /// Connects the idle subchannels. The channel calls this method when calls wait for a connection, or when the program asks for
    /// one.
    fn exit_idle(&mut self, helper: &mut dyn Helper);

    /// Handles a time that was given to [`Helper::wake_at`] by this policy or by another policy of the channel. The default
    /// implementation does nothing.
    fn wake(&mut self, now: Instant, helper: &mut dyn Helper) {
        let _ = (now, helper);
    }
}

/// The interface of a policy to its channel or to its parent policy.
pub trait Helper {
    /// Creates a subchannel in the state idle.
    fn create_subchannel(&mut self, new: NewSubchannel) -> Subchannel;

    /// Publishes the state of the policy, and the picker that chooses servers for calls from now on.
    fn update_state(&mut self, state: ChannelConnectivity, picker: Arc<dyn Picker>);

    /// Plans a call of [`Policy::wake`] at this time, or a little later.
    fn wake_at(&mut self, time: Instant);

    /// Returns the current time.
    fn now(&self) -> Instant;
}

/// The servers and the config for a policy.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PolicyUpdate<'a> {
    /// The servers, in order of preference. There is at least one.
    pub addresses: &'a [Address],
    /// The values that the resolver has set for the policy.
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

    /// Returns the config that the factory of the policy has read. Returns `None` if the config is not of type `T`.
    pub fn config<T: PolicyConfig>(&self) -> Option<&'a T> {
        self.config.as_any().downcast_ref()
    }

    /// Returns the same update with other servers, for a child policy.
    #[must_use]
    pub fn with_addresses(self, addresses: &'a [Address]) -> PolicyUpdate<'a> {
        PolicyUpdate { addresses, ..self }
    }

    /// Returns the same update with another config, for a child policy.
    pub(crate) fn with_config(self, config: &'a dyn PolicyConfig) -> PolicyUpdate<'a> {
        PolicyUpdate { config, ..self }
    }
}

/// The config of a policy. Each kind of policy has its own type of config.
pub trait PolicyConfig: Any + fmt::Debug + Send + Sync {
    /// Returns the config as `Any`, for downcasting.
    fn as_any(&self) -> &dyn Any;
}

impl<T: Any + fmt::Debug + Send + Sync> PolicyConfig for T {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Creates the policies of one kind, and reads their configs. [`register_policy`](crate::balancing::register_policy) registers a
/// factory, so that service configs can select its policies by name.
pub trait PolicyFactory: Send + Sync + 'static {
    /// Returns the policy's name in service configs.
    fn name(&self) -> &'static str;

    /// Reads the config of a policy. The default implementation reads no fields. Fields that are left in the object are an error in
    /// a strict service config, and are ignored in others.
    ///
    /// # Errors
    /// Returns an error if the config is invalid. The error names the field and the problem.
    fn read_config(
        &self,
        config: &mut ConfigObject<'_>,
    ) -> Result<Arc<dyn PolicyConfig>, ConfigError> {
        let _ = config;
        Ok(Arc::new(()))
    }

    /// Creates a policy. The policy gets its config with its first update.
    fn build(&self) -> Box<dyn Policy>;
}

impl fmt::Debug for dyn PolicyFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

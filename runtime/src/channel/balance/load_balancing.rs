//! A load balancing policy with its config.

use std::fmt;
use std::sync::Arc;

use super::least_request::{LeastRequestConfig, LeastRequestFactory};
use super::pick_first::PickFirstFactory;
use super::policy::{PolicyConfig, PolicyFactory};
use super::registry::{policy_factory, policy_names};
use super::round_robin::RoundRobinFactory;
use crate::base::config::{ConfigError, ConfigValue};
use crate::{Result, Status};

/// A load balancing policy with its config. The policy distributes the calls of a channel to the servers of its target.
///
/// This type has constructors for some policies. A [`ServiceConfig`](crate::ServiceConfig) can select any policy by its name,
/// including [your own](crate::balancing::Policy).
#[derive(Clone)]
pub struct LoadBalancing {
    pub(crate) factory: &'static dyn PolicyFactory,
    pub(crate) config: Arc<dyn PolicyConfig>,
}

impl LoadBalancing {
    /// Returns the policy that sends all calls to one server: the first address that can be reached. If its connection is lost,
    /// the addresses are tried again from the beginning. This is the default. gRPC's `pick_first`.
    pub fn pick_first() -> LoadBalancing {
        LoadBalancing {
            factory: &PickFirstFactory,
            config: Arc::new(()),
        }
    }

    /// Returns the policy that sends calls to all servers in turn. gRPC's `round_robin`.
    pub fn round_robin() -> LoadBalancing {
        LoadBalancing {
            factory: &RoundRobinFactory,
            config: Arc::new(()),
        }
    }

    /// Returns the policy that picks `choices` servers at random for each call, and sends the call to the one with the fewest
    /// open calls. The usual number is 2. More than 10 counts as 10. gRPC's `least_request` and its `choiceCount` (gRFC A48).
    ///
    /// # Errors
    /// Returns INVALID_ARGUMENT for fewer than 2 choices.
    pub fn least_request(choices: u32) -> Result<LoadBalancing> {
        if choices < 2 {
            return Err(Status::invalid_argument(format!(
                "least_request: the number of choices is at least 2, and not {choices}"
            )));
        }
        Ok(LoadBalancing {
            factory: &LeastRequestFactory,
            config: Arc::new(LeastRequestConfig {
                choice_count: choices,
            }),
        })
    }

    /// Returns the name of the policy.
    pub fn name(&self) -> &'static str {
        self.factory.name()
    }

    /// Reads the value of `loadBalancingConfig` or `childPolicy`, which is a list of policies. The first known policy in the list
    /// is used.
    ///
    /// # Errors
    /// Returns an error if the value is not a list of policies, if no policy is known, or if the config of the first known policy
    /// is invalid.
    pub fn read_list(list: ConfigValue<'_>) -> Result<LoadBalancing, ConfigError> {
        let path = list.path.clone();
        for policy in list.items()? {
            let (name, config) = policy.into_object()?.only()?;
            if let Some(factory) = policy_factory(name) {
                let mut fields = config.into_object()?;
                let config = factory.read_config(&mut fields)?;
                fields.finish()?;
                return Ok(LoadBalancing { factory, config });
            }
        }
        let known = policy_names();
        Err(ConfigError::new(format!(
            "{path}: none of these policies is known; the known ones are {known}"
        )))
    }

    /// Reads the value of `loadBalancingPolicy`, the older form: the name of a policy, in upper or lower case, without a config. As in
    /// grpc-go, an unknown name is ignored.
    pub(crate) fn read_name(name: ConfigValue<'_>) -> Result<Option<LoadBalancing>, ConfigError> {
        if let Some(factory) = policy_factory(&name.text()?.to_ascii_lowercase()) {
            let config = factory.read_config(&mut name.empty_object())?;
            return Ok(Some(LoadBalancing { factory, config }));
        }
        let known = policy_names();
        let why = name.error(format!(
            "this policy is unknown; the known ones are {known}"
        ));
        name.reading.ignore(why)?;
        Ok(None)
    }
}

impl Default for LoadBalancing {
    fn default() -> LoadBalancing {
        LoadBalancing::pick_first()
    }
}

impl fmt::Debug for LoadBalancing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(self.name()).field(&self.config).finish()
    }
}

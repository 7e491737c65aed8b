//! Service configs: how the methods of a service are called, as JSON.

mod scaling;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use self::scaling::{connection_scaling, health_check};
use crate::base::config::json::Json;
use crate::base::config::{ConfigError, ConfigObject, ConfigValue, Read, Reading};
use crate::base::log;
use crate::call::method_config::MethodConfig;
use crate::call::retry_config::ThrottlingConfig;
use crate::channel::balance::know_own_policies;
use crate::channel::balance::load_balancing::LoadBalancing;
use crate::{Result, Status};

/// The config of a channel and its methods: load balancing, timeouts, limits and retries. gRPC's service config.
///
/// A program passes it to [`ChannelBuilder::service_config`](crate::ChannelBuilder::service_config), or a
/// [`Resolver`](crate::Resolver) returns it.
///
/// ```
/// # fn main() -> stubwright::Result<()> {
/// let config = stubwright::ServiceConfig::from_json(r#"{
///     "loadBalancingConfig": [{"round_robin": {}}],
///     "methodConfig": [{
///         "name": [{"service": "squarerpc_service.SquareService"}],
///         "timeout": "1.5s",
///         "waitForReady": true,
///         "retryPolicy": {
///             "maxAttempts": 4,
///             "initialBackoff": "0.1s",
///             "maxBackoff": "1s",
///             "backoffMultiplier": 2,
///             "retryableStatusCodes": ["UNAVAILABLE"]
///         }
///     }],
///     "retryThrottling": {"maxTokens": 100, "tokenRatio": 0.1}
/// }"#)?;
/// # drop(config);
/// # Ok(())
/// # }
/// ```
///
/// # Fields
///
/// | field | meaning |
/// |---|---|
/// | `loadBalancingConfig` | a list of policies; the first known one is used, see below |
/// | `loadBalancingPolicy` | the older form: the name of a policy; only used without `loadBalancingConfig` |
/// | `methodConfig` | a list of entries for methods, see below |
/// | `retryThrottling` | limits retries and hedging while many calls fail, see below |
/// | `connectionScaling` | `maxConnectionsPerSubchannel`: the connections to one server, from 1 to 10 |
/// | `healthCheckConfig` | `serviceName`: the service whose health is checked; `""` is the whole server |
///
/// `maxConnectionsPerSubchannel` (gRFC A105) takes precedence over
/// [`ChannelBuilder::max_connections_per_subchannel`](crate::ChannelBuilder::max_connections_per_subchannel); more than 10 counts as 10.
///
/// With `healthCheckConfig` (gRFC A17) the channel watches the health of each server by `grpc.health.v1.Health.Watch`, and sends calls only
/// to servers that are SERVING. A server without a health service counts as healthy. `pick_first` ignores health.
///
/// ## Entries of `methodConfig`
///
/// | field | meaning |
/// |---|---|
/// | `name` | the methods: a `service` with a `method`, a whole `service`, or `{}` for all |
/// | `timeout` | a duration, for example `"1.5s"`; the call's own timeout applies if it is shorter |
/// | `waitForReady` | the default for calls that don't set it |
/// | `maxRequestMessageBytes` | the largest request; the channel's own limit applies if it is smaller |
/// | `maxResponseMessageBytes` | the largest response; the channel's own limit applies if it is smaller |
/// | `retryPolicy` | retries failed calls |
/// | `hedgingPolicy` | sends calls several times in parallel; not together with `retryPolicy` |
///
/// If several entries match a method, the most specific one is used.
///
/// **`retryPolicy`** (gRFC A6) makes a call again if the call fails with one of `retryableStatusCodes` before the head of a
/// response has arrived. `maxAttempts`, from 2 to 5, is the maximum number of attempts, including the first; more counts as 5. The
/// wait before the first retry is `initialBackoff`. Each further wait is longer by the factor `backoffMultiplier`, up to
/// `maxBackoff`. All waits vary at random by up to 20 percent.
///
/// **`hedgingPolicy`** (gRFC A6) is for methods that may run more than once. It makes up to `maxAttempts` attempts, from 2 to 5;
/// more counts as 5. The next attempt starts when `hedgingDelay` (default 0) has passed without an answer, or at once when an
/// attempt fails with one of `nonFatalStatusCodes` (default: none). The first answer is used. A failure with any other code ends
/// the call.
///
/// With the metadata `grpc-retry-pushback-ms`, a server can set the time of the next attempt, or forbid further attempts.
///
/// **`retryThrottling`** is a bucket of `maxTokens` tokens, up to 1,000. A failed attempt takes one token, and a successful one
/// adds `tokenRatio` tokens. While the bucket is at most half full, there are no retries and no hedging.
///
/// ## Policies
///
/// | policy | meaning |
/// |---|---|
/// | `pick_first` | all calls go to one server |
/// | `round_robin` | calls go to all servers in turn |
/// | `least_request_experimental` | the least busy of `choiceCount` random servers (default 2, at least 2, at most 10) |
/// | `weighted_round_robin` | in proportion to the weights of the [addresses](crate::Address) |
/// | `outlier_detection_experimental` | avoids servers that fail too often, see below |
/// | others | policies of the program: [`register_policy`](crate::balancing::register_policy) |
///
/// **`outlier_detection_experimental`** (gRFC A50) wraps a `childPolicy`. Values in parentheses are defaults. Every `interval` (10
/// s) the policy counts how the calls to each server have ended. A server that fails too often is ejected: it gets no calls for
/// `baseEjectionTime` (30 s), multiplied by the number of its ejections in a row, up to `maxEjectionTime` (300 s). A further server
/// is only ejected while fewer than `maxEjectionPercent` (10) percent of the servers are.
///
/// A call counts if the server has ended it, if its deadline has passed, or if its connection was lost. A call that its caller has
/// cancelled does not count. The policy has no effect on `pick_first`. Two rules choose the servers to eject. By default neither is
/// on:
///
/// - `successRateEjection` ejects a server whose success rate is below the mean of all servers by more than `stdevFactor` (1900)
///   thousandths of the standard deviation.
/// - `failurePercentageEjection` ejects a server that fails more than `threshold` (85) percent of its calls.
///
/// A rule applies to servers with at least `requestVolume` calls in the interval (100 for the first rule, 50 for the second), if at
/// least `minimumHosts` (5) servers have so many calls. A server that a rule has chosen is ejected with a probability of
/// `enforcementPercentage` (100) percent.
#[derive(Clone)]
pub struct ServiceConfig(Arc<Parsed>);

struct Parsed {
    load_balancing: Option<LoadBalancing>,
    max_connections_per_subchannel: Option<usize>,
    health_check: Option<Arc<str>>,
    throttling: Option<ThrottlingConfig>,
    /// The entries by `/service/method`, by `/service/`, or by an empty text.
    methods: HashMap<String, Arc<MethodConfig>>,
}

impl ServiceConfig {
    /// Reads a service config that may have been written for another gRPC library. As in grpc-go, unknown fields, an unknown
    /// `loadBalancingPolicy` and entries of `methodConfig` without a `name` are ignored. They are logged (feature `tracing`). For a
    /// config that was written for this library, use [`from_json_strict`](ServiceConfig::from_json_strict).
    ///
    /// # Errors
    /// Returns INVALID_ARGUMENT for invalid JSON and for invalid values. The message names the place and the problem.
    pub fn from_json(json: &str) -> Result<ServiceConfig> {
        ServiceConfig::read(json, Reading::lenient())
    }

    /// Reads a service config that was written for this library. Everything that [`from_json`](ServiceConfig::from_json) ignores is an
    /// error here, because it may be a typing mistake.
    ///
    /// # Errors
    /// Returns INVALID_ARGUMENT for invalid JSON, unknown fields and policies, entries without a `name`, and invalid values. The
    /// message names the place and the problem.
    pub fn from_json_strict(json: &str) -> Result<ServiceConfig> {
        ServiceConfig::read(json, Reading::strict())
    }

    fn read(json: &str, reading: Reading) -> Result<ServiceConfig> {
        know_own_policies();
        let parsed = Json::parse(json)
            .map_err(ConfigError::new)
            .and_then(|json| Parsed::read(ConfigValue::root(&json, &reading)));
        let parsed =
            parsed.map_err(|why| Status::invalid_argument(format!("service config: {why}")))?;
        for what in reading.into_ignored() {
            log::config_ignored(&what);
        }
        Ok(ServiceConfig(Arc::new(parsed)))
    }

    pub(crate) fn load_balancing(&self) -> Option<LoadBalancing> {
        self.0.load_balancing.clone()
    }

    pub(crate) fn max_connections_per_subchannel(&self) -> Option<usize> {
        self.0.max_connections_per_subchannel
    }

    /// Returns the service whose health is checked, if there is one.
    pub(crate) fn health_check(&self) -> Option<&Arc<str>> {
        self.0.health_check.as_ref()
    }

    pub(crate) fn throttling(&self) -> Option<ThrottlingConfig> {
        self.0.throttling
    }

    /// Returns the most specific entry for the path of a method.
    pub(crate) fn method(&self, path: &str) -> Option<&Arc<MethodConfig>> {
        let methods = &self.0.methods;
        let service = || {
            path.rfind('/')
                .and_then(|slash| methods.get(path.get(..=slash)?))
        };
        methods
            .get(path)
            .or_else(service)
            .or_else(|| methods.get(""))
    }
}

impl fmt::Debug for ServiceConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceConfig")
            .field("load_balancing", &self.load_balancing())
            .field("methods", &self.0.methods.keys())
            .finish_non_exhaustive()
    }
}

impl Parsed {
    fn read(root: ConfigValue<'_>) -> Read<Parsed> {
        let mut fields = root.into_object()?;
        let named_policy = fields.take("loadBalancingPolicy");
        let mut parsed = Parsed {
            load_balancing: match (fields.take("loadBalancingConfig"), named_policy) {
                (Some(list), _) => Some(LoadBalancing::read_list(list)?),
                (None, Some(name)) => LoadBalancing::read_name(name)?,
                (None, None) => None,
            },
            max_connections_per_subchannel: fields
                .take("connectionScaling")
                .map(connection_scaling)
                .transpose()?
                .flatten(),
            health_check: fields
                .take("healthCheckConfig")
                .map(health_check)
                .transpose()?
                .flatten(),
            throttling: fields
                .take("retryThrottling")
                .map(ThrottlingConfig::read)
                .transpose()?,
            methods: HashMap::new(),
        };
        if let Some(entries) = fields.take("methodConfig") {
            for entry in entries.items()? {
                parsed.add_entry(entry.into_object()?)?;
            }
        }
        fields.finish()?;
        Ok(parsed)
    }

    fn add_entry(&mut self, mut entry: ConfigObject<'_>) -> Read<()> {
        let names = match entry.take("name") {
            Some(names) => names.items()?,
            None => Vec::new(),
        };
        if names.is_empty() {
            let path = &entry.path;
            let why = format!("{path}.name: it is missing, and the entry is for no method");
            return entry.reading.ignore(ConfigError::new(why));
        }
        let method = Arc::new(MethodConfig::read(entry)?);
        for name in names {
            let path = name.path.clone();
            let key = method_name(name.into_object()?)?;
            if self.methods.insert(key, Arc::clone(&method)).is_some() {
                let why = format!("{path}: there is an entry for it already");
                return Err(ConfigError::new(why));
            }
        }
        Ok(())
    }
}

/// Returns the path, or the beginning of the paths, that a name means.
fn method_name(mut name: ConfigObject<'_>) -> Read<String> {
    let service = name.take("service");
    let method = name.take("method");
    name.finish()?;
    let service = service.map_or(Ok(""), |field| field.text())?;
    let method_name = method.as_ref().map_or(Ok(""), ConfigValue::text)?;
    match (service, method_name) {
        ("", "") => Ok(String::new()),
        ("", _) => Err(match method {
            Some(method) => method.error("a method stands with its service"),
            None => ConfigError::new(String::new()),
        }),
        (service, method) => Ok(format!("/{service}/{method}")),
    }
}

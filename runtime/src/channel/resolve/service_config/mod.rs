//! Service config: how the methods of a service are called, as JSON.

mod policies;
mod scaling;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

pub(crate) use self::policies::ThrottlingConfig;
use self::policies::{hedging_policy, retry_policy, throttling};
use self::scaling::{connection_scaling, health_check};
use crate::base::config::json::Json;
use crate::base::config::{ConfigError, ConfigObject, ConfigValue, Read, Reading};
use crate::base::log;
use crate::call::method_config::MethodConfig;
use crate::channel::balance::know_own_policies;
use crate::channel::balance::load_balancing::LoadBalancing;
use crate::{Result, Status};

/// The config of a channel's methods: time-outs, limits, retries and load balancing.
/// gRPC's service config, as JSON, given in code: for [`ChannelBuilder::service_config`](crate::ChannelBuilder::service_config).
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
/// | field | meaning |
/// |---|---|
/// | `loadBalancingConfig` | a list, of which the first policy that is known here counts: `pick_first`, `round_robin`, `least_request_experimental` with its `choiceCount` (2 by default, at least 2, more than 10 counts as 10), `weighted_round_robin` by the weights of the [addresses](crate::Address), and those of the program ([`register_policy`](crate::balancing::register_policy)) |
/// | `loadBalancingPolicy` | the older form: the name of a policy that needs no config. It counts where there is no `loadBalancingConfig` |
/// | `outlier_detection_experimental` | a policy too (gRFC A50), around the `childPolicy` that it has: every `interval` (10 s) it looks how the calls to each server have ended, and a server that fails too often has none for `baseEjectionTime` (30 s) times how often that has happened in a row, up to `maxEjectionTime` (300 s). At most `maxEjectionPercent` (10) of the servers are ejected, but one may always be. Calls count that the server has ended or kept beyond their deadline, or whose connection was lost; not those that their caller gave up. With `pick_first` it does nothing |
/// | `.successRateEjection` | ejects who succeeds less often than the mean of all by `stdevFactor` (1900) thousandths of the standard deviation; `enforcementPercentage` (100) of the time, if at least `minimumHosts` (5) had at least `requestVolume` (100) calls in the interval, and the server had so many. None by default |
/// | `.failurePercentageEjection` | ejects who fails in more than `threshold` (85) percent of the calls; `enforcementPercentage` (100), `minimumHosts` (5) and `requestVolume` (50) as before. None by default |
/// | `methodConfig[].name` | the methods that an entry is for: a `service` with a `method`, a whole `service`, or `{}` for all. The most exact entry counts |
/// | `.timeout` | a duration, as `"1.5s"`; of it and the call's own time-out the shorter counts |
/// | `.waitForReady` | for calls that say nothing else |
/// | `.maxRequestMessageBytes`, `.maxResponseMessageBytes` | of it and the channel's own limit the smaller counts |
/// | `.retryPolicy` | calls that fail before the head of a response has come are made again (gRFC A6): `maxAttempts` in all, 2 to 5 (more counts as 5), after `initialBackoff` times `backoffMultiplier` for each one before, up to `maxBackoff`, give or take a fifth, when they fail with one of `retryableStatusCodes`. A server may say by `grpc-retry-pushback-ms` when, or that not |
/// | `.hedgingPolicy` | calls are made several times side by side, and the first answer counts (gRFC A6): up to `maxAttempts` in all, 2 to 5 (more counts as 5), one more each time that `hedgingDelay` (0 by default) is over and none has been answered, or at once when one has failed with one of `nonFatalStatusCodes` (none by default). Another failure ends the call. A server may say by `grpc-retry-pushback-ms` when the next is made, or that none is. For methods that may be carried out more than once; not with a `retryPolicy` |
/// | `connectionScaling` | `maxConnectionsPerSubchannel`, 1 to 10 (more counts as 10): how many connections there may be to one server (gRFC A105), in the place of [`ChannelBuilder::max_connections_per_subchannel`](crate::ChannelBuilder::max_connections_per_subchannel) |
/// | `healthCheckConfig` | servers are asked for the health of a service, `serviceName`, or `""` for the server as a whole, by `grpc.health.v1.Health.Watch`, and have calls only while it is SERVING (gRFC A17); one that has no health service counts as healthy. Not with `pick_first`, which does not look at it |
/// | `retryThrottling` | a bucket of `maxTokens` (up to 1,000): a failure takes one, a success gives `tokenRatio`, and while it is half empty or less nothing is made again, nor side by side |
#[derive(Clone)]
pub struct ServiceConfig(Arc<Parsed>);

struct Parsed {
    load_balancing: Option<LoadBalancing>,
    max_connections_per_subchannel: Option<usize>,
    health_check: Option<Arc<str>>,
    throttling: Option<ThrottlingConfig>,
    /// By `/service/method`, `/service/`, or nothing.
    methods: HashMap<String, Arc<MethodConfig>>,
}

impl ServiceConfig {
    /// Reads a service config that may have been written for another gRPC. As in grpc-go, fields that are not known here, a
    /// `loadBalancingPolicy` that is not, and entries of `methodConfig` without a `name` are ignored; they are logged when the
    /// feature `tracing` is on. For a config of one's own there is [`from_json_strict`](ServiceConfig::from_json_strict).
    ///
    /// # Errors
    /// INVALID_ARGUMENT, with the place and what is wrong there, for what is no JSON, and for a value that cannot be.
    pub fn from_json(json: &str) -> Result<ServiceConfig> {
        ServiceConfig::read(json, Reading::lenient())
    }

    /// Reads a service config that was written for this library: what [`from_json`](ServiceConfig::from_json) ignores is an error,
    /// since it may be a slip of the pen.
    ///
    /// # Errors
    /// INVALID_ARGUMENT, with the place and what is wrong there, for what is no JSON, for a field that there is not, for what stands
    /// for no method or policy, and for a value that cannot be.
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

    /// The service whose health says whether a server is used.
    pub(crate) fn health_check(&self) -> Option<&Arc<str>> {
        self.0.health_check.as_ref()
    }

    pub(crate) fn throttling(&self) -> Option<ThrottlingConfig> {
        self.0.throttling
    }

    /// The entry for a method, by its path.
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
            throttling: fields.take("retryThrottling").map(throttling).transpose()?,
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
        let method = Arc::new(method_config(entry)?);
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

/// The paths that a name stands for.
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

fn method_config(mut entry: ConfigObject<'_>) -> Read<MethodConfig> {
    let bytes = |field: Option<ConfigValue<'_>>| -> Read<usize> {
        let bytes = field.map(|field| field.whole()).transpose()?;
        Ok(bytes.map_or(usize::MAX, |bytes| {
            usize::try_from(bytes).unwrap_or(usize::MAX)
        }))
    };
    let hedging = entry.take("hedgingPolicy");
    if let (Some(hedging), true) = (&hedging, entry.has("retryPolicy")) {
        return Err(hedging.error("a method has this or a retryPolicy, and not both"));
    }
    let config = MethodConfig {
        timeout: entry
            .take("timeout")
            .map(|field| field.duration())
            .transpose()?,
        wait_for_ready: entry
            .take("waitForReady")
            .map(|field| field.boolean())
            .transpose()?,
        max_request_message_length: bytes(entry.take("maxRequestMessageBytes"))?,
        max_response_message_length: bytes(entry.take("maxResponseMessageBytes"))?,
        retry: entry.take("retryPolicy").map(retry_policy).transpose()?,
        hedging: hedging.map(hedging_policy).transpose()?.map(Arc::new),
    };
    entry.finish()?;
    Ok(config)
}

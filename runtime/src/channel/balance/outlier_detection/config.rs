//! The config of outlier detection (gRFC A50).

use std::time::Duration;

use crate::base::config::{ConfigObject, ConfigValue, Read};
use crate::channel::balance::load_balancing::LoadBalancing;

/// The config of `outlier_detection_experimental`.
#[derive(Clone, Debug)]
pub(crate) struct OutlierDetection {
    /// The time between two sweeps.
    pub(crate) interval: Duration,
    /// The duration of the first ejection. Each further ejection in a row lasts longer by this time.
    pub(crate) base_ejection_time: Duration,
    pub(crate) max_ejection_time: Duration,
    /// The maximum percentage of ejected servers. Unless it is 0, one server may always be ejected.
    pub(crate) max_ejection_percent: u32,
    pub(crate) success_rate: Option<SuccessRateEjection>,
    pub(crate) failure_percentage: Option<FailurePercentageEjection>,
    /// The policy that distributes calls to the servers.
    pub(crate) child: LoadBalancing,
}

/// Ejects servers that succeed much less often than the others.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SuccessRateEjection {
    /// The number of standard deviations below the mean, in thousandths.
    pub(crate) stdev_factor: u32,
    pub(crate) criteria: Criteria,
}

/// Ejects servers that fail more often than the threshold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FailurePercentageEjection {
    pub(crate) threshold: u32,
    pub(crate) criteria: Criteria,
}

/// The conditions for an ejection.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Criteria {
    /// The probability, in percent, that a server that meets the conditions is ejected.
    pub(crate) enforcement_percentage: u32,
    /// The minimum number of servers with enough calls. If there are fewer, no server is ejected.
    pub(crate) minimum_hosts: u32,
    /// The minimum number of calls to a server in an interval. A server with fewer calls is not judged.
    pub(crate) request_volume: u32,
}

/// Reads the config of `outlier_detection_experimental`.
pub(super) fn read(fields: &mut ConfigObject<'_>) -> Read<OutlierDetection> {
    let interval = fields.take("interval");
    let wait = |field: &Option<ConfigValue<'_>>, default| {
        field.as_ref().map_or(Ok(default), |field| field.duration())
    };
    let detection = OutlierDetection {
        interval: wait(&interval, Duration::from_secs(10))?,
        base_ejection_time: wait(&fields.take("baseEjectionTime"), Duration::from_secs(30))?,
        max_ejection_time: wait(&fields.take("maxEjectionTime"), Duration::from_secs(300))?,
        max_ejection_percent: percent(fields, "maxEjectionPercent", 10)?,
        success_rate: fields
            .take("successRateEjection")
            .map(success_rate)
            .transpose()?,
        failure_percentage: fields
            .take("failurePercentageEjection")
            .map(failure_percentage)
            .transpose()?,
        child: LoadBalancing::read_list(fields.need("childPolicy")?)?,
    };
    match interval {
        Some(field) if detection.interval.is_zero() => Err(field.error("it has to be above 0")),
        _ => Ok(detection),
    }
}

fn success_rate(ejection: ConfigValue<'_>) -> Read<SuccessRateEjection> {
    let mut fields = ejection.into_object()?;
    let ejection = SuccessRateEjection {
        stdev_factor: number(&mut fields, "stdevFactor", 1900)?,
        criteria: criteria(&mut fields, 100)?,
    };
    fields.finish()?;
    Ok(ejection)
}

fn failure_percentage(ejection: ConfigValue<'_>) -> Read<FailurePercentageEjection> {
    let mut fields = ejection.into_object()?;
    let ejection = FailurePercentageEjection {
        threshold: percent(&mut fields, "threshold", 85)?,
        criteria: criteria(&mut fields, 50)?,
    };
    fields.finish()?;
    Ok(ejection)
}

fn criteria(fields: &mut ConfigObject<'_>, request_volume: u32) -> Read<Criteria> {
    Ok(Criteria {
        enforcement_percentage: percent(fields, "enforcementPercentage", 100)?,
        minimum_hosts: number(fields, "minimumHosts", 5)?,
        request_volume: number(fields, "requestVolume", request_volume)?,
    })
}

fn number(fields: &mut ConfigObject<'_>, name: &str, default: u32) -> Read<u32> {
    let Some(field) = fields.take(name) else {
        return Ok(default);
    };
    let number = field.whole()?;
    u32::try_from(number).map_err(|_| field.error("it is too large"))
}

fn percent(fields: &mut ConfigObject<'_>, name: &str, default: u32) -> Read<u32> {
    let Some(field) = fields.take(name) else {
        return Ok(default);
    };
    match field.whole()? {
        percent @ 0..=100 => Ok(u32::try_from(percent).unwrap_or(100)),
        _ => Err(field.error("it is at most 100")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ServiceConfig;

    #[test]
    fn it_has_the_defaults_of_grpc() {
        let read = |fields: &str| {
            let config = format!(
                r#"{{"loadBalancingConfig": [{{"outlier_detection_experimental": {{{fields}
                    "childPolicy": [{{"xds": {{}}}}, {{"round_robin": {{}}}}]}}}}]}}"#
            );
            let policy = ServiceConfig::from_json(&config).unwrap().load_balancing();
            let config = policy.unwrap().config;
            let config = (*config).as_any().downcast_ref::<OutlierDetection>();
            config.unwrap().clone()
        };
        let config = read("");
        assert_eq!(config.child.name(), "round_robin");
        assert_eq!(config.interval, Duration::from_secs(10));
        assert_eq!(config.base_ejection_time, Duration::from_secs(30));
        assert_eq!(config.max_ejection_time, Duration::from_secs(300));
        assert_eq!(config.max_ejection_percent, 10);
        assert_eq!(config.success_rate, None);
        assert_eq!(config.failure_percentage, None);
        let config = read(
            r#""interval": "5s", "successRateEjection": {}, "failurePercentageEjection": {},"#,
        );
        let criteria = |request_volume| Criteria {
            enforcement_percentage: 100,
            minimum_hosts: 5,
            request_volume,
        };
        assert_eq!(config.interval, Duration::from_secs(5));
        let success_rate = SuccessRateEjection {
            stdev_factor: 1900,
            criteria: criteria(100),
        };
        assert_eq!(config.success_rate, Some(success_rate));
        let failure_percentage = FailurePercentageEjection {
            threshold: 85,
            criteria: criteria(50),
        };
        assert_eq!(config.failure_percentage, Some(failure_percentage));
    }
}

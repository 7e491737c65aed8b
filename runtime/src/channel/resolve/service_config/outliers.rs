//! When a server counts as an outlier (gRFC A50).

use std::time::Duration;

use super::reader::{Field, Fields, Read};

/// When servers whose calls fail too often are ejected, and for how long.
#[derive(Debug, PartialEq)]
pub(crate) struct OutlierDetection {
    /// How often is looked.
    pub(crate) interval: Duration,
    /// How long the first ejection lasts; each further one in a row is longer by as much.
    pub(crate) base_ejection_time: Duration,
    pub(crate) max_ejection_time: Duration,
    /// Of all servers; at least one unless it is 0.
    pub(crate) max_ejection_percent: u32,
    pub(crate) success_rate: Option<SuccessRateEjection>,
    pub(crate) failure_percentage: Option<FailurePercentageEjection>,
}

/// Ejects who succeeds much less often than the others do.
#[derive(Debug, PartialEq)]
pub(crate) struct SuccessRateEjection {
    /// How many standard deviations less than the mean, in thousandths.
    pub(crate) stdev_factor: u32,
    pub(crate) criteria: Criteria,
}

/// Ejects who fails more often than this.
#[derive(Debug, PartialEq)]
pub(crate) struct FailurePercentageEjection {
    pub(crate) threshold: u32,
    pub(crate) criteria: Criteria,
}

/// What has to be there for a server to be ejected.
#[derive(Debug, PartialEq)]
pub(crate) struct Criteria {
    /// In so many of a hundred cases it is.
    pub(crate) enforcement_percentage: u32,
    /// So many servers have to have had enough calls.
    pub(crate) minimum_hosts: u32,
    /// So many calls in an interval are enough.
    pub(crate) request_volume: u32,
}

/// Reads the fields of `outlier_detection_experimental` but for its child policy.
pub(super) fn outlier_detection(fields: &mut Fields<'_>) -> Read<OutlierDetection> {
    let interval = fields.take("interval");
    let wait = |field: &Option<Field<'_>>, default| {
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
    };
    match interval {
        Some(field) if detection.interval.is_zero() => Err(field.error("it has to be above 0")),
        _ => Ok(detection),
    }
}

fn success_rate(ejection: Field<'_>) -> Read<SuccessRateEjection> {
    let mut fields = ejection.fields()?;
    let ejection = SuccessRateEjection {
        stdev_factor: number(&mut fields, "stdevFactor", 1900)?,
        criteria: criteria(&mut fields, 100)?,
    };
    fields.finish()?;
    Ok(ejection)
}

fn failure_percentage(ejection: Field<'_>) -> Read<FailurePercentageEjection> {
    let mut fields = ejection.fields()?;
    let ejection = FailurePercentageEjection {
        threshold: percent(&mut fields, "threshold", 85)?,
        criteria: criteria(&mut fields, 50)?,
    };
    fields.finish()?;
    Ok(ejection)
}

fn criteria(fields: &mut Fields<'_>, request_volume: u32) -> Read<Criteria> {
    Ok(Criteria {
        enforcement_percentage: percent(fields, "enforcementPercentage", 100)?,
        minimum_hosts: number(fields, "minimumHosts", 5)?,
        request_volume: number(fields, "requestVolume", request_volume)?,
    })
}

fn number(fields: &mut Fields<'_>, name: &str, default: u32) -> Read<u32> {
    let Some(field) = fields.take(name) else {
        return Ok(default);
    };
    let number = field.whole()?;
    u32::try_from(number).map_err(|_| field.error("it is too large"))
}

fn percent(fields: &mut Fields<'_>, name: &str, default: u32) -> Read<u32> {
    let Some(field) = fields.take(name) else {
        return Ok(default);
    };
    match field.whole()? {
        percent @ 0..=100 => Ok(u32::try_from(percent).unwrap_or(100)),
        _ => Err(field.error("it is at most 100")),
    }
}

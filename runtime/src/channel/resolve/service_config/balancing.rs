//! How calls are spread over the servers, and over the connections to each.

use std::sync::Arc;

use super::outliers::{OutlierDetection, outlier_detection};
use super::reader::{Field, Fields, Read};
use crate::channel::balance::load_balancing::LoadBalancing;

/// How calls are spread over the servers, and when a server has none.
pub(super) struct Balancing {
    pub(super) policy: LoadBalancing,
    pub(super) outliers: Option<Arc<OutlierDetection>>,
}

/// The first policy of a list that is known here.
pub(super) fn load_balancing(list: Field<'_>) -> Read<Balancing> {
    let path = list.path.clone();
    for policy in list.items()? {
        let (name, config) = policy.fields()?.only()?;
        let mut fields = config.fields()?;
        if name == "outlier_detection_experimental" {
            let outliers = outlier_detection(&mut fields)?;
            let child = fields.need("childPolicy")?;
            fields.finish()?;
            return Ok(Balancing {
                policy: child_policy(child)?,
                outliers: Some(Arc::new(outliers)),
            });
        }
        if let Some(policy) = simple_policy(name, fields)? {
            return Ok(Balancing {
                policy,
                outliers: None,
            });
        }
    }
    Err(format!(
        "{path}: none of these policies is known here, which are {SIMPLE_POLICIES} and outlier_detection_experimental"
    ))
}

/// The policies that have no other in them.
const SIMPLE_POLICIES: &str = "pick_first, round_robin, least_request_experimental";

/// The first policy of a list within another.
fn child_policy(list: Field<'_>) -> Read<LoadBalancing> {
    let path = list.path.clone();
    for policy in list.items()? {
        let (name, config) = policy.fields()?.only()?;
        if let Some(policy) = simple_policy(name, config.fields()?)? {
            return Ok(policy);
        }
    }
    Err(format!(
        "{path}: none of these policies is known there, which are {SIMPLE_POLICIES}"
    ))
}

/// A policy that has no other in it; nothing for one that is not known.
fn simple_policy(name: &str, mut fields: Fields<'_>) -> Read<Option<LoadBalancing>> {
    let policy = match name {
        "pick_first" => LoadBalancing::PickFirst,
        "round_robin" => LoadBalancing::RoundRobin,
        "least_request_experimental" => {
            let choices = fields.take("choiceCount").map(choice_count).transpose()?;
            LoadBalancing::LeastRequest(choices.unwrap_or(2))
        }
        _ => return Ok(None),
    };
    fields.finish()?;
    Ok(Some(policy))
}

/// How many servers are drawn by lot: gRFC A48 has a config with less than two refused.
fn choice_count(choices: Field<'_>) -> Read<u32> {
    match choices.whole()? {
        0 | 1 => Err(choices.error("it is at least 2")),
        most => Ok(u32::try_from(most).unwrap_or(u32::MAX)),
    }
}

/// The policy of this name, with its defaults: the older way to say it, in which case does not matter. One that is not known is
/// ignored, as grpc-go does it.
pub(super) fn policy_by_name(name: Field<'_>) -> Read<Option<Balancing>> {
    let policy = match name.text()?.to_ascii_lowercase().as_str() {
        "pick_first" => LoadBalancing::PickFirst,
        "round_robin" => LoadBalancing::RoundRobin,
        "least_request_experimental" => LoadBalancing::LeastRequest(2),
        _ => {
            let why = format!("this policy is not known here, which are {SIMPLE_POLICIES}");
            name.reading.ignore(name.error(&why))?;
            return Ok(None);
        }
    };
    Ok(Some(Balancing {
        policy,
        outliers: None,
    }))
}

/// The most connections to one server, whatever a config says (gRFC A105).
const MAX_CONNECTIONS: u64 = 10;

pub(super) fn connection_scaling(scaling: Field<'_>) -> Read<Option<usize>> {
    let mut fields = scaling.fields()?;
    let most = fields.take("maxConnectionsPerSubchannel");
    fields.finish()?;
    most.map(|field| match field.whole()? {
        0 => Err(field.error("there has to be one")),
        most => Ok(usize::try_from(most.min(MAX_CONNECTIONS)).unwrap_or(1)),
    })
    .transpose()
}

/// The service to ask for, if there is one.
pub(super) fn health_check(check: Field<'_>) -> Read<Option<Arc<str>>> {
    let mut fields = check.fields()?;
    let service = fields.take("serviceName");
    fields.finish()?;
    service.map(|field| field.text().map(Arc::from)).transpose()
}

//! Connection scaling and health checks in service configs.

use std::sync::Arc;

use crate::base::config::{ConfigValue, Read};

/// The maximum number of connections to one server, even if a config allows more (gRFC A105).
const MAX_CONNECTIONS: u64 = 10;

pub(super) fn connection_scaling(scaling: ConfigValue<'_>) -> Read<Option<usize>> {
    let mut fields = scaling.into_object()?;
    let most = fields.take("maxConnectionsPerSubchannel");
    fields.finish()?;
    most.map(|field| match field.whole()? {
        0 => Err(field.error("there has to be one")),
        most => Ok(usize::try_from(most.min(MAX_CONNECTIONS)).unwrap_or(1)),
    })
    .transpose()
}

/// Reads the name of the service whose health is checked.
pub(super) fn health_check(check: ConfigValue<'_>) -> Read<Option<Arc<str>>> {
    let mut fields = check.into_object()?;
    let service = fields.take("serviceName");
    fields.finish()?;
    service.map(|field| field.text().map(Arc::from)).transpose()
}

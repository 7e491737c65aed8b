//! Targets, names, addresses and service configs: from a target to servers.

pub(crate) mod address;
pub(crate) mod directory;
pub(crate) mod names;
pub(crate) mod resolver;
pub(crate) mod service_config;
pub(crate) mod target;

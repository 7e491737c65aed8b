//! Where servers are: targets, names, and what a service config says of them.

pub(crate) mod directory;
pub(crate) mod names;
pub(crate) mod service_config;
pub(crate) mod target;

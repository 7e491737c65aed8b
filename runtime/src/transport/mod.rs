//! Transports: sockets with HTTP/2 on them, and the drivers that connect them to calls.

mod address;
mod batching;
mod closing;
mod driver;
#[cfg(feature = "client")]
mod endpoint;
mod keepalive;
mod lifetime;
mod read_buffers;
mod socket;
mod tcp;
#[cfg(feature = "tls-no-provider")]
pub(crate) mod tls;
#[cfg_attr(
    not(feature = "server"),
    expect(dead_code, reason = "only servers have handlers")
)]
mod turns;
mod upkeep;

pub(crate) use address::HostPort;
#[cfg(feature = "client")]
pub(crate) use address::{host_of, look_up_families};
pub(crate) use closing::Closing;
pub(crate) use driver::{ConnectionRole, Driver, waits};
#[cfg(feature = "client")]
pub(crate) use endpoint::Endpoint;
pub(crate) use keepalive::KeepaliveConfig;
pub(crate) use lifetime::LifetimeConfig;
pub(crate) use socket::{Fill, Io, Socket};
pub(crate) use tcp::set_options;
#[cfg(feature = "server")]
pub(crate) use turns::{Turn, Turns};
pub(crate) use upkeep::UpkeepConfig;

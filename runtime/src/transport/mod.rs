//! What carries calls: sockets, with HTTP/2 on them, and the short way inside one process.

mod address;
mod batching;
mod driver;
mod farewell;
mod keepalive;
mod lifetime;
mod read_buffers;
mod socket;
#[cfg(feature = "tls")]
pub(crate) mod tls;
#[cfg_attr(
    not(feature = "server"),
    expect(dead_code, reason = "only servers have handlers")
)]
mod turns;
mod upkeep;

pub(crate) use address::HostPort;
pub(crate) use driver::{Driver, Side, waits};
pub(crate) use farewell::Farewell;
pub(crate) use keepalive::KeepaliveConfig;
pub(crate) use lifetime::LifetimeConfig;
pub(crate) use socket::{Fill, Io, Socket};
#[cfg(feature = "server")]
pub(crate) use turns::{Turn, Turns};
pub(crate) use upkeep::UpkeepConfig;

//! A service with everything that a production server and client need: a handler that is independent of gRPC, limits,
//! metadata, typed error details, keepalive, interceptors on both sides, reflection, health, and a graceful stop.

mod handler;
mod log;
mod servicer;

pub use handler::{Handler, PingError};
pub use log::{log_calls, log_outgoing};
pub use servicer::PingServicer;

// The module `app::ping::v1`, named after the package of `proto/ping.proto`.
stubwright::include_protos!();

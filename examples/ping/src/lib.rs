//! A service with what a server and a client have around it in earnest: a handler that knows no gRPC, limits, metadata,
//! typed error details, keepalive, interceptors on both sides, reflection and health, and an end in good order.

mod handler;
mod log;
mod servicer;

pub use handler::{Handler, PingError};
pub use log::{log_calls, log_outgoing};
pub use servicer::PingServicer;

// The modules `app::ping::v1`, named after the package of `proto/ping.proto`.
stubwright::include_protos!();

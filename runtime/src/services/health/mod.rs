//! The standard health service, which reports whether the server and each of its services accept calls. Load balancers,
//! Kubernetes and gRPC clients use it.
//!
//! [`Server::add_health`](crate::Server::add_health) adds the service and returns a [`Health`], which sets the statuses:
//!
//! ```
//! use stubwright::Server;
//! use stubwright::health::ServingStatus;
//!
//! let mut server = Server::new();
//! let health = server.add_health();
//! health.set("squarerpc_service.SquareService", ServingStatus::Serving);
//! ```
//!
//! [`v1`] is the code that `stubwright-codegen` generates from the service's proto, for clients of the service.

#[cfg(feature = "server")]
mod servicer;

#[cfg(feature = "server")]
pub use servicer::Health;
pub use v1::health_check_response::ServingStatus;

/// Package `grpc.health.v1`.
#[allow(clippy::all, reason = "the style of generated code")]
pub mod v1 {
    include!("../generated/grpc.health.v1.rs");
}

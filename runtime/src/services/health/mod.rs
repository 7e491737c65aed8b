//! The standard health service, which reports whether the server and each of its services accept calls. Load balancers,
//! Kubernetes and gRPC clients use it.
//!
//! [`Server::add_health`](crate::Server::add_health) adds the service to a server. It returns a [`Health`], which sets
//! the statuses:
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
//! [`v1`] has the generated code of the service. Clients of the service use its stub and messages.

#[cfg(feature = "server")]
mod servicer;

#[cfg(feature = "server")]
pub use servicer::Health;
pub use v1::health_check_response::ServingStatus;

/// Generated code of the package `grpc.health.v1`.
#[allow(clippy::all, reason = "the style of generated code")]
pub mod v1 {
    include!("../generated/grpc.health.v1.rs");
}

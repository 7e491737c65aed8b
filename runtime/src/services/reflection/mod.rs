//! Server reflection: a server tells which services it has and what their messages look like, so that tools such as
//! `buf curl` and `grpcurl` can call it without its `.proto` files.
//!
//! [`Server::add_reflection`](crate::Server::add_reflection) is all that it takes: generated code has the descriptors of its
//! services, whatever they import included. The services `grpc.reflection.v1.ServerReflection` and its older form `v1alpha`
//! answer alike.
//!
//! [`v1`] and [`v1alpha`] are what `stubwright-codegen` generates from the protos of these services, for programs that ask.

#[cfg(feature = "server")]
mod index;
#[cfg(feature = "server")]
mod servicer;

#[cfg(feature = "server")]
pub(crate) use servicer::{Services, handlers};

/// Package `grpc.reflection.v1`.
#[allow(clippy::all, reason = "the style of generated code")]
pub mod v1 {
    include!("../generated/grpc.reflection.v1.rs");
}

/// Package `grpc.reflection.v1alpha`, whose messages are those of [`v1`].
#[allow(clippy::all, reason = "the style of generated code")]
pub mod v1alpha {
    include!("../generated/grpc.reflection.v1alpha.rs");
}

//! Server reflection, which tells clients the services of a server and the types of their messages. Tools such as `buf curl` and
//! `grpcurl` can then call the services without `.proto` files.
//!
//! [`Server::add_reflection`](crate::Server::add_reflection) adds it. The descriptors are part of the generated code of each
//! service. The services `grpc.reflection.v1.ServerReflection` and `grpc.reflection.v1alpha.ServerReflection` give the same
//! answers.
//!
//! [`v1`] and [`v1alpha`] are the code that `stubwright-codegen` generates from the protos of these services, for their clients.

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

/// Package `grpc.reflection.v1alpha`, with the same messages as [`v1`].
#[allow(clippy::all, reason = "the style of generated code")]
pub mod v1alpha {
    include!("../generated/grpc.reflection.v1alpha.rs");
}

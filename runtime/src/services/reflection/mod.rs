//! Server reflection, which tells clients the services of a server and the types of their messages. Tools such as `buf curl` and
//! `grpcurl` can then call the services without `.proto` files.
//!
//! [`Server::add_reflection`](crate::Server::add_reflection) adds reflection to a server, as the two services
//! `grpc.reflection.v1.ServerReflection` and `grpc.reflection.v1alpha.ServerReflection`. Both give the same answers, from
//! descriptors in the generated code of each service.
//!
//! [`v1`] and [`v1alpha`] have the generated code of these services. Clients of the services use its stubs and messages.

#[cfg(feature = "server")]
mod index;
#[cfg(feature = "server")]
mod servicer;

#[cfg(feature = "server")]
pub(crate) use servicer::{Services, handlers};

/// Generated code of the package `grpc.reflection.v1`.
#[allow(clippy::all, reason = "the style of generated code")]
pub mod v1 {
    include!("../generated/grpc.reflection.v1.rs");
}

/// Generated code of the package `grpc.reflection.v1alpha`, with the same messages as [`v1`].
#[allow(clippy::all, reason = "the style of generated code")]
pub mod v1alpha {
    include!("../generated/grpc.reflection.v1alpha.rs");
}

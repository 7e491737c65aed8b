//! The runtime of Stubwright: gRPC servers and clients whose streaming methods *are* streams.
//!
//! Services are written in `.proto` files; the crate `stubwright-codegen` turns each into a servicer trait, a typed stub
//! and a registration function, from a build script. This crate is what that code runs on, and all that it names.
//!
//! On the server's side: [`Server`], [`ServicerContext`], [`RequestStream`] and the [`stream()`] helper. On the client's:
//! [`Channel`], [`UnaryCall`] and [`StreamingCall`], which stubs return. On both: [`Status`], [`Code`] and [`Metadata`].
//!
//! # Features
//! - `server` and `client`, on by default: without one of them its half is left out.
//! - `blocking`: [`blocking`], calls for programs without async.
//! - `health` and `reflection`: the services that every server has, [`health`] and [`reflection`].
//! - `gzip` and `zstd`: [`Compression`] of messages. `gzip` is pure Rust, and brings `deflate`; `zstd` needs a C compiler.
//! - `tls`: encryption and certificates on both sides, by rustls. It needs a C compiler, as `zstd` does and nothing else here.
//! - `signal`: `shutdown_signal`, the signals by which a system asks a server to end.
//! - `tracing`: events for what nobody else is told of, which are refused handshakes and panics of handlers, and the interceptors
//!   that give each call a span.
//! - `full`: all of the optional ones.

#![cfg_attr(
    not(all(feature = "client", feature = "server")),
    expect(
        dead_code,
        unused_imports,
        reason = "the engine and the call layer are whole in every build, and one half alone leaves some of them unused"
    )
)]

// Generated code names it so.
extern crate self as stubwright;

#[cfg(feature = "blocking")]
pub mod blocking;
mod call;
#[cfg(feature = "client")]
mod client;
mod clock;
mod codec;
mod compression;
mod deadline;
mod descriptors;
mod framing;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod header;
#[cfg(feature = "health")]
pub mod health;
mod http2;
mod jitter;
#[cfg(feature = "json")]
pub mod json;
mod log;
pub mod manual;
mod metadata;
mod offload;
mod percent;
#[doc(hidden)]
pub mod private;
#[cfg(feature = "reflection")]
pub mod reflection;
pub mod rpc;
#[cfg(feature = "server")]
mod server;
#[cfg(feature = "signal")]
mod signal;
mod status;
mod stream;
#[cfg(feature = "server")]
pub mod testing;
mod transport;
#[cfg(unix)]
mod unix_name;
mod wire;

#[cfg(feature = "server")]
pub use call::Extensions;
#[cfg(all(feature = "client", feature = "server"))]
pub use call::Propagation;
pub use call::{AnyMessage, AuthContext};
#[cfg(feature = "client")]
pub use client::{
    AuthMetadataContext, Call, CallCredentials, Channel, ChannelBuilder, ChannelConnectivity,
    ChannelCredentials, ClientInterceptor, ConnectivityChanges, FromIterator, FromResults,
    FromStream, IntoRequests, LoadBalancing, OutgoingCall, OutgoingEnd, RequestSender, Resolver,
    SentRequests, ServiceConfig, Start, StreamingCall, UnaryCall, WithCall, sending,
};
pub use codec::{Codec, Encoded, Prost, Raw};
pub use compression::Compression;
pub use futures_core::Stream;
pub use http2::{Allowance, Config as Limits, PingPolicy};
pub use metadata::{InvalidMetadata, Metadata, Value};
pub use offload::{Cancellation, offload, offload_with};
#[doc(no_inline)]
pub use prost;
#[doc(no_inline)]
pub use prost_types;
#[cfg(feature = "server")]
pub use server::{
    CallEnd, GenericHandler, Handlers, InlinePolling, InterceptedCall, Listener, MethodOptions,
    RequestStream, Server, ServerBuilder, ServerCredentials, ServerInterceptor, ServicerContext,
};
#[cfg(feature = "signal")]
pub use signal::{ShutdownSignal, shutdown_signal};
pub use status::{Code, Result, Status};
pub use stream::{Sender, stream};

/// Call credentials that are ready to be used.
#[cfg(feature = "client")]
pub mod credentials {
    pub use crate::client::{access_token, composite};
}

/// Interceptors that are ready to be used, on either side.
pub mod interceptors {
    #[cfg(all(feature = "client", feature = "tracing"))]
    pub use crate::client::interceptors::*;
    #[cfg(feature = "server")]
    pub use crate::server::interceptors::*;
}

/// The largest message that is taken from a peer unless an option says otherwise: gRPC's default of 4 MiB.
const MAX_RECEIVE_MESSAGE_LENGTH: usize = 4 << 20;

/// Includes the code that `stubwright-codegen` generated in the build script: one module tree for all packages.
///
/// With a name, the tree of a second `compile_protos` whose include file has that name.
#[macro_export]
macro_rules! include_protos {
    () => {
        ::core::include!(::core::concat!(::core::env!("OUT_DIR"), "/stubwright.rs"));
    };
    ($name:literal) => {
        ::core::include!(::core::concat!(::core::env!("OUT_DIR"), "/", $name, ".rs"));
    };
}

/// Stands at the top of generated code: the interface between it and this crate has to be the same on both sides.
#[doc(hidden)]
#[macro_export]
macro_rules! generated_interface {
    (4) => {};
    ($other:tt) => {
        ::core::compile_error!(::core::concat!(
            "this code was generated by a stubwright-codegen of interface ",
            ::core::stringify!($other),
            ", and this stubwright has interface 4: use the same version of stubwright and stubwright-codegen, and ",
            "generate the code again"
        ));
    };
}

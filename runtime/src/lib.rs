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

// docs.rs shows which feature an item needs.
#![cfg_attr(docsrs, feature(doc_cfg))]
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

mod base;
#[cfg(feature = "blocking")]
pub mod blocking;
mod call;
#[cfg(feature = "client")]
mod channel;
#[cfg(feature = "client")]
mod client;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod helpers;
mod http2;
#[cfg(all(feature = "client", feature = "server"))]
mod in_process;
pub mod manual;
#[doc(hidden)]
pub mod private;
#[cfg(feature = "client")]
mod retry;
#[cfg(feature = "server")]
mod server;
mod services;
#[cfg(feature = "server")]
pub mod testing;
mod transport;

#[cfg(feature = "json")]
pub use base::json;
pub use base::rpc;
pub use base::{
    AnyMessage, Code, Codec, Compression, Encoded, InvalidMetadata, Metadata, Prost, Raw, Result,
    Status, Value,
};
#[cfg(all(feature = "client", feature = "server"))]
pub use call::Propagation;
#[cfg(feature = "client")]
pub use call::connectivity::{ChannelConnectivity, ConnectivityChanges};
#[cfg(feature = "client")]
pub use call::credentials::{AuthMetadataContext, CallCredentials};
pub use call::{AuthContext, CallEnd, Extensions, Peer, PeerAddress};
#[cfg(feature = "client")]
pub use channel::{
    Address, CallConfig, ChannelCredentials, ConfigSelector, LoadBalancing, Locality, Resolution,
    Resolver, ResolverFuture, ServiceConfig,
};
#[cfg(feature = "client")]
pub use client::{
    CallOptions, CancelHandle, Channel, ChannelBuilder, ClientCall, ClientInterceptor,
    IntoRequests, RequestSender, SentRequests, Start, StreamingCall, Stub, UnaryCall, WithCall,
    sending,
};
pub use futures_core::Stream;
pub use helpers::{Cancellation, Sender, offload, offload_with, stream};
#[cfg(feature = "signal")]
pub use helpers::{ShutdownSignal, shutdown_signal};
pub use http2::{Allowance, Config as Limits, PingPolicy};
#[doc(no_inline)]
pub use prost;
#[doc(no_inline)]
pub use prost_types;
#[cfg(feature = "server")]
pub use server::{
    GenericHandler, Handlers, InlinePolling, Listener, MethodOptions, RequestStream, Server,
    ServerBuilder, ServerCall, ServerCredentials, ServerInterceptor, ServicerContext,
};
#[cfg(feature = "health")]
pub use services::health;
#[cfg(feature = "reflection")]
pub use services::reflection;

/// Load balancing policies of a program's own.
///
/// A channel's policy decides which servers are connected to, and which of them a call goes to. A [`Policy`](balancing::Policy) is made by a
/// [`PolicyFactory`](balancing::PolicyFactory), which [`register_policy`](balancing::register_policy) makes known by its name, and which a
/// [`ServiceConfig`] then asks for.
#[cfg(feature = "client")]
pub mod balancing {
    pub use crate::base::config::{ConfigError, ConfigObject, ConfigValue};
    pub use crate::call::attributes::Attributes;
    pub use crate::call::listener::{AttemptEnd, CallListener};
    pub use crate::channel::balance::child::ChildPolicy;
    pub use crate::channel::balance::picker::{CallInfo, Pick, Picker};
    pub use crate::channel::balance::policy::{
        Helper, Policy, PolicyConfig, PolicyFactory, PolicyUpdate,
    };
    pub use crate::channel::balance::registry::register_policy;
    pub use crate::channel::balance::subchannel::{
        NewSubchannel, ReadySubchannel, Subchannel, SubchannelState,
    };
}

/// Call credentials that are ready to be used.
#[cfg(feature = "client")]
pub mod credentials {
    pub use crate::call::credentials::{access_token, composite};
}

/// Interceptors that are ready to be used, on either side.
pub mod interceptors {
    #[cfg(all(feature = "client", feature = "tracing"))]
    pub use crate::client::interceptors::*;
    #[cfg(feature = "server")]
    pub use crate::server::interceptors::*;
}

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
    (5) => {};
    ($other:tt) => {
        ::core::compile_error!(::core::concat!(
            "this code was generated by a stubwright-codegen of interface ",
            ::core::stringify!($other),
            ", and this stubwright has interface 5: use the same version of stubwright and stubwright-codegen, and ",
            "generate the code again"
        ));
    };
}

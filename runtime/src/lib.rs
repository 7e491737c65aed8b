//! gRPC servers and clients whose streaming methods *are* streams.
//!
//! Services are written in `.proto` files. The crate `stubwright-codegen` turns each into a servicer trait, a typed stub and a
//! registration function, from a build script and without `protoc`. This crate is the runtime of that code.
//!
//! A server and a client:
//!
//! ```
//! # mod notes { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/notes/notes.rs")); }
//! # /*
//! stubwright::include_protos!(); // the module `notes`, from the package of the proto
//! # */
//! use std::time::Duration;
//!
//! use notes::{GetNoteRequest, ListNotesRequest, Note};
//! use notes::{NotesServicer, NotesStub, add_notes_servicer_to_server};
//! use stubwright::{Channel, Result, Server, ServicerContext, Status, Stream, stream};
//!
//! struct MyNotes(Vec<Note>);
//!
//! impl NotesServicer for MyNotes {
//!     async fn get_note(&self, request: GetNoteRequest, _context: &ServicerContext) -> Result<Note> {
//!         let note = self.0.iter().find(|note| note.id == request.id);
//!         note.cloned().ok_or_else(|| Status::not_found("there is no such note"))
//!     }
//!
//!     // A streaming method is a stream, and may borrow the servicer.
//!     fn list_notes(
//!         &self,
//!         _request: ListNotesRequest,
//!         _context: &ServicerContext,
//!     ) -> impl Stream<Item = Result<Note>> + Send {
//!         stream(async |mut responses| {
//!             for note in &self.0 {
//!                 responses.send(note.clone()).await;
//!             }
//!             Ok(())
//!         })
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<()> {
//!     let mut server = Server::new();
//!     let notes = vec![Note { id: "1".into(), text: "buy milk".into() }];
//!     add_notes_servicer_to_server(MyNotes(notes), &mut server);
//!     let address = server.add_insecure_port("127.0.0.1:0").await?;
//!     server.start()?;
//!
//!     let stub = NotesStub::new(Channel::insecure(address.to_string())?);
//!     let request = GetNoteRequest { id: "1".into() };
//!     let note = stub.get_note(request).timeout(Duration::from_secs(1)).await?;
//!     assert_eq!(note.text, "buy milk");
//!
//!     let mut notes = stub.list_notes(ListNotesRequest::default()); // a `Stream`
//!     while let Some(note) = notes.message().await? {
//!         println!("{}", note.text);
//!     }
//!     server.stop(Duration::from_secs(5)).await;
//!     Ok(())
//! }
//! ```
//!
//! [`manual`] is the guide. It begins with the [first service](manual::first_service), and has pages for those who come
//! [from tonic](manual::coming_from_tonic) and [from gRPC Python](manual::coming_from_grpc_python).
//!
//! # Where to find what
//!
//! | I want to | item | page |
//! |---|---|---|
//! | serve | [`Server`], [`ServicerContext`] | [first service](manual::first_service) |
//! | call | [`Channel`], [`UnaryCall`], [`Stub`] | [first service](manual::first_service) |
//! | call without async | [`blocking`] | [`blocking`], [gRPC Python](manual::coming_from_grpc_python#calls) |
//! | send and receive streams | [`stream()`], [`RequestStream`], [`StreamingCall`], [`sending`] | [streaming](manual::streaming) |
//! | limit the time of calls, cancel them | [`CallOptions::timeout`], [`CancelHandle`] | [deadlines](manual::deadlines_cancellation_retries) |
//! | notice that a client has gone | [`ServicerContext::cancelled`], [`ServicerContext::add_done_callback`] | [cancellation](manual::deadlines_cancellation_retries#cancellation) |
//! | wait for a server that is not there yet | [`Channel::ready`], [`UnaryCall::wait_for_ready`] | [waiting](manual::deadlines_cancellation_retries#waiting-for-a-server) |
//! | retry or hedge | [`ServiceConfig`] | [retries](manual::deadlines_cancellation_retries#retries) |
//! | return and read errors | [`Status`], [`Code`], [`rpc`] | [errors](manual::errors) |
//! | send headers and trailers | [`Metadata`], [`CallEnd`] | [metadata](manual::metadata) |
//! | log, check or change all calls | [`ServerInterceptor`], [`ClientInterceptor`], [`interceptors`] | [interceptors](manual::interceptors) |
//! | encrypt, and verify who calls | [`ServerCredentials`], [`ChannelCredentials`], [`AuthContext`] | [TLS](manual::tls_and_credentials) |
//! | see who calls | [`ServicerContext::peer`], [`Peer`] | [metadata](manual::metadata#the-peer-and-more-about-the-call) |
//! | send tokens | [`CallCredentials`], [`credentials`] | [tokens](manual::tls_and_credentials#a-token-with-each-call) |
//! | spread calls over servers | [`LoadBalancing`], [`Resolver`], [`balancing`] | [load balancing](manual::load_balancing) |
//! | set limits and keepalive | [`ServerBuilder`], [`ChannelBuilder`], [`MethodOptions`], [`Limits`] | [limits](manual::limits_and_keepalive) |
//! | compress messages | [`Compression`] | [compression](manual::limits_and_keepalive#compression) |
//! | report health | [`Server::add_health`], [`health`] | [Kubernetes](manual::limits_and_keepalive#in-kubernetes) |
//! | let tools look into the server | [`Server::add_reflection`], [`reflection`] | [first service](manual::first_service#more-than-one-service-port-or-transport) |
//! | compute for long in a handler | [`offload()`] | [first service](manual::first_service#state-that-handlers-share) |
//! | stop gracefully | [`Server::serve_until`], [`shutdown_signal`] | [stopping](manual::first_service#stopping) |
//! | understand an error | [`Status`] | [troubleshooting](manual::troubleshooting) |
//! | test | [`testing`], [`Channel::in_process`] | [testing](manual::testing) |
//! | decode messages without copying | [`View`], [`Received`], [`EncodedMessage`] | [messages](manual::messages#views) |
//! | convert messages to and from JSON | [`json`] | [messages](manual::messages) |
//! | read fields by name, and inspect message types | [`reflect`] | [messages](manual::messages) |
//! | serve or call any method as bytes | [`GenericHandler`], [`Raw`] | [without generated code](manual::generating_code#without-generated-code) |
//!
//! # Features
//!
//! | feature | what it adds | default |
//! |---|---|---|
//! | `server` | [`Server`] and all that belongs to it | yes |
//! | `client` | [`Channel`] and all that belongs to it | yes |
//! | `blocking` | [`blocking`]: calls for programs without async | |
//! | `fast-maps` | [`FastMap`]: maps of messages with a fast hasher | |
//! | `gzip` | [`Compression`] by gzip and deflate, in pure Rust | |
//! | `health` | [`health`]: the standard health service | |
//! | `json` | [`json`]: messages as JSON | |
//! | `reflect` | [`reflect`]: descriptors of messages, and dynamic messages, by prost-reflect | |
//! | `reflection` | [`reflection`]: the standard reflection service | |
//! | `shared-strings` | strings of messages that share the memory of what was received ([`bytestring`]) | |
//! | `signal` | [`shutdown_signal`]: the signals by which a system asks a server to end | |
//! | `tls` | encryption and certificates by rustls, with the cryptography of ring by default; needs a C compiler | |
//! | `tls-no-provider` | the same without ring, for a [`CryptoProvider`](rustls::crypto::CryptoProvider) of the program's own, as FIPS asks for | |
//! | `tracing` | logs what no call reports, such as refused handshakes; interceptors that make spans | |
//! | `zstd` | [`Compression`] by zstd; needs a C compiler | |
//! | `full` | all of these | |

// docs.rs shows which feature an item needs.
#![cfg_attr(docsrs, feature(doc_cfg))]
// The docs link the items of all features.
#![cfg_attr(not(feature = "full"), allow(rustdoc::broken_intra_doc_links))]
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
pub mod message;
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
#[cfg(feature = "reflect")]
pub use base::reflect;
pub use base::rpc;
pub use base::{
    AnyMessage, Code, Codec, Compression, Encoded, EncodedMessage, InvalidMetadata, Metadata,
    MetadataPair, Prost, Protobuf, Raw, Received, Result, Room, Status, TcpKeepalive, Value,
};
#[cfg(all(feature = "client", feature = "server"))]
pub use call::Propagation;
#[cfg(feature = "client")]
pub use call::connectivity::{ChannelConnectivity, ConnectivityChanges};
#[cfg(feature = "client")]
pub use call::credentials::{AuthMetadataContext, CallCredentials};
#[cfg(feature = "client")]
pub use call::request_queue::SentRequests;
pub use call::{
    AuthContext, CallEnd, Extensions, Peer, PeerAddress, SecurityLevel, TlsSession, TlsVersion,
};
#[cfg(feature = "client")]
pub use channel::{
    Address, CallConfig, ChannelCredentials, ConfigSelector, LoadBalancing, Locality, Resolution,
    Resolver, ResolverFuture, ServiceConfig,
};
#[cfg(feature = "client")]
pub use client::{
    CallOptions, CancelHandle, Channel, ChannelBuilder, ClientCall, ClientInterceptor,
    IntoRequests, RequestSender, Start, StreamingCall, Stub, UnaryCall, WithCall, sending,
};
pub use futures_core::Stream;
pub use helpers::{Cancellation, Sender, offload, offload_with, stream};
#[cfg(feature = "signal")]
pub use helpers::{ShutdownSignal, shutdown_signal};
pub use http2::{Allowance, Config as Limits, PingPolicy};
#[doc(no_inline)]
pub use message::bytestring;
pub use message::{DecodeError, HasView, MapView, View};
pub use message::{FastMap, Pairs, UnknownFields};
#[doc(no_inline)]
pub use prost;
#[doc(no_inline)]
pub use prost_types;
#[cfg(feature = "tls-no-provider")]
#[doc(no_inline)]
pub use rustls;
#[cfg(feature = "server")]
pub use server::{
    GenericHandler, Handlers, InlinePolling, Listener, MethodOptions, PortError, RequestStream,
    ResponseCompression, Server, ServerBuilder, ServerCall, ServerCredentials, ServerInterceptor,
    ServicerContext,
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
/// `include_protos!("name")` includes the module tree `name.rs`. Use it for a tree whose name was set by `Config::include_file`,
/// for example that of a second `compile_protos`.
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
    (6) => {};
    ($other:tt) => {
        ::core::compile_error!(::core::concat!(
            "this code was generated by a stubwright-codegen of interface ",
            ::core::stringify!($other),
            ", and this stubwright has interface 6: use the same version of stubwright and stubwright-codegen, and ",
            "generate the code again"
        ));
    };
}

/// Stands at the top of code that was generated with the option `json`.
#[cfg(feature = "json")]
#[doc(hidden)]
#[macro_export]
macro_rules! generated_json {
    () => {};
}

/// Stands at the top of code that was generated with the option `json`.
#[cfg(not(feature = "json"))]
#[doc(hidden)]
#[macro_export]
macro_rules! generated_json {
    () => {
        ::core::compile_error!(
            "this code was generated with the option `json`, and stubwright is built without the feature `json`: enable the feature, \
             or generate the code without the option"
        );
    };
}

/// Stands at the top of code that was generated with the option `reflect`.
#[cfg(feature = "reflect")]
#[doc(hidden)]
#[macro_export]
macro_rules! generated_reflect {
    () => {};
}

/// Stands at the top of code that was generated with the option `reflect`.
#[cfg(not(feature = "reflect"))]
#[doc(hidden)]
#[macro_export]
macro_rules! generated_reflect {
    () => {
        ::core::compile_error!(
            "this code was generated with the option `reflect`, and stubwright is built without the feature `reflect`: enable the \
             feature, or generate the code without the option"
        );
    };
}

/// Implements `ReflectMessage` for a message.
#[cfg(feature = "reflect")]
#[doc(hidden)]
#[macro_export]
macro_rules! reflect_message {
    ($message:ty, $module:path, $name:literal) => {
        #[allow(deprecated)]
        impl $crate::reflect::ReflectMessage for $message {
            fn descriptor(&self) -> $crate::reflect::MessageDescriptor {
                $crate::private::descriptor(&$module, $name)
            }
        }
    };
}

/// Implements nothing, because there is an error at the top of the code already.
#[cfg(not(feature = "reflect"))]
#[doc(hidden)]
#[macro_export]
macro_rules! reflect_message {
    ($message:ty, $module:path, $name:literal) => {};
}

//! The calling side: channels, the calls that stubs make over them, and the connections that carry them.

mod attempt;
mod call;
mod channel;
mod compress_if;
mod course;
mod credentials;
mod feed;
mod generic;
mod intercepted;
mod interceptor;
#[cfg(feature = "tracing")]
pub mod interceptors;
mod into_requests;
mod options;
mod outbox;
mod overlay;
mod passage;
mod plan;
mod receiving;
mod requests;
mod responses;
mod sender;
mod service_config;
mod streaming;
mod stub;
mod unary;
mod watches;

pub use call::Call;
pub use channel::{
    Channel, ChannelBuilder, ChannelConnectivity, ChannelCredentials, ConnectivityChanges,
    LoadBalancing, Resolver,
};
pub(crate) use compress_if::CompressIf;
pub(crate) use credentials::Authorizer;
pub use credentials::{AuthMetadataContext, CallCredentials, access_token, composite};
pub use interceptor::{ClientInterceptor, OutgoingCall, OutgoingEnd};
pub use into_requests::{FromIterator, FromResults, FromStream, IntoRequests};
#[cfg(feature = "blocking")]
pub(crate) use options::{CallOptions, call_options};
#[cfg(feature = "blocking")]
pub(crate) use sender::sealed::{Start as Startable, Started};
#[cfg(feature = "blocking")]
pub(crate) use sender::{Entrance, queue};
pub use sender::{RequestSender, SentRequests, Start, sending};
pub use service_config::ServiceConfig;
pub use streaming::StreamingCall;
pub use stub::{stream_stream, stream_unary, unary_stream, unary_unary};
pub use unary::{UnaryCall, WithCall};

#[cfg(feature = "tracing")]
pub(crate) use passage::Passage;

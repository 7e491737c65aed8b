//! The calling side: channels, the calls that stubs make over them, and the connections that carry them.

mod attempt;
mod builder;
mod call;
mod channel;
mod compress_if;
mod course;
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
mod sender;
mod streaming;
mod stub;
mod unary;
mod watches;

pub use builder::ChannelBuilder;
pub use call::Call;
pub use channel::Channel;
pub(crate) use compress_if::CompressIf;
pub use interceptor::{ClientInterceptor, OutgoingCall, OutgoingEnd};
pub use into_requests::IntoRequests;
#[cfg(feature = "blocking")]
pub(crate) use options::{CallOptions, call_options};
#[cfg(feature = "blocking")]
pub(crate) use sender::sealed::{Start as Startable, Started};
#[cfg(feature = "blocking")]
pub(crate) use sender::{Entrance, queue};
pub use sender::{RequestSender, SentRequests, Start, sending};
pub use streaming::StreamingCall;
pub use stub::{stream_stream, stream_unary, unary_stream, unary_unary};
pub use unary::{UnaryCall, WithCall};

#[cfg(feature = "tracing")]
pub(crate) use passage::Passage;

//! The client: channels, and the calls that stubs make through them.

mod builder;
mod call_defaults;
mod call_head;
mod call_state;
mod cancel_handle;
mod channel;
mod client_call;
mod compress_if;
mod feed;
mod generic;
mod handles;
mod intercepted;
mod interceptor;
#[cfg(feature = "tracing")]
pub mod interceptors;
mod into_requests;
mod options;
mod receiving;
mod sender;
mod started;
mod streaming;
mod stub;
mod stub_methods;
mod unary;

pub use builder::ChannelBuilder;
pub use cancel_handle::CancelHandle;
pub use channel::Channel;
pub use client_call::ClientCall;
pub(crate) use compress_if::CompressIf;
pub use interceptor::ClientInterceptor;
pub use into_requests::IntoRequests;
pub use options::CallOptions;
#[cfg(feature = "blocking")]
pub(crate) use options::{Options, option_methods, sealed::HasOptions};
#[cfg(feature = "blocking")]
pub(crate) use sender::sealed::StartCall;
pub use sender::{RequestSender, Start, sending};
pub use streaming::StreamingCall;
pub use stub::Stub;
pub use stub_methods::{stream_stream, stream_unary, unary_stream, unary_unary};
pub use unary::{UnaryCall, WithCall};

#[cfg(feature = "tracing")]
pub(crate) use intercepted::state::InterceptedState;

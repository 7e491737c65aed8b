//! The calling side: channels, the calls that stubs make over them, and the connections that carry them.

mod builder;
mod call;
mod channel;
mod connection;
mod connector;
#[cfg(feature = "tls")]
mod credentials;
mod draft;
mod options;
mod remote;
mod requests;
mod responses;
mod streaming;
mod stub;
mod target;
mod unary;

pub use builder::ChannelBuilder;
pub use call::Call;
pub use channel::Channel;
#[cfg(feature = "tls")]
pub use credentials::ChannelCredentials;
pub use requests::{FromIterator, FromStream, IntoRequests};
pub use streaming::StreamingCall;
pub use stub::{stream_stream, stream_unary, unary_stream, unary_unary};
pub use unary::{UnaryCall, WithCall};

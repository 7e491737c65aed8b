//! The rules of gRPC as values and functions that do no I/O. All layers above use them. Nothing here depends on calls or
//! connections.

#[cfg(feature = "client")]
pub(crate) mod authority;
#[cfg(feature = "client")]
pub(crate) mod backoff;
mod chunks;
pub(crate) mod clock;
mod codec;
pub(crate) mod compression;
#[cfg(feature = "client")]
pub(crate) mod config;
pub(crate) mod deadline;
mod descriptors;
mod earliest;
mod encoded;
mod encoded_message;
pub(crate) mod erasure;
pub(crate) mod framing;
pub(crate) mod header;
pub(crate) mod jitter;
#[cfg(feature = "json")]
pub mod json;
pub(crate) mod log;
pub(crate) mod metadata;
mod outcome;
pub(crate) mod percent;
mod received;
#[cfg(feature = "reflect")]
pub mod reflect;
#[cfg(feature = "client")]
pub(crate) mod response;
pub mod rpc;
mod status;
pub(crate) mod sync;
mod tcp_keepalive;
#[cfg(unix)]
pub(crate) mod unix_name;
pub(crate) mod wire;

pub(crate) use chunks::Chunks;
pub use codec::{Codec, Prost, Protobuf, Raw, Room};
pub use compression::Compression;
pub use descriptors::Descriptors;
pub(crate) use earliest::earliest;
pub use encoded::Encoded;
pub use encoded_message::EncodedMessage;
pub use erasure::AnyMessage;
pub use metadata::{InvalidMetadata, Metadata, MetadataPair, Value};
pub(crate) use outcome::Outcome;
pub use received::Received;
pub use status::{Code, Result, Status};
pub use tcp_keepalive::TcpKeepalive;

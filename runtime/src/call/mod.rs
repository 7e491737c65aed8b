//! A call, as its two ends and the transports between them see it. Nothing here knows about HTTP/2.
//!
//! An [`Exchange`] connects the two ends: the caller or its connection writes the request, and the handler or its
//! connection writes the response. Over HTTP/2, each side has an exchange of its own, with a connection driver at the
//! other end. In-process, the two sides share one.

#[cfg(feature = "client")]
pub mod attributes;
mod auth;
mod call_end;
#[cfg(feature = "client")]
pub mod connectivity;
#[cfg(feature = "client")]
pub(crate) mod credentials;
mod details;
mod encoding;
mod exchange;
mod extensions;
#[cfg(feature = "client")]
pub(crate) mod inbox;
mod link;
#[cfg(feature = "client")]
pub(crate) mod listener;
#[cfg(feature = "client")]
pub(crate) mod method_config;
#[cfg(feature = "client")]
pub(crate) mod ongoing;
mod panicked;
mod peer;
mod pipe;
#[cfg(all(feature = "client", feature = "server"))]
mod propagation;
mod record;
#[cfg(feature = "client")]
pub(crate) mod request_queue;
#[cfg(feature = "client")]
pub(crate) mod retry_buffer;
#[cfg(feature = "client")]
pub(crate) mod retry_config;
mod timers;
mod tls_session;
#[cfg(feature = "client")]
pub(crate) mod transport;
mod turn;
mod unread;

pub use auth::{AuthContext, SecurityLevel};
#[cfg(feature = "tls-no-provider")]
pub(crate) use auth::{COMMON_NAME, SUBJECT_ALTERNATIVE_NAME};
pub use call_end::CallEnd;
pub(crate) use details::{CallDetails, MessageLimits};
pub(crate) use exchange::{Exchange, Watch};
#[cfg(feature = "client")]
pub(crate) use exchange::{RetryPolicy, unless_over};
pub use extensions::Extensions;
pub(crate) use link::{Link, Order};
#[cfg(feature = "client")]
pub(crate) use panicked::panicked_in;
pub(crate) use panicked::{Panicked, panicked};
pub use peer::{Peer, PeerAddress};
pub(crate) use pipe::{ReadState, WORTH_TELLING};
#[cfg(feature = "client")]
pub(crate) use pipe::{remember, wake};
#[cfg(all(feature = "client", feature = "server"))]
pub use propagation::Propagation;
#[cfg(all(feature = "client", feature = "server"))]
pub(crate) use propagation::Tie;
pub(crate) use record::{HeadObserver, Observer, Record};
pub(crate) use timers::{Alarm, Deadlines};
pub use tls_session::{TlsSession, TlsVersion};
pub(crate) use turn::Turn;
pub(crate) use unread::Unread;

//! HTTP/2 (RFC 9113) without I/O and without a clock, for both roles of a connection.
//!
//! A driver owns the socket. It passes the bytes that it reads and the time to [`Connection`], takes [`Event`]s, tells the
//! connection what to send, and writes the output of [`Connection::transmit`]. No input from a peer causes a panic, and all
//! memory that a peer can make this module use is limited by [`Config`].
//!
//! Data flows through the files like this:
//!
//! ```text
//! bytes -> connection/receive -> headers | data | control -> Event
//! calls -> connection/send -> Output, or the stream's queue -> connection/transmit -> Output
//! ```

mod backlog;
mod bdp;
mod budget;
mod config;
mod connection;
mod error;
mod event;
mod flow;
mod frame;
mod history;
mod holdings;
pub(crate) mod hpack;
mod initial_window;
mod ledger;
mod output;
mod ping_strikes;
mod queue;
mod schedule;
mod settings;
mod stream;
mod streams;

#[cfg(test)]
mod tests;

pub use self::config::{Allowance, Config};
pub(crate) use self::connection::Connection;
pub(crate) use self::error::Reason;
pub(crate) use self::event::{Event, RequestHead, ResetCause, ResponseHead};
pub(crate) use self::output::Output;
pub use self::ping_strikes::PingPolicy;
pub(crate) use self::streams::StreamMap;

/// The number of a stream. It is odd, because only clients open streams. 0 stands for the connection.
pub(crate) type StreamId = u32;

/// The largest stream id, which has 31 bits.
const MAX_STREAM_ID: StreamId = 0x7fff_ffff;

/// The role of this side of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    Client,
    Server,
}

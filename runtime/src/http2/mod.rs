//! HTTP/2 (RFC 9113) as a value: both roles of a connection, without I/O and without a clock.
//!
//! A driver that owns a socket hands [`Connection`] the bytes that it read and the time, takes [`Event`]s out, tells it what to
//! send, and writes what [`Connection::transmit`] returns. Nothing that a peer sends panics, and everything that a
//! peer can make this module remember has a limit in [`Config`].
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
mod queue;
mod schedule;
mod settings;
mod stream;
mod streams;
mod strikes;

#[cfg(test)]
mod tests;

pub use self::config::{Allowance, Config};
pub(crate) use self::connection::Connection;
pub(crate) use self::error::Reason;
pub(crate) use self::event::{Event, RequestHead, ResetCause, ResponseHead};
pub(crate) use self::output::Output;
pub(crate) use self::streams::StreamMap;
pub use self::strikes::PingPolicy;

/// A stream's number: odd, since only clients open streams; 0 is the connection.
pub(crate) type StreamId = u32;

/// The last stream that a connection can have: ids have 31 bits.
const MAX_STREAM_ID: StreamId = 0x7fff_ffff;

/// Which end of the connection we are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    Client,
    Server,
}

//! The events that the engine reports to the application.

use bytes::Bytes;

use super::{Reason, StreamId};
use crate::base::header::Header;

/// An action of the peer. Events are reported in order.
#[derive(Debug)]
pub(crate) enum Event {
    /// Server: a request. `end` tells whether its head ended the stream.
    Request {
        stream: StreamId,
        head: RequestHead,
        end: bool,
    },
    /// Client: a response. `end` tells whether its head ended the stream, which gRPC calls "trailers only". Interim (1xx)
    /// responses are not reported.
    Response {
        stream: StreamId,
        head: ResponseHead,
        end: bool,
    },
    /// A DATA frame without its padding. It is empty only if it ends the stream. Pass the number of its bytes to
    /// [`Connection::release`](super::Connection::release) once they are consumed.
    Data {
        stream: StreamId,
        data: Bytes,
        end: bool,
    },
    /// Trailers, which end the stream. `oversized` tells whether the list was cut because it exceeded the limit.
    Trailers {
        stream: StreamId,
        fields: Vec<Header>,
        oversized: bool,
    },
    /// The stream ended abnormally. The engine has removed it.
    Reset {
        stream: StreamId,
        reason: Reason,
        cause: ResetCause,
    },
    /// The stream's send queue, which was full, is at most half full again.
    Writable { stream: StreamId },
    /// Client: a stream can be opened, after the limit was reached.
    CanOpen,
    /// The peer accepts no new streams. This side's streams above `last_stream` were reset before this event, as unprocessed.
    #[cfg_attr(
        not(any(test, fuzzing)),
        expect(
            dead_code,
            reason = "a channel's log, which will say this, is not built yet"
        )
    )]
    GoAway {
        last_stream: StreamId,
        reason: Reason,
        debug: Bytes,
    },
    /// The response to a ping.
    #[cfg_attr(
        not(any(test, fuzzing)),
        expect(dead_code, reason = "nothing checks yet whether a peer is alive")
    )]
    Pong { payload: [u8; 8] },
}

/// The pseudo-headers of a request, and its other fields in order.
#[derive(Debug)]
pub(crate) struct RequestHead {
    pub method: Header,
    /// `None` only for the method CONNECT.
    #[cfg_attr(
        not(any(test, fuzzing)),
        expect(dead_code, reason = "servers treat http and https alike")
    )]
    pub scheme: Option<Header>,
    /// Empty only for the method CONNECT, which has no path.
    pub path: Header,
    pub authority: Option<Header>,
    pub fields: Vec<Header>,
    /// Set if fields are missing because the list exceeded the limit.
    pub oversized: bool,
}

/// The status of a response, and its other fields in order.
#[derive(Debug)]
pub(crate) struct ResponseHead {
    pub status: u16,
    pub fields: Vec<Header>,
    /// Set if fields are missing because the list exceeded the limit.
    pub oversized: bool,
}

/// The cause of a stream's abnormal end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ResetCause {
    /// The peer sent RST_STREAM.
    Peer,
    /// This side reset the stream, because the peer violated this rule.
    Local(&'static str),
    /// The peer refused the stream without processing it, by REFUSED_STREAM or a GOAWAY with a lower id. It is safe to retry.
    Unprocessed,
}

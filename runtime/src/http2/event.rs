//! What the engine tells the application.

use bytes::Bytes;

use super::{Reason, StreamId};
use crate::base::header::Header;

/// Something that the peer did, in the order in which it did it.
#[derive(Debug)]
pub(crate) enum Event {
    /// Server: a request. `end` says that nothing follows its head.
    Request {
        stream: StreamId,
        head: RequestHead,
        end: bool,
    },
    /// Client: a response. `end` says that nothing follows its head ("trailers only" in gRPC's words). Interim (1xx) responses are
    /// not told.
    Response {
        stream: StreamId,
        head: ResponseHead,
        end: bool,
    },
    /// A DATA frame without its padding; it is empty only if it ends the stream. Its bytes are to be given to
    /// [`Connection::release`](super::Connection::release) once they are taken.
    Data {
        stream: StreamId,
        data: Bytes,
        end: bool,
    },
    /// Trailers, which end the stream. `oversized` says that the list was over the limit, and was cut.
    Trailers {
        stream: StreamId,
        fields: Vec<Header>,
        oversized: bool,
    },
    /// The stream is over without an orderly end, and unknown to the engine from here on.
    Reset {
        stream: StreamId,
        reason: Reason,
        cause: ResetCause,
    },
    /// The stream's send queue, once full, is at or below half of what it may hold again.
    Writable { stream: StreamId },
    /// Client: a stream can be opened after there was no room for one.
    CanOpen,
    /// The peer takes no new streams. Those of ours above `last_stream` were reset before this, as unprocessed.
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
    /// The answer to a ping of ours.
    #[cfg_attr(
        not(any(test, fuzzing)),
        expect(dead_code, reason = "nothing asks whether a peer is alive yet")
    )]
    Pong { payload: [u8; 8] },
}

/// The pseudo-headers of a request, and the rest of its fields in their order.
#[derive(Debug)]
pub(crate) struct RequestHead {
    pub method: Header,
    /// Absent only for the method CONNECT.
    #[cfg_attr(
        not(any(test, fuzzing)),
        expect(dead_code, reason = "servers treat http and https alike")
    )]
    pub scheme: Option<Header>,
    /// Empty only for the method CONNECT, which has none.
    pub path: Header,
    pub authority: Option<Header>,
    pub fields: Vec<Header>,
    /// The list was over the limit: fields are missing.
    pub oversized: bool,
}

/// The status of a response, and the rest of its fields in their order.
#[derive(Debug)]
pub(crate) struct ResponseHead {
    pub status: u16,
    pub fields: Vec<Header>,
    /// The list was over the limit: fields are missing.
    pub oversized: bool,
}

/// Who ended a stream out of order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ResetCause {
    /// The peer, by RST_STREAM.
    Peer,
    /// We did, because the peer broke this rule.
    Local(&'static str),
    /// The peer, without having looked at the stream (REFUSED_STREAM, or a GOAWAY with a lower id): safe to try again.
    Unprocessed,
}

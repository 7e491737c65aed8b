//! The end of a connection that is not an error (RFC 9113, 6.8).

use bytes::Bytes;

use super::Connection;
use crate::http2::error::Reason;
use crate::http2::event::{Event, ResetCause};
use crate::http2::{MAX_STREAM_ID, Role, StreamId, frame};

/// The payload of the PING whose answer shows that the client has seen the first GOAWAY.
pub(super) const DRAIN_PING: [u8; 8] = *b"draining";
/// How much of a peer's debug data is kept.
const DEBUG_KEPT: usize = 1_024;

/// Who has announced the end of the connection.
#[derive(Default, Debug)]
pub(super) struct GoingAway {
    pub ours: Ours,
    /// The last stream that the peer takes, once it has sent GOAWAY.
    pub theirs: Option<StreamId>,
}

/// How far our own announcement is.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) enum Ours {
    #[default]
    No,
    /// A GOAWAY that allows all streams is out, and a PING after it.
    Announced,
    /// The GOAWAY with the last stream that we take is out.
    Final(StreamId),
}

impl Connection {
    /// Takes no new streams from now on: GOAWAY with the real last stream. Streams that are open go on.
    pub(crate) fn go_away(&mut self, reason: Reason, debug: &'static str) {
        if self.failed.is_some() || matches!(self.going_away.ours, Ours::Final(_)) {
            return;
        }
        self.going_away.ours = Ours::Final(self.last_id);
        if self.role == Role::Server {
            // The client may have opened as many streams as it was allowed, and have filled their windows.
            let streams = self.config.max_concurrent_streams.into();
            let window = u64::try_from(self.receive_window.left()).unwrap_or(0);
            self.ledger.expect_late(streams, window);
        }
        frame::write_go_away(self.last_id, reason, debug, self.output.tail());
    }

    /// Ends the connection gracefully: a server goes on taking streams until the client must have seen the announcement, for streams
    /// that were on their way would be lost. Open streams finish.
    pub(crate) fn drain(&mut self) {
        if self.role == Role::Client {
            return self.go_away(Reason::NO_ERROR, "");
        }
        if self.failed.is_some() || self.going_away.ours != Ours::No {
            return;
        }
        self.going_away.ours = Ours::Announced;
        let out = self.output.tail();
        frame::write_go_away(MAX_STREAM_ID, Reason::NO_ERROR, "", out);
        frame::write_ping(DRAIN_PING, false, out);
    }

    /// No stream is open, and none will be.
    pub(crate) fn is_drained(&self) -> bool {
        self.streams.is_empty() && self.takes_no_streams()
    }

    /// Server: whether a stream is above what we said that we take.
    pub(super) fn is_beyond_last(&self, stream: StreamId) -> bool {
        self.role == Role::Server
            && matches!(self.going_away.ours, Ours::Final(last) if stream > last)
    }

    /// Whether the connection is going away for good: a client's GOAWAY says nothing about its own streams. A client that has used
    /// up all ids of streams goes away too (RFC 9113, 5.1.1).
    pub(crate) fn takes_no_streams(&self) -> bool {
        self.failed.is_some()
            || matches!(self.going_away.ours, Ours::Final(_))
            || (self.role == Role::Client
                && (self.going_away.theirs.is_some() || self.next_id > MAX_STREAM_ID))
    }

    /// The peer's GOAWAY. What it has not taken can be sent again elsewhere.
    pub(super) fn peer_goes_away(&mut self, last: StreamId, reason: Reason, debug: &[u8]) {
        // A peer must not raise it; if it does, the lower one holds.
        let last = self
            .going_away
            .theirs
            .map_or(last, |before| before.min(last));
        self.going_away.theirs = Some(last);
        if self.role == Role::Client {
            let mut above: Vec<StreamId> = self.streams.keys().copied().collect();
            above.retain(|&stream| stream > last);
            above.sort_unstable();
            for stream in above {
                self.remove(stream);
                self.history.record_reset(stream);
                self.events.push_back(Event::Reset {
                    stream,
                    reason,
                    cause: ResetCause::Unprocessed,
                });
            }
        }
        let debug = debug.get(..DEBUG_KEPT).unwrap_or(debug);
        self.events.push_back(Event::GoAway {
            last_stream: last,
            reason,
            debug: Bytes::copy_from_slice(debug),
        });
    }
}

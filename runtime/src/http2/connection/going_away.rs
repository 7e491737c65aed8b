//! The orderly end of a connection (RFC 9113, 6.8).

use bytes::Bytes;

use super::Connection;
use crate::http2::error::Reason;
use crate::http2::event::{Event, ResetCause};
use crate::http2::{MAX_STREAM_ID, Role, StreamId, frame};

/// The payload of the PING whose response shows that the client has received the first GOAWAY.
pub(super) const DRAIN_PING: [u8; 8] = *b"draining";
/// The maximum number of bytes that are kept of a peer's debug data.
const DEBUG_KEPT: usize = 1_024;

/// The GOAWAY frames that were sent and received.
#[derive(Default, Debug)]
pub(super) struct GoingAway {
    pub ours: Ours,
    /// The last stream that the peer accepts, once it has sent GOAWAY.
    pub theirs: Option<StreamId>,
}

/// The state of this side's GOAWAY.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) enum Ours {
    #[default]
    No,
    /// A GOAWAY that still allows all streams was sent, followed by a PING.
    Announced,
    /// The GOAWAY with the last accepted stream was sent.
    Final(StreamId),
}

impl Connection {
    /// Stops accepting new streams, by a GOAWAY with the actual last stream. Open streams continue.
    pub(crate) fn go_away(&mut self, reason: Reason, debug: &'static str) {
        if self.failed.is_some() || matches!(self.going_away.ours, Ours::Final(_)) {
            return;
        }
        self.going_away.ours = Ours::Final(self.last_id);
        if self.role == Role::Server {
            // The client may have opened as many streams as it is allowed, and filled their windows.
            let streams = self.config.max_concurrent_streams.into();
            let window = u64::try_from(self.receive_window.left()).unwrap_or(0);
            self.ledger.expect_late(streams, window);
        }
        frame::write_go_away(self.last_id, reason, debug, self.output.tail());
    }

    /// Ends the connection gracefully. A server continues to accept streams until the client must have seen the announcement,
    /// because streams that are in transit would be lost. Open streams are completed.
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

    /// Returns whether no stream is open and none will be.
    pub(crate) fn is_drained(&self) -> bool {
        self.streams.is_empty() && self.takes_no_streams()
    }

    /// Returns whether a stream is above the last one that this side, as a server, accepts.
    pub(super) fn is_beyond_last(&self, stream: StreamId) -> bool {
        self.role == Role::Server
            && matches!(self.going_away.ours, Ours::Final(last) if stream > last)
    }

    /// Returns whether the connection will not accept new streams any more. A GOAWAY from a client does not affect its own
    /// streams. A client that has used all stream ids goes away too (RFC 9113, 5.1.1).
    pub(crate) fn takes_no_streams(&self) -> bool {
        self.failed.is_some()
            || matches!(self.going_away.ours, Ours::Final(_))
            || (self.role == Role::Client
                && (self.going_away.theirs.is_some() || self.next_id > MAX_STREAM_ID))
    }

    /// Handles the peer's GOAWAY. Streams that the peer has not accepted can be sent again elsewhere.
    pub(super) fn peer_goes_away(&mut self, last: StreamId, reason: Reason, debug: &[u8]) {
        // A peer must not raise the last stream. If it does, the lower one stays in force.
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

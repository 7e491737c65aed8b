//! Invariants that must hold once the peer has sent everything.

use std::time::Duration;

use super::{Call, CheckedEngine};
use crate::fuzzing::peer::DEFAULT_WINDOW;
use crate::http2::{Reason, Role, StreamId};

impl CheckedEngine {
    /// Ends the peer's input. All that is owed must have been sent, and all streams must end.
    pub(in crate::fuzzing) fn finish(mut self) {
        self.write(usize::MAX);
        assert!(self.written.is_at_boundary(), "an incomplete frame");
        if self.failed {
            assert!(self.written.ends_with_go_away);
        } else {
            self.check_answers();
            self.check_sending();
            self.check_windows();
            self.check_timer();
        }
        self.engine.go_away(Reason::NO_ERROR, "");
        let streams: Vec<StreamId> = self.calls.keys().copied().collect();
        streams.into_iter().for_each(|stream| self.reset(stream));
        assert!(
            self.engine.is_drained(),
            "a stream is left that the application does not know"
        );
        self.write(usize::MAX);
        assert!(self.written.is_at_boundary(), "an incomplete frame");
        assert_eq!(self.waiting, 0);
    }

    /// Checks that every PING and SETTINGS has its answer, and that the engine and the application know the same
    /// streams.
    fn check_answers(&self) {
        assert_eq!(self.written.pongs, self.peer.pings);
        assert_eq!(self.written.acknowledgements, self.peer.settings);
        let is_open = |(stream, call): &(&StreamId, &Call)| {
            // The end of a response ends the call. The rest of the request is of no use.
            let peer_ended = call.peer_ended || self.role == Role::Server;
            !(call.reset || peer_ended && self.written.of(**stream).ended)
        };
        let open = self.calls.iter().filter(is_open).count();
        assert_eq!(self.engine.open_streams(), open);
    }

    /// Checks that DATA waits only for a window.
    fn check_sending(&self) {
        let connection = DEFAULT_WINDOW + self.peer.window_updates - self.written.data;
        for &stream in self.calls.keys() {
            let written = self.written.of(stream);
            let updates = self.peer.of(stream).window_updates;
            let left = self.peer.initial_window + updates - written.data;
            if self.engine.is_sending(stream) {
                assert!(connection <= 0 || left <= 0, "DATA waits for nothing");
            }
        }
    }

    /// Checks that all windows are fully open once all data is read, except for bytes that are not announced yet.
    fn check_windows(&mut self) {
        self.release_all();
        self.write(usize::MAX);
        // A window smaller than HTTP/2's default applies once the peer knows it, which the peer of a client does.
        let ours = i64::from(self.config.stream_window);
        let first = if self.role == Role::Client || self.peer.settings_acknowledged {
            ours
        } else {
            ours.max(DEFAULT_WINDOW)
        };
        for (&stream, call) in &self.calls {
            let Some((size, credit)) = self.engine.receive_window(stream) else {
                continue;
            };
            if !call.peer_ended {
                let updates = self.written.of(stream).window_updates;
                let left = first + updates - self.peer.of(stream).data;
                assert_eq!(left + credit, size, "the window of stream {stream}");
                assert!(credit < (size / 2).max(1));
            }
        }
        let streams: Vec<StreamId> = self.calls.keys().copied().collect();
        streams.into_iter().for_each(|stream| self.reset(stream));
        self.write(usize::MAX);
        let left = DEFAULT_WINDOW + self.written.window_updates - self.peer.data;
        let window = self.engine.receive_window(0);
        let (size, credit) = window.expect("the connection should have a window");
        assert_eq!(left + credit, size, "the connection's window");
        assert!(credit < (size / 2).max(1));
    }

    /// Checks that a peer runs into a timeout if it owes a reply or has left a frame unfinished.
    fn check_timer(&mut self) {
        let timeout = self.engine.timeout();
        assert!(
            timeout.is_some() || self.peer.is_at_boundary() || self.peer.is_in_data(),
            "an incomplete frame has no timeout"
        );
        if let Some(due) = timeout {
            self.now = self.now.max(due);
            self.wait(Duration::ZERO);
            assert!(self.failed, "the timeout had no effect");
            assert_eq!(self.engine.open_streams(), 0);
        }
    }
}

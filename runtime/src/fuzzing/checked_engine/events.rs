//! Checks the events that the engine gives the application.

use super::{Call, CheckedEngine};
use crate::base::header::{Header, Kind};
use crate::http2::{Event, ResetCause, Role, StreamId};

impl CheckedEngine {
    /// Takes all events. With `no_requests`, none of them may be a new request.
    pub(super) fn take_events(&mut self, no_requests: bool) -> usize {
        let mut count = 0;
        while let Some(event) = self.engine.poll_event() {
            count += 1;
            match event {
                Event::Request { stream, head, end } => {
                    assert_eq!(self.role, Role::Server);
                    assert!(!no_requests, "a request after the end of requests");
                    let last = self.calls.keys().next_back();
                    assert!(
                        last.is_none_or(|last| *last < stream),
                        "a stream number was reused"
                    );
                    self.calls.insert(stream, Call::default());
                    let is_connect = head.method.value() == b"CONNECT";
                    assert_eq!(head.scheme.is_none(), is_connect);
                    assert_eq!(head.path.value().is_empty(), is_connect);
                    let pseudo = [Some(head.method), head.scheme, head.authority];
                    let path = Some(head.path).filter(|_| !is_connect);
                    let pseudo = pseudo.into_iter().chain([path]).flatten().collect();
                    self.compare(stream, pseudo, &head.fields, head.oversized);
                    self.take_head(stream, &head.fields, end, true);
                }
                Event::Response { stream, head, end } => {
                    assert_eq!(self.role, Role::Client);
                    assert!((200..1_000).contains(&head.status));
                    let status = Header::new(b":status", head.status.to_string().as_bytes());
                    self.compare(stream, vec![status], &head.fields, head.oversized);
                    // The `content-length` of a 304 describes a body that is not sent.
                    self.take_head(stream, &head.fields, end, head.status != 304);
                }
                Event::Data { stream, data, end } => self.take_data(stream, data.len(), end),
                Event::Trailers {
                    stream,
                    fields,
                    oversized,
                } => {
                    self.check_fields(&fields);
                    self.compare(stream, Vec::new(), &fields, oversized);
                    let call = self.live(stream);
                    assert!(call.has_head);
                    call.end_peer();
                }
                Event::Reset { stream, cause, .. } => {
                    let is_client = self.role == Role::Client;
                    assert!(is_client || cause != ResetCause::Unprocessed);
                    let call = self.call(stream);
                    assert!(!call.reset, "the stream ended twice");
                    call.reset = true;
                    call.unreleased = 0;
                }
                Event::Writable { stream } => drop(self.call(stream)),
                Event::CanOpen => assert_eq!(self.role, Role::Client),
                Event::GoAway {
                    last_stream, debug, ..
                } => {
                    assert!(
                        last_stream <= self.last_stream,
                        "GOAWAY names more streams than before"
                    );
                    self.last_stream = last_stream;
                    assert!(debug.len() <= 1_024);
                }
                Event::Pong { payload } => {
                    assert!(self.peer.pongs.contains(&payload.to_vec()));
                }
            }
        }
        count
    }

    /// Takes a field list. `counts` says whether a `content-length` must equal the length of the DATA.
    fn take_head(&mut self, stream: StreamId, fields: &[Header], end: bool, counts: bool) {
        self.check_fields(fields);
        let call = self.live(stream);
        assert!(!call.has_head, "a second head");
        call.has_head = true;
        let mut lengths = fields.iter().filter(|_| counts);
        let length = lengths.find(|field| field.kind() == Kind::ContentLength);
        call.expected = length.map(|field| {
            let text = std::str::from_utf8(field.value()).expect("digits");
            text.parse().expect("a number")
        });
        if end {
            call.end_peer();
        }
    }

    /// Compares a field list with the peer's. Pseudo-headers come first. A list over the limit is cut.
    fn compare(&mut self, stream: StreamId, pseudo: Vec<Header>, fields: &[Header], cut: bool) {
        assert!(self.peer.settings > 0, "an event before SETTINGS");
        let sent = self
            .peer
            .next_head(stream)
            .expect("the peer has sent no such head");
        let (sent_pseudo, sent) = sent.split_at(pseudo.len());
        assert!(pseudo.iter().all(|field| sent_pseudo.contains(field)));
        if cut {
            assert_eq!(fields, &sent[..fields.len()]);
        } else {
            assert_eq!(fields, sent);
        }
    }

    fn take_data(&mut self, stream: StreamId, length: usize, end: bool) {
        assert!(end || length > 0, "an empty DATA event");
        let window = (self.config.max_stream_window as usize).max(65_535);
        let call = self.live(stream);
        assert!(call.has_head);
        call.received += length as u64;
        call.unreleased += length;
        assert!(call.unreleased <= window, "more DATA than the window");
        if end {
            call.end_peer();
        }
        // The credit that a stream has not released is returned when it ends.
        let open = |stream: &StreamId| self.engine.receive_window(*stream).is_some();
        let calls = self.calls.iter().filter(|(stream, _)| open(stream));
        let unreleased: usize = calls.map(|(_, call)| call.unreleased).sum();
        let (held, promised) = self.engine.held();
        // The application may not have received all of it yet.
        assert!(unreleased <= held && held <= promised);
        assert!(promised <= self.config.receive_buffer_per_connection);
    }

    /// Checks the field list that the application receives.
    fn check_fields(&self, fields: &[Header]) {
        assert!(fields.iter().all(|field| !field.is_malformed()));
        assert!(fields.iter().all(|field| !field.kind().is_pseudo()));
        let size: usize = fields.iter().map(Header::size).sum();
        assert!(size <= self.config.max_header_list_size as usize);
    }

    fn call(&mut self, stream: StreamId) -> &mut Call {
        let call = self.calls.get_mut(&stream);
        call.expect("the stream should be open")
    }

    /// Returns a stream that may have more events.
    fn live(&mut self, stream: StreamId) -> &mut Call {
        let call = self.call(stream);
        assert!(
            !call.peer_ended && !call.reset,
            "an event after the end of the stream"
        );
        call
    }
}

//! What the engine tells the application.

use super::{Call, Watched};
use crate::base::header::{Header, Kind};
use crate::http2::{Event, ResetCause, Role, StreamId};

impl Watched {
    /// Takes all events. `no_requests` says that there must be no new ones among them.
    pub(super) fn take_events(&mut self, no_requests: bool) -> usize {
        let mut told = 0;
        while let Some(event) = self.engine.poll_event() {
            told += 1;
            match event {
                Event::Request { stream, head, end } => {
                    assert_eq!(self.role, Role::Server);
                    assert!(!no_requests, "a request that is not taken any more");
                    let last = self.calls.keys().next_back();
                    assert!(last.is_none_or(|last| *last < stream), "an old stream");
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
                    // A 304 says the length of what it does not carry.
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
                    call.hear_end();
                }
                Event::Reset { stream, cause, .. } => {
                    let is_client = self.role == Role::Client;
                    assert!(is_client || cause != ResetCause::Unprocessed);
                    let call = self.call(stream);
                    assert!(!call.reset, "told of an end twice");
                    call.reset = true;
                    call.unreleased = 0;
                }
                Event::Writable { stream } => drop(self.call(stream)),
                Event::CanOpen => assert_eq!(self.role, Role::Client),
                Event::GoAway {
                    last_stream, debug, ..
                } => {
                    assert!(last_stream <= self.last_stream, "more streams than before");
                    self.last_stream = last_stream;
                    assert!(debug.len() <= 1_024);
                }
                Event::Pong { payload } => {
                    assert!(self.said.pongs.contains(&payload.to_vec()));
                }
            }
        }
        told
    }

    /// `counts` says that a `content-length` is that of the DATA.
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
            call.hear_end();
        }
    }

    /// What the application is told is what the peer has said, pseudo-headers first; of a list over the limit a part.
    fn compare(&mut self, stream: StreamId, pseudo: Vec<Header>, told: &[Header], cut: bool) {
        assert!(self.said.settings > 0, "told of something before SETTINGS");
        let said = self.said.next_head(stream).expect("nobody has said it");
        let (said_pseudo, said) = said.split_at(pseudo.len());
        assert!(pseudo.iter().all(|field| said_pseudo.contains(field)));
        if cut {
            assert_eq!(told, &said[..told.len()]);
        } else {
            assert_eq!(told, said);
        }
    }

    fn take_data(&mut self, stream: StreamId, length: usize, end: bool) {
        assert!(end || length > 0, "DATA of nothing");
        let window = (self.config.max_stream_window as usize).max(65_535);
        let call = self.live(stream);
        assert!(call.has_head);
        call.received += length as u64;
        call.unreleased += length;
        assert!(call.unreleased <= window, "more DATA than the window");
        if end {
            call.hear_end();
        }
        // What a stream has not released when it ends goes back by itself.
        let open = |stream: &StreamId| self.engine.receive_window(*stream).is_some();
        let calls = self.calls.iter().filter(|(stream, _)| open(stream));
        let unreleased: usize = calls.map(|(_, call)| call.unreleased).sum();
        let (held, promised) = self.engine.held();
        // More may have come than it was told of.
        assert!(unreleased <= held && held <= promised);
        assert!(promised <= self.config.receive_buffer_per_connection);
    }

    /// A field list of the peer, as the application gets it.
    fn check_fields(&self, fields: &[Header]) {
        assert!(fields.iter().all(|field| !field.is_malformed()));
        assert!(fields.iter().all(|field| !field.kind().is_pseudo()));
        let size: usize = fields.iter().map(Header::size).sum();
        assert!(size <= self.config.max_header_list_size as usize);
    }

    fn call(&mut self, stream: StreamId) -> &mut Call {
        let call = self.calls.get_mut(&stream);
        call.expect("told of a stream that nobody has opened")
    }

    /// A stream of which more may be told.
    fn live(&mut self, stream: StreamId) -> &mut Call {
        let call = self.call(stream);
        assert!(!call.heard && !call.reset, "told of more after the end");
        call
    }
}

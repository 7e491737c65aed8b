//! A second reader of the engine's output, independent of the engine. The output must be valid HTTP/2, within what
//! the peer allows.

use std::collections::BTreeMap;

use bytes::{Buf, BytesMut};

use super::peer::{DEFAULT_WINDOW, PREFACE, PeerState};
use crate::base::header::Header;
use crate::http2::hpack::Decoder;
use crate::http2::{Role, StreamId};

/// A frame as it is on the wire.
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: StreamId,
    pub(super) payload: Vec<u8>,
}

/// Splits bytes into frames.
#[derive(Default)]
pub(super) struct Splitter(BytesMut);

impl Splitter {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn next(&mut self) -> Option<Frame> {
        let &[a, b, c, kind, flags, d, e, f, g] = self.0.first_chunk()?;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        if self.0.len() < 9 + length {
            return None;
        }
        self.0.advance(9);
        Some(Frame {
            kind,
            flags,
            stream: u32::from_be_bytes([d, e, f, g]) & 0x7fff_ffff,
            payload: self.0.split_to(length).to_vec(),
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the type of the incomplete frame, if its header is complete.
    pub(super) fn kind(&self) -> Option<u8> {
        self.0.get(8).and(self.0.get(3)).copied()
    }
}

/// Everything that an engine has written so far.
pub(super) struct Written {
    role: Role,
    preface: &'static [u8],
    splitter: Splitter,
    frames: usize,
    decoder: Decoder,
    /// An incomplete header block: its stream, and whether it ends the stream.
    block: Option<(StreamId, bool, Vec<u8>)>,
    pub(super) streams: BTreeMap<StreamId, WrittenOfStream>,
    pub(super) data: i64,
    pub(super) window_updates: i64,
    pub(super) pongs: Vec<Vec<u8>>,
    pub(super) acknowledgements: usize,
    /// The last GOAWAY: stream, code and text.
    pub(super) go_away: Option<(u32, u32, Vec<u8>)>,
    /// True if a GOAWAY is the last frame.
    pub(super) ends_with_go_away: bool,
}

/// Frames that were written on a stream.
#[derive(Default)]
pub(super) struct WrittenOfStream {
    heads: usize,
    pub(super) ended: bool,
    pub(super) reset: bool,
    pub(super) data: i64,
    pub(super) window_updates: i64,
}

impl Written {
    pub(super) fn new(role: Role) -> Written {
        Written {
            role,
            preface: match role {
                Role::Client => PREFACE,
                Role::Server => &[],
            },
            splitter: Splitter::default(),
            frames: 0,
            decoder: Decoder::new(4_096),
            block: None,
            streams: BTreeMap::new(),
            data: 0,
            window_updates: 0,
            pongs: Vec::new(),
            acknowledgements: 0,
            go_away: None,
            ends_with_go_away: false,
        }
    }

    /// Reads output that was written after the peer had sent what `peer` records. `heads` are the field lists that the application
    /// has sent.
    pub(super) fn take(&mut self, mut bytes: &[u8], peer: &PeerState, heads: &[Vec<Header>]) {
        let preface = self.preface.len().min(bytes.len());
        assert_eq!(self.preface[..preface], bytes[..preface]);
        self.preface = &self.preface[preface..];
        bytes = &bytes[preface..];
        self.splitter.push(bytes);
        while let Some(frame) = self.splitter.next() {
            assert!(frame.payload.len() <= peer.largest_frame, "a large frame");
            self.check(&frame, peer, heads);
            self.frames += 1;
            self.ends_with_go_away = frame.kind == 7;
        }
    }

    pub(super) fn of(&self, stream: StreamId) -> &WrittenOfStream {
        static NOTHING: WrittenOfStream = WrittenOfStream {
            heads: 0,
            ended: false,
            reset: false,
            data: 0,
            window_updates: 0,
        };
        self.streams.get(&stream).unwrap_or(&NOTHING)
    }

    /// Returns whether all frames and header blocks are complete.
    pub(super) fn is_at_boundary(&self) -> bool {
        self.splitter.is_empty() && self.block.is_none()
    }

    fn check(&mut self, frame: &Frame, peer: &PeerState, heads: &[Vec<Header>]) {
        let (stream, flags, payload) = (frame.stream, frame.flags, &frame.payload);
        if self.frames == 0 {
            assert_eq!((frame.kind, flags), (4, 0), "SETTINGS come first");
        }
        assert_eq!(frame.kind == 9, self.block.is_some(), "a cut header block");
        match frame.kind {
            0 => self.check_data(frame, peer),
            1 => {
                self.check_head(frame, peer);
                self.block = Some((stream, flags & 1 != 0, Vec::new()));
                self.continue_block(frame, heads);
            }
            3 => {
                assert_eq!((flags, payload.len()), (0, 4));
                self.check_reset(stream, peer);
            }
            4 if flags == 1 => {
                assert_eq!((stream, payload.len()), (0, 0));
                self.acknowledgements += 1;
                assert!(self.acknowledgements <= peer.settings);
            }
            4 => assert_eq!((stream, flags, payload.len() % 6), (0, 0, 0)),
            6 => {
                assert_eq!((stream, payload.len()), (0, 8));
                if flags == 1 {
                    let ping = peer.pings.get(self.pongs.len());
                    assert_eq!(ping, Some(payload), "an answer without a PING");
                    self.pongs.push(payload.clone());
                }
            }
            7 => self.check_go_away(frame),
            8 => self.check_window_update(frame),
            9 => {
                assert_eq!(self.block.as_ref().map(|block| block.0), Some(stream));
                self.continue_block(frame, heads);
            }
            kind => panic!("unexpected frame of type {kind}"),
        }
    }

    fn check_data(&mut self, frame: &Frame, peer: &PeerState) {
        assert_eq!(frame.flags & !1, 0);
        let length = frame.payload.len() as i64;
        let allowed = DEFAULT_WINDOW + peer.window_updates;
        self.data += length;
        assert!(self.data <= allowed, "over the connection's window");
        let stream = self.stream(frame.stream);
        assert_eq!(
            (stream.heads, stream.ended, stream.reset),
            (1, false, false)
        );
        stream.ended = frame.flags & 1 != 0;
        stream.data += length;
        let allowed = peer.largest_initial_window + peer.of(frame.stream).window_updates;
        // An empty frame may be sent at any time.
        assert!(length == 0 || stream.data <= allowed, "over the window");
    }

    fn check_head(&mut self, frame: &Frame, peer: &PeerState) {
        assert_eq!(frame.flags & !5, 0);
        let last = self.streams.keys().next_back().copied();
        let end = frame.flags & 1 != 0;
        let role = self.role;
        let stream = self.stream(frame.stream);
        assert!(!stream.ended && !stream.reset, "HEADERS of an old stream");
        match stream.heads {
            0 if role == Role::Client => {
                // The stream opened last is the highest, and no number is left out.
                assert_eq!(frame.stream, last.map_or(1, |last| last + 2));
            }
            0 => assert!(peer.of(frame.stream).headers, "HEADERS of an idle stream"),
            1 => assert!(end, "trailers that do not end the stream"),
            _ => panic!("HEADERS after trailers"),
        }
        stream.heads += 1;
        stream.ended = end;
    }

    fn continue_block(&mut self, frame: &Frame, heads: &[Vec<Header>]) {
        let Some((_, _, block)) = &mut self.block else {
            return;
        };
        block.extend_from_slice(&frame.payload);
        if frame.flags & 4 == 0 {
            return;
        }
        let mut fields = Vec::new();
        let decoded = self.decoder.decode(block, |field| {
            fields.push(field);
            true
        });
        decoded.expect("our header blocks should decode");
        assert!(
            heads.contains(&fields),
            "the application has not sent {fields:?}"
        );
        self.block = None;
    }

    fn check_reset(&mut self, stream: StreamId, peer: &PeerState) {
        // A stream below an opened one is closed, whether or not it was ever open (RFC 9113, 5.1.1).
        let was_opened = match self.role {
            Role::Client => self.streams.contains_key(&stream),
            Role::Server => stream <= peer.last_stream,
        };
        assert!(was_opened, "an idle stream was reset");
        let stream = self.stream(stream);
        assert!(!stream.reset, "reset twice");
        stream.reset = true;
    }

    fn check_go_away(&mut self, frame: &Frame) {
        assert_eq!((frame.stream, frame.flags), (0, 0));
        let (fixed, text) = frame.payload.split_at(8);
        let word = |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|i| fixed[at + i]));
        let last = word(0);
        if let Some((before, ..)) = self.go_away {
            assert!(last <= before, "GOAWAY with a higher stream");
        }
        self.go_away = Some((last, word(4), text.to_vec()));
    }

    fn check_window_update(&mut self, frame: &Frame) {
        assert_eq!((frame.flags, frame.payload.len()), (0, 4));
        let increment = [0, 1, 2, 3].map(|i| frame.payload[i]);
        let increment = i64::from(u32::from_be_bytes(increment));
        assert!((1..=0x7fff_ffff).contains(&increment));
        if frame.stream == 0 {
            self.window_updates += increment;
            return;
        }
        let is_server = self.role == Role::Server;
        let stream = self.stream(frame.stream);
        assert!(!stream.reset, "WINDOW_UPDATE after RST_STREAM");
        assert!(!(is_server && stream.ended), "WINDOW_UPDATE after the end");
        stream.window_updates += increment;
    }

    fn stream(&mut self, stream: StreamId) -> &mut WrittenOfStream {
        assert_eq!(stream % 2, 1, "a client cannot open stream {stream}");
        self.streams.entry(stream).or_default()
    }
}

//! Target `frames`: an engine whose peer sends mostly valid frames, which random bytes seldom are.

use bytes::BytesMut;

use super::checked_engine::{CheckedEngine, growing_windows, small_limits};
use super::input::Input;
use super::peer::PREFACE;
use super::raw::{action, request, response};
use crate::base::header::Header;
use crate::http2::hpack::Encoder;
use crate::http2::{Config, Role, StreamId};

/// Runs a connection whose peer mostly follows the protocol.
///
/// The first byte selects the role and the limits. Each following byte is a step. From 128 on, it is an action of the
/// application. Below 128, it is a frame: bits 0 to 3 are the type, bits 4 to 6 the stream. The bytes after it are
/// the frame's other parameters.
pub fn frames(input: &[u8]) {
    let mut input = Input::new(input);
    let setup = input.byte();
    let role = if setup & 1 == 0 {
        Role::Server
    } else {
        Role::Client
    };
    let config = match setup & 6 {
        0 | 2 => small_limits(),
        4 => growing_windows(),
        _ => Config::default(),
    };
    let mut peer = Peer {
        checked: CheckedEngine::new(role, config),
        encoder: Encoder::new(),
        cut: setup & 8 != 0,
    };
    // A small initial window makes streams wait.
    let window = if setup & 16 == 0 { 65_535_u32 } else { 50 };
    peer.greet(window);
    while !input.is_empty() {
        match input.byte() {
            step @ 0x80.. => action(&mut peer.checked, step),
            step => peer.step(step & 15, step >> 4, &mut input),
        }
    }
    peer.checked.finish();
}

/// The sender of the frames.
struct Peer {
    checked: CheckedEngine,
    encoder: Encoder,
    /// True if frames arrive in pieces.
    cut: bool,
}

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

impl Peer {
    fn greet(&mut self, window: u32) {
        if self.checked.role == Role::Server {
            self.checked.receive(PREFACE);
        } else {
            self.checked.open(request(), false);
            self.checked.open(request(), false);
        }
        let settings = [&[0, 4], &window.to_be_bytes()[..]].concat();
        self.send(4, 0, 0, &settings);
        self.send(4, 1, 0, &[]);
        if self.checked.role == Role::Server {
            self.head(1, &request(), 0, usize::MAX);
        }
    }

    fn step(&mut self, kind: u8, pick: u8, input: &mut Input<'_>) {
        let stream = self.checked.recent(pick);
        match kind {
            0 => self.data(stream, 0, input.byte().into()),
            1 => self.data(stream, END_STREAM, input.byte().into()),
            2 => self.padded(stream, input),
            3 => self.first_head(stream, 0, usize::MAX, input),
            4 => self.first_head(stream, END_STREAM, usize::MAX, input),
            5 => self.first_head(stream, 0, input.byte().into(), input),
            6 => {
                let fields = self.fields(vec![Header::from_static("grpc-status", "0")], input);
                self.head(stream, &fields, END_STREAM, usize::MAX);
            }
            7 => self.word(8, stream, input.byte().into()),
            8 => self.word(8, 0, input.word() as u32),
            9 => self.settings(input),
            10 => self.send(
                6,
                pick & 1,
                0,
                [b"a ping..", b"measure!", b"draining", &[7; 8]][usize::from(pick / 2)],
            ),
            11 => self.word(3, stream, input.byte().into()),
            12 => self.go_away(stream, pick),
            13 => self.send(2, 0, stream, &[0, 0, 0, 0, pick]),
            14 => self.send(10 + pick, pick, stream, input.string()),
            _ => {
                let (kind, flags, stream) = (input.byte(), input.byte(), input.word());
                self.send(kind, flags, stream as StreamId, input.string());
            }
        }
    }

    fn data(&mut self, stream: StreamId, flags: u8, length: usize) {
        // The highest value stands for the largest frame allowed.
        let length = if length == 255 { 16_384 } else { length };
        self.send(0, flags, stream, &vec![b'd'; length]);
    }

    fn padded(&mut self, stream: StreamId, input: &mut Input<'_>) {
        let (length, pad) = (usize::from(input.byte()), input.byte());
        let mut payload = vec![0; 1 + length];
        payload[0] = pad;
        self.send(0, 8, stream, &payload);
    }

    /// Sends the head of a request on a new stream, or of a response.
    fn first_head(&mut self, stream: StreamId, flags: u8, cut: usize, input: &mut Input<'_>) {
        if self.checked.role == Role::Server {
            let fields = self.fields(request(), input);
            self.head(self.checked.next(), &fields, flags, cut);
        } else {
            let fields = self.fields(response(), input);
            self.head(stream, &fields, flags, cut);
        }
    }

    /// Changes the fields to send. A byte says how many of them are kept and how many are added.
    fn fields(&mut self, mut fields: Vec<Header>, input: &mut Input<'_>) -> Vec<Header> {
        let count = input.byte();
        if count & 0x80 != 0 {
            fields.truncate((count >> 4 & 7).into());
        }
        for _ in 0..count & 3 {
            fields.push(match input.byte() {
                0 => Header::from_static("content-length", "5"),
                1 => Header::new(b"content-length", input.string()),
                2 => Header::from_static(":status", "103"),
                3 => Header::new(b":status", input.string()),
                4 => Header::new(b"x-long", &[b'v'; 300]),
                5 => Header::from_static(":method", "CONNECT"),
                _ => Header::new(input.string(), input.string()),
            });
        }
        fields
    }

    /// Sends a header block in frames of up to `cut` bytes.
    fn head(&mut self, stream: StreamId, fields: &[Header], flags: u8, cut: usize) {
        let mut block = BytesMut::new();
        self.encoder.encode(fields, &mut block);
        let (first, rest) = block.split_at(cut.min(block.len()));
        let rest: Vec<&[u8]> = rest.chunks(cut.max(10)).collect();
        let ends = |is_last| if is_last { END_HEADERS } else { 0 };
        self.send(1, flags | ends(rest.is_empty()), stream, first);
        for (i, piece) in rest.iter().enumerate() {
            self.send(9, ends(i + 1 == rest.len()), stream, piece);
        }
    }

    fn word(&mut self, kind: u8, stream: StreamId, word: u32) {
        // The highest value stands for the largest 31-bit number.
        let word = if word == 255 { 0x7fff_ffff } else { word };
        self.send(kind, 0, stream, &word.to_be_bytes());
    }

    fn settings(&mut self, input: &mut Input<'_>) {
        let mut payload = Vec::new();
        for _ in 0..1 + input.byte() % 3 {
            let (setting, value) = (input.byte(), input.word() as u32);
            // A frame size this small would be invalid. The largest window is tried in its place.
            let value = match (setting, value) {
                (5, value) => 16_384 + value,
                (_, 0xffff) => 0x7fff_ffff,
                (_, value) => value,
            };
            payload.extend([0, setting]);
            payload.extend(value.to_be_bytes());
        }
        self.send(4, 0, 0, &payload);
    }

    fn go_away(&mut self, stream: StreamId, pick: u8) {
        let last = if pick == 7 { 0x7fff_ffff } else { stream };
        let payload = [last.to_be_bytes(), u32::from(pick).to_be_bytes()].concat();
        self.send(7, 0, 0, &payload);
    }

    fn send(&mut self, kind: u8, flags: u8, stream: StreamId, payload: &[u8]) {
        let length = (payload.len() as u32).to_be_bytes();
        let mut frame = length[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend_from_slice(payload);
        if self.cut {
            let (first, second) = frame.split_at(frame.len() / 3);
            self.checked.receive(first);
            self.checked.receive(second);
        } else {
            self.checked.receive(&frame);
        }
    }
}

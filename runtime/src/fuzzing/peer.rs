//! A second reader of the peer's bytes, independent of the engine.

use std::collections::{BTreeMap, VecDeque};

use super::written::{Frame, Splitter};
use crate::base::header::Header;
use crate::http2::hpack::Decoder;
use crate::http2::{Role, StreamId};

/// The client's preface (RFC 9113, 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The initial size of all windows.
pub(super) const DEFAULT_WINDOW: i64 = 65_535;

/// The permissions and duties that the peer's bytes give us. It is valid as long as the engine has found no fault in
/// them.
pub(super) struct PeerState {
    splitter: Splitter,
    /// Number of bytes of the preface that are still to come.
    preface: usize,
    pub(super) settings: usize,
    pub(super) settings_acknowledged: bool,
    /// Payloads of the peer's PINGs.
    pub(super) pings: Vec<Vec<u8>>,
    /// Payloads of the peer's answers to PINGs.
    pub(super) pongs: Vec<Vec<u8>>,
    /// Initial windows after each SETTINGS of the peer.
    pub(super) initial_window: i64,
    pub(super) largest_initial_window: i64,
    pub(super) largest_frame: usize,
    pub(super) window_updates: i64,
    pub(super) data: i64,
    /// The highest stream with HEADERS.
    pub(super) last_stream: StreamId,
    pub(super) streams: BTreeMap<StreamId, PeerStream>,
    decoder: Decoder,
    /// A header block that is not complete yet.
    block: Vec<u8>,
}

/// Frames that the peer has sent on a stream.
#[derive(Default)]
pub(super) struct PeerStream {
    pub(super) headers: bool,
    pub(super) window_updates: i64,
    pub(super) data: i64,
    /// Field lists that the peer has sent and the application has not received.
    heads: VecDeque<Vec<Header>>,
}

impl PeerState {
    /// Creates the state before the first byte to an engine with this role.
    pub(super) fn new(role: Role) -> PeerState {
        PeerState {
            splitter: Splitter::default(),
            preface: match role {
                Role::Server => PREFACE.len(),
                Role::Client => 0,
            },
            settings: 0,
            settings_acknowledged: false,
            pings: Vec::new(),
            pongs: Vec::new(),
            initial_window: DEFAULT_WINDOW,
            largest_initial_window: DEFAULT_WINDOW,
            largest_frame: 16_384,
            window_updates: 0,
            data: 0,
            last_stream: 0,
            streams: BTreeMap::new(),
            decoder: Decoder::new(4_096),
            block: Vec::new(),
        }
    }

    /// Reads bytes of the peer.
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        let preface = self.preface.min(bytes.len());
        self.preface -= preface;
        self.splitter.push(&bytes[preface..]);
        while let Some(frame) = self.splitter.next() {
            let length = frame.payload.len();
            let word = |at: usize| {
                let bytes = frame.payload.get(at..at + 4)?;
                Some(u32::from_be_bytes(bytes.try_into().ok()?))
            };
            match (frame.kind, frame.stream) {
                (0, stream) => {
                    self.data += length as i64;
                    self.stream(stream).data += length as i64;
                }
                (1, stream) => {
                    self.last_stream = self.last_stream.max(stream);
                    self.stream(stream).headers = true;
                    self.block = fragment(&frame).to_vec();
                    self.receive_block(&frame);
                }
                (9, _) => {
                    self.block.extend_from_slice(&frame.payload);
                    self.receive_block(&frame);
                }
                (4, _) if frame.flags & 1 != 0 => self.settings_acknowledged = true,
                (4, _) => {
                    self.settings += 1;
                    for entry in frame.payload.chunks_exact(6) {
                        self.receive_setting(entry);
                    }
                    self.largest_initial_window =
                        self.largest_initial_window.max(self.initial_window);
                }
                (6, _) if frame.flags & 1 == 0 => self.pings.push(frame.payload),
                (6, _) => self.pongs.push(frame.payload),
                (8, stream) => {
                    let increment = i64::from(word(0).unwrap_or(0) & 0x7fff_ffff);
                    match stream {
                        0 => self.window_updates += increment,
                        stream => self.stream(stream).window_updates += increment,
                    }
                }
                _ => {}
            }
        }
    }

    /// Returns the next field list of a stream that is not interim (RFC 9110, 15.2).
    pub(super) fn next_head(&mut self, stream: StreamId) -> Option<Vec<Header>> {
        let heads = &mut self.streams.get_mut(&stream)?.heads;
        loop {
            let head = heads.pop_front()?;
            let is_interim =
                |field: &Header| field.name() == b":status" && field.value()[0] == b'1';
            if !head.first().is_some_and(is_interim) {
                return Some(head);
            }
        }
    }

    /// Returns whether the peer's last frame is complete.
    pub(super) fn is_at_boundary(&self) -> bool {
        self.preface == 0 && self.splitter.is_empty()
    }

    /// Returns whether the peer is in the middle of a DATA frame, which may take its time.
    pub(super) fn is_in_data(&self) -> bool {
        self.splitter.kind() == Some(0)
    }

    pub(super) fn of(&self, stream: StreamId) -> &PeerStream {
        static NOTHING: PeerStream = PeerStream {
            headers: false,
            window_updates: 0,
            data: 0,
            heads: VecDeque::new(),
        };
        self.streams.get(&stream).unwrap_or(&NOTHING)
    }

    fn stream(&mut self, stream: StreamId) -> &mut PeerStream {
        self.streams.entry(stream).or_default()
    }

    /// Decodes a complete block. A block that cannot be decoded ends the connection, and the application does not see
    /// it.
    fn receive_block(&mut self, frame: &Frame) {
        if frame.flags & 4 == 0 {
            return;
        }
        let mut fields = Vec::new();
        let _ = self.decoder.decode(&self.block, |field| {
            fields.push(field);
            true
        });
        self.stream(frame.stream).heads.push_back(fields);
    }

    fn receive_setting(&mut self, entry: &[u8]) {
        let value = u32::from_be_bytes([entry[2], entry[3], entry[4], entry[5]]);
        match entry[1] {
            4 if entry[0] == 0 => self.initial_window = value.into(),
            5 if entry[0] == 0 => self.largest_frame = self.largest_frame.max(value as usize),
            _ => {}
        }
    }
}

/// Returns the part of a HEADERS payload that is neither padding nor priority. It is empty if there is none.
fn fragment(frame: &Frame) -> &[u8] {
    let padded = usize::from(frame.flags >> 3 & 1);
    let before = padded + usize::from(frame.flags >> 5 & 1) * 5;
    let after = padded * usize::from(frame.payload.first().copied().unwrap_or(0));
    let end = frame.payload.len().saturating_sub(after);
    frame.payload.get(before..end).unwrap_or(&[])
}

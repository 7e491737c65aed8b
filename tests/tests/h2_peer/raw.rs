//! A peer of either role that writes raw frames, and reads with an HPACK decoder that is neither ours nor `h2`'s.

use std::net::SocketAddr;

use httlib_hpack::Decoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::wire::within;

pub use stubwright_tests::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PADDED, PING, PREFACE, PRIORITY,
    RST_STREAM, SETTINGS, WINDOW_UPDATE, frame, literals,
};

pub const ACK: u8 = 1;

/// A received frame.
#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// A connection.
pub struct Raw {
    socket: TcpStream,
    decoder: Decoder<'static>,
    next_stream: u32,
}

/// The response to a call.
#[derive(Debug, Default)]
pub struct Answer {
    pub head: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The trailers, or the head if nothing follows it.
    pub end: Vec<(String, String)>,
    /// The code of the RST_STREAM, if there was one. After the end of the response, it means only that the rest of
    /// the request is not wanted.
    pub reset: Option<u32>,
}

impl Answer {
    pub fn status(&self) -> &str {
        field(&self.head, ":status").unwrap_or_default()
    }

    pub fn grpc_status(&self) -> Option<u32> {
        field(&self.end, "grpc-status")?.parse().ok()
    }

    pub fn message(&self) -> &str {
        field(&self.end, "grpc-message").unwrap_or_default()
    }

    #[track_caller]
    pub fn assert_status(&self, code: u32, part_of_message: &str) {
        assert_eq!(self.status(), "200", "{self:?}");
        assert_eq!(self.grpc_status(), Some(code), "{self:?}");
        assert!(self.message().contains(part_of_message), "{self:?}");
    }
}

pub fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = fields.iter().find(|field| field.0 == name);
    found.map(|field| &*field.1)
}

impl Raw {
    /// Connects, and sends the preface and empty SETTINGS.
    pub async fn new(address: SocketAddr) -> Raw {
        let mut raw = Raw::silent(address).await;
        raw.write(PREFACE).await;
        raw.frame(SETTINGS, 0, 0, &[]).await;
        raw
    }

    /// Connects without sending anything.
    pub async fn silent(address: SocketAddr) -> Raw {
        let socket = TcpStream::connect(address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        Raw {
            socket,
            decoder: Decoder::with_dynamic_size(4096),
            next_stream: 1,
        }
    }

    /// Accepts a connection of our client: reads the preface, and sends empty SETTINGS.
    pub async fn accept(listener: &TcpListener) -> Raw {
        let (socket, _) = within(listener.accept()).await.unwrap();
        socket.set_nodelay(true).unwrap();
        let mut raw = Raw {
            socket,
            decoder: Decoder::with_dynamic_size(4096),
            next_stream: 2,
        };
        within(raw.socket.read_exact(&mut [0; 24])).await.unwrap();
        raw.frame(SETTINGS, 0, 0, &[]).await;
        raw
    }

    /// Reads the next request. Returns its stream and its complete body.
    pub async fn request(&mut self) -> (u32, Vec<u8>) {
        loop {
            let frame = self.next().await;
            if frame.kind != HEADERS {
                continue;
            }
            self.fields(&frame).await;
            let mut body = Vec::new();
            let mut flags = frame.flags;
            while flags & END_STREAM == 0 {
                let data = self.next().await;
                if data.kind == DATA && data.stream == frame.stream {
                    body.extend(data.payload);
                    flags = data.flags;
                }
            }
            return (frame.stream, body);
        }
    }

    /// Answers a request with a message, and leaves the response open.
    pub async fn begin(&mut self, stream: u32, body: &[u8]) {
        let head = literals(&[(":status", "200"), ("content-type", "application/grpc")]);
        self.frame(HEADERS, END_HEADERS, stream, &head).await;
        self.frame(DATA, 0, stream, body).await;
    }

    /// Answers a request with a head of these fields. Ends the stream if `is_end` is set.
    pub async fn answer_head(&mut self, stream: u32, fields: &[(&str, &str)], is_end: bool) {
        let flags = END_HEADERS | if is_end { END_STREAM } else { 0 };
        self.frame(HEADERS, flags, stream, &literals(fields)).await;
    }

    /// Answers a request with a message and these trailers.
    pub async fn respond_with(&mut self, stream: u32, body: &[u8], trailers: &[(&str, &str)]) {
        self.begin(stream, body).await;
        self.answer_head(stream, trailers, true).await;
    }

    /// Answers a request with a message and OK.
    pub async fn respond(&mut self, stream: u32, body: &[u8]) {
        self.respond_with(stream, body, &[("grpc-status", "0")])
            .await;
    }

    /// Writes a frame many times, or until the peer closes the connection.
    pub async fn flood(&mut self, frame: &[u8], times: usize) {
        for _ in 0..times {
            if within(self.socket.write_all(frame)).await.is_err() {
                return;
            }
        }
    }

    /// Returns the code and the text of the GOAWAY that ends the connection.
    pub async fn goodbye(&mut self) -> (u32, String) {
        let mut goodbye = None;
        while let Some(frame) = self.read().await {
            if frame.kind == GOAWAY {
                let text = String::from_utf8_lossy(&frame.payload[8..]);
                goodbye = Some((code(&frame.payload[4..]), text.into_owned()));
            }
        }
        goodbye.expect("a GOAWAY should come before the end")
    }

    pub async fn write(&mut self, bytes: &[u8]) {
        within(self.socket.write_all(bytes)).await.unwrap();
    }

    /// Writes bytes. Returns whether the peer accepts them.
    pub async fn try_write(&mut self, bytes: &[u8]) -> bool {
        within(self.socket.write_all(bytes)).await.is_ok()
    }

    /// Writes bytes without waiting. Returns whether the system has taken all of them.
    pub fn try_write_now(&self, bytes: &[u8]) -> bool {
        self.socket
            .try_write(bytes)
            .is_ok_and(|written| written == bytes.len())
    }

    /// Closes this side of the connection.
    pub async fn close(&mut self) {
        self.socket.shutdown().await.unwrap();
    }

    pub async fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.write(&frame(kind, flags, stream, payload)).await;
    }

    /// Opens a stream with these fields. Returns its number.
    pub async fn open(&mut self, fields: &[(&str, &str)], end: bool) -> u32 {
        let stream = self.next_stream;
        self.next_stream += 2;
        let block = literals(fields);
        let mut kind = HEADERS;
        let mut flags = if end { END_STREAM } else { 0 };
        let mut parts = block.chunks(16_384).peekable();
        while let Some(part) = parts.next() {
            flags |= if parts.peek().is_none() {
                END_HEADERS
            } else {
                0
            };
            self.frame(kind, flags, stream, part).await;
            (kind, flags) = (CONTINUATION, 0);
        }
        stream
    }

    /// Makes a complete call, with the body in frames of the maximum size.
    ///
    /// # Panics
    ///
    /// Panics if the body exceeds the initial window: this peer does not wait for a larger one.
    pub async fn call(&mut self, fields: &[(&str, &str)], body: &[u8]) -> Answer {
        assert!(body.len() <= 65_535, "a body of {} bytes", body.len());
        let stream = self.open(fields, false).await;
        let mut parts = body.chunks(16_384).peekable();
        while let Some(part) = parts.next_if(|part| part.len() == 16_384) {
            self.frame(DATA, 0, stream, part).await;
        }
        let last = parts.next().unwrap_or_default();
        self.frame(DATA, END_STREAM, stream, last).await;
        self.answer(stream).await
    }

    /// Reads the response of a stream, until its end or its reset.
    pub async fn answer(&mut self, stream: u32) -> Answer {
        let mut answer = Answer::default();
        loop {
            let frame = self.next().await;
            if frame.kind == HEADERS {
                // Header blocks of other streams must be decoded too, because the decoder has a state.
                let fields = self.fields(&frame).await;
                if frame.stream == stream {
                    if answer.head.is_empty() {
                        answer.head.clone_from(&fields);
                    }
                    answer.end = fields;
                }
            }
            if frame.kind == GOAWAY {
                panic!("the connection is over: {frame:?}, after {answer:?}");
            }
            if frame.stream != stream {
                continue;
            }
            match frame.kind {
                DATA => answer.body.extend(&frame.payload),
                RST_STREAM => {
                    answer.reset = Some(code(&frame.payload));
                    return answer;
                }
                _ => {}
            }
            if matches!(frame.kind, DATA | HEADERS) && frame.flags & END_STREAM != 0 {
                return answer;
            }
        }
    }

    /// Reads the next frame. Acknowledges SETTINGS, and skips them and PING.
    pub async fn next(&mut self) -> Frame {
        loop {
            let frame = self.read().await.expect("the connection should be open");
            match (frame.kind, frame.flags & ACK) {
                (SETTINGS, 0) => self.frame(SETTINGS, ACK, 0, &[]).await,
                (SETTINGS, _) => {}
                (PING, 0) => self.frame(PING, ACK, 0, &frame.payload).await,
                _ => return frame,
            }
        }
    }

    /// Reads the next frame of any type. Returns `None` at the end of the connection.
    pub async fn read(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        within(self.socket.read_exact(&mut head)).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        within(self.socket.read_exact(&mut payload)).await.ok()?;
        Some(Frame {
            kind: head[3],
            flags: head[4],
            stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]),
            payload,
        })
    }

    /// Decodes the fields of a HEADERS frame and its CONTINUATION frames.
    pub async fn fields(&mut self, frame: &Frame) -> Vec<(String, String)> {
        let mut block = frame.payload.clone();
        let mut flags = frame.flags;
        while flags & END_HEADERS == 0 {
            let more = self.read().await.unwrap();
            assert_eq!(more.kind, CONTINUATION);
            block.extend(more.payload);
            flags = more.flags;
        }
        let mut fields = Vec::new();
        self.decoder.decode(&mut block, &mut fields).unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        fields
            .into_iter()
            .map(|(name, value, _)| (text(name), text(value)))
            .collect()
    }
}

pub fn code(payload: &[u8]) -> u32 {
    u32::from_be_bytes(payload[..4].try_into().unwrap())
}

//! Scripted servers over connections in memory. With paused time, their tests are deterministic.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use httlib_hpack::Decoder;
use stubwright::{Channel, ChannelBuilder, ChannelConnectivity, ConnectivityChanges};
use stubwright_tests::frames::{
    DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE,
    frame, literals,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::{mpsc, oneshot};

/// Waits for a future, with a timeout far beyond any test's, hours of paused time included.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(100_000), future)
        .await
        .expect("nothing happened")
}

/// A channel's attempts to connect.
pub struct Script(mpsc::UnboundedReceiver<Attempt>);

/// An attempt to connect.
pub struct Attempt {
    pub address: String,
    answer: oneshot::Sender<io::Result<DuplexStream>>,
}

/// The server's end of a connection.
pub struct Peer {
    socket: DuplexStream,
    decoder: Decoder<'static>,
    /// Fields of the last request, by name.
    pub head: BTreeMap<String, String>,
    /// Body of the last request.
    pub body: Vec<u8>,
}

impl Script {
    /// Creates a channel whose attempts to connect the test answers.
    pub fn new(builder: ChannelBuilder) -> (Channel, Script) {
        let (sender, attempts) = mpsc::unbounded_channel();
        let connect = move |address| {
            let (answer, answered) = oneshot::channel();
            sender.send(Attempt { address, answer }).ok();
            async move {
                let gone = || io::Error::other("the test is over");
                answered.await.map_err(|_| gone())?
            }
        };
        let channel = builder
            .connector(connect)
            .build_insecure("server.test:1")
            .unwrap();
        (channel, Script(attempts))
    }

    /// Waits for the next attempt.
    pub async fn attempt(&mut self) -> Attempt {
        within(self.0.recv())
            .await
            .expect("the channel should make an attempt")
    }

    /// Waits for the next attempt, and connects it to a server.
    pub async fn serve(&mut self) -> Peer {
        let mut peer = self.attempt().await.accept();
        peer.greet().await;
        peer
    }

    /// Waits for the next attempt, and connects it to a server with a limit of concurrent streams.
    pub async fn serve_up_to(&mut self, streams: u32) -> Peer {
        let mut peer = self.attempt().await.accept();
        peer.greet_with(&limit(streams)).await;
        peer
    }

    /// Returns whether no attempt is in progress.
    pub fn is_quiet(&mut self) -> bool {
        self.0.try_recv().is_err()
    }
}

impl Attempt {
    pub fn refuse(self) {
        let refused = io::Error::new(io::ErrorKind::ConnectionRefused, "nobody is here");
        self.answer.send(Err(refused)).ok();
    }

    pub fn accept(self) -> Peer {
        Peer::over(self.socket())
    }

    /// Accepts the attempt without a greeting.
    pub fn socket(self) -> DuplexStream {
        let (ours, theirs) = duplex(1 << 20);
        self.answer.send(Ok(theirs)).ok();
        ours
    }

    /// Returns whether the channel has dropped the attempt.
    pub fn is_given_up(&self) -> bool {
        self.answer.is_closed()
    }
}

impl Peer {
    pub fn over(socket: DuplexStream) -> Peer {
        Peer {
            socket,
            decoder: Decoder::with_dynamic_size(4096),
            head: BTreeMap::new(),
            body: Vec::new(),
        }
    }

    /// Sends empty SETTINGS.
    pub async fn greet(&mut self) {
        self.greet_with(&[]).await;
    }

    /// Sets the limit of concurrent streams.
    pub async fn limit(&mut self, streams: u32) {
        self.frame(SETTINGS, 0, 0, &limit(streams)).await;
    }

    async fn greet_with(&mut self, settings: &[u8]) {
        within(self.socket.read_exact(&mut [0; PREFACE.len()]))
            .await
            .unwrap();
        self.frame(SETTINGS, 0, 0, settings).await;
        self.frame(SETTINGS, 1, 0, &[]).await;
        // The connection's window is large, so that only streams' windows matter.
        self.widen(0, 1 << 24).await;
    }

    /// Reads the next request to its end. Returns its stream.
    pub async fn request(&mut self) -> u32 {
        loop {
            let (kind, flags, stream) = self.read().await.expect("a request should arrive");
            if matches!(kind, HEADERS | DATA) && flags & END_STREAM != 0 {
                return stream;
            }
        }
    }

    /// Answers a request with an empty message and OK.
    pub async fn respond(&mut self, stream: u32) {
        self.begin(stream).await;
        self.message(stream, &[]).await;
        let end = literals(&[("grpc-status", "0")]);
        self.frame(HEADERS, END_HEADERS | END_STREAM, stream, &end)
            .await;
    }

    /// Sends the head of a response only.
    pub async fn begin(&mut self, stream: u32) {
        let head = literals(&[(":status", "200"), ("content-type", "application/grpc")]);
        self.frame(HEADERS, END_HEADERS, stream, &head).await;
    }

    /// Sends a message of a response.
    pub async fn message(&mut self, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let message = [&[0][..], &length, payload].concat();
        self.frame(DATA, 0, stream, &message).await;
    }

    /// Ends a call with a status and these fields. `has_begun` says whether the response has begun.
    pub async fn fail(&mut self, stream: u32, has_begun: bool, code: &str, more: &[(&str, &str)]) {
        let mut fields = vec![("grpc-status", code)];
        if !has_begun {
            fields.extend([(":status", "200"), ("content-type", "application/grpc")]);
            fields.rotate_left(1);
        }
        fields.extend(more);
        let flags = END_HEADERS | END_STREAM;
        self.frame(HEADERS, flags, stream, &literals(&fields)).await;
    }

    /// Sends header fields. Ends the stream if `ends` is set.
    pub async fn headers(&mut self, stream: u32, fields: &[(&str, &str)], ends: bool) {
        let flags = END_HEADERS | if ends { END_STREAM } else { 0 };
        self.frame(HEADERS, flags, stream, &literals(fields)).await;
    }

    /// Refuses a stream.
    pub async fn refuse(&mut self, stream: u32) {
        self.reset(stream, 7).await;
    }

    /// Resets a stream with an HTTP/2 error code.
    pub async fn reset(&mut self, stream: u32, reason: u32) {
        let reason = reason.to_be_bytes();
        self.frame(RST_STREAM, 0, stream, &reason).await;
    }

    /// Reads until the body of a request has this size.
    pub async fn body(&mut self, size: usize) {
        while self.body.len() < size {
            self.read()
                .await
                .expect("more of the request should arrive");
        }
    }

    /// Opens the window of a stream, or of the connection if `stream` is 0.
    pub async fn widen(&mut self, stream: u32, bytes: u32) {
        let frame = bytes.to_be_bytes();
        self.frame(WINDOW_UPDATE, 0, stream, &frame).await;
    }

    /// Answers the next request with an empty message and OK.
    pub async fn answer(&mut self) {
        let stream = self.request().await;
        self.respond(stream).await;
    }

    /// Sends GOAWAY.
    pub async fn go_away(&mut self, last_stream: u32) {
        let payload = [&last_stream.to_be_bytes()[..], &[0; 4]].concat();
        self.frame(GOAWAY, 0, 0, &payload).await;
    }

    /// Waits for the end of the connection.
    pub async fn ended(&mut self) {
        while self.read().await.is_some() {}
    }

    /// Sends a frame.
    pub async fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let frame = frame(kind, flags, stream, payload);
        within(self.socket.write_all(&frame)).await.unwrap();
    }

    /// Reads the type, the flags and the stream of the next frame.
    pub async fn read(&mut self) -> Option<(u8, u8, u32)> {
        let mut head = [0; 9];
        within(self.socket.read_exact(&mut head)).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        within(self.socket.read_exact(&mut payload)).await.ok()?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        match head[3] {
            HEADERS => {
                let mut fields = Vec::new();
                self.decoder.decode(&mut payload, &mut fields).unwrap();
                let text = |bytes| String::from_utf8(bytes).unwrap();
                let fields = fields.into_iter();
                self.head = fields
                    .map(|(name, value, _)| (text(name), text(value)))
                    .collect();
                self.body.clear();
            }
            DATA => self.body.extend(payload),
            _ => {}
        }
        Some((head[3], head[4], stream))
    }
}

/// Encodes SETTINGS_MAX_CONCURRENT_STREAMS.
fn limit(streams: u32) -> Vec<u8> {
    [&[0, 3][..], &streams.to_be_bytes()].concat()
}

/// Asserts the next states of a channel, in order.
pub async fn assert_states(states: &mut ConnectivityChanges, expected: &[ChannelConnectivity]) {
    for state in expected {
        assert_eq!(within(states.next()).await, Some(*state));
    }
}

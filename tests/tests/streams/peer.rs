//! A peer that opens calls by hand, discards the responses, and opens no window.

use stubwright::Server;
use stubwright::prost::Message;
use stubwright_tests::frames::{
    DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS, frame, literals,
};
use stubwright_tests::pb::probe::v1::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};

/// Capacity of the connection in each direction: more than a test sends at a time.
const PIPE: usize = 1 << 20;

/// A connection to a server in this process.
pub struct Peer {
    output: WriteHalf<DuplexStream>,
    next_stream: u32,
}

impl Peer {
    /// Connects with initial windows of zero.
    pub async fn connect(server: &mut Server) -> Peer {
        let (near, far) = tokio::io::duplex(PIPE);
        server.add_connection(far).unwrap();
        server.start().unwrap();
        let (input, mut output) = tokio::io::split(near);
        tokio::spawn(take(input));
        let settings = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
        output
            .write_all(&[PREFACE, &settings].concat())
            .await
            .unwrap();
        let peer = Peer {
            output,
            next_stream: 1,
        };
        settle().await;
        peer
    }

    /// Opens `calls` calls of a method, in one write.
    pub async fn open(&mut self, method: &str, request: &Request, calls: usize) {
        let path = format!("/probe.v1.Probe/{method}");
        let head = literals(&[
            (":method", "POST"),
            (":scheme", "http"),
            (":path", &path),
            (":authority", "localhost"),
            ("content-type", "application/grpc"),
            ("grpc-accept-encoding", "gzip"),
        ]);
        let request = request.encode_to_vec();
        let mut message = vec![0];
        message.extend(u32::try_from(request.len()).unwrap().to_be_bytes());
        message.extend(request);
        let mut wave = Vec::new();
        for _ in 0..calls {
            wave.extend(frame(HEADERS, END_HEADERS, self.next_stream, &head));
            wave.extend(frame(DATA, END_STREAM, self.next_stream, &message));
            self.next_stream += 2;
        }
        assert!(wave.len() < PIPE);
        self.output.write_all(&wave).await.unwrap();
    }
}

/// Reads and discards everything.
async fn take(mut input: ReadHalf<DuplexStream>) {
    let mut buffer = vec![0; 16 << 10];
    while matches!(input.read(&mut buffer).await, Ok(1..)) {}
}

/// Lets all tasks run until they wait. No task here waits for a network.
pub async fn settle() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}

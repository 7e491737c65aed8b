//! Memory that a connection holds for unread calls, counted by the allocator.

use std::future::pending;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use allocation_counter::measure;
use stubwright::{InlinePolling, Limits, RequestStream, Result, Server, ServicerContext, Stream};
use stubwright_tests::frames::{DATA, END_HEADERS, HEADERS, PREFACE, SETTINGS, frame, literals};
use stubwright_tests::pb::probe::v1::{ProbeServicer, Request, Response, probe_handler};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// Cost of a call in bytes, besides its unread data: its exchange, its handler's task and its stream.
const CALL: u64 = 4 * 1024;

/// Cost of a connection in bytes: read buffers and tables.
const CONNECTION: u64 = 1 << 20;

/// Reads the streams of `Bidi`, and none of `ClientStream`.
struct Servicer;

impl ProbeServicer for Servicer {
    async fn client_stream(
        &self,
        requests: RequestStream<Request>,
        _context: &ServicerContext,
    ) -> Result<Response> {
        let _unread = requests;
        pending().await
    }

    fn bidi(
        &self,
        requests: RequestStream<Request>,
        _context: &ServicerContext,
    ) -> impl Stream<Item = Result<Response>> + Send {
        futures_util::StreamExt::filter_map(requests, async |_| None)
    }
}

/// A client that never acknowledges our SETTINGS.
struct Peer {
    socket: TcpStream,
    next: u32,
    unacknowledged: usize,
}

impl Peer {
    fn new(address: SocketAddr) -> Peer {
        let mut socket = TcpStream::connect(address).unwrap();
        socket.write_all(PREFACE).unwrap();
        socket.write_all(&frame(SETTINGS, 0, 0, &[])).unwrap();
        Peer {
            socket,
            next: 1,
            unacknowledged: 1,
        }
    }

    fn open(&mut self, method: &str) -> u32 {
        let stream = self.next;
        self.next += 2;
        let path = format!("/probe.v1.Probe/{method}");
        let head = literals(&[
            (":method", "POST"),
            (":scheme", "http"),
            (":path", &path),
            (":authority", "localhost"),
            ("content-type", "application/grpc"),
        ]);
        self.write(&frame(HEADERS, END_HEADERS, stream, &head));
        stream
    }

    fn write(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).unwrap();
    }

    /// Waits until the server has processed everything sent so far. It acknowledges SETTINGS in order.
    fn wait(&mut self) {
        self.write(&frame(SETTINGS, 0, 0, &[]));
        self.unacknowledged += 1;
        let mut head = [0; 9];
        while self.unacknowledged > 0 {
            self.socket.read_exact(&mut head).unwrap();
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            self.socket.read_exact(&mut payload).unwrap();
            if head[3] == SETTINGS && head[4] == 1 {
                self.unacknowledged -= 1;
            }
        }
    }
}

/// Runs a server on this thread and a peer on another until the peer is done. Returns the bytes that the server has
/// allocated and not freed then.
fn held(peer: impl FnOnce(&mut Peer) + Send + 'static) -> u64 {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let mut server = Server::builder()
        .inline_polling(InlinePolling::Always)
        .build();
    server.add_handlers(probe_handler(Servicer));
    let address = runtime.block_on(async {
        let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
        server.start().unwrap();
        address
    });
    let (done, is_done) = oneshot::channel();
    let (end, ends) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        let mut connection = Peer::new(address);
        connection.wait();
        peer(&mut connection);
        connection.wait();
        // Data that is unread at the second turn after its arrival is set aside.
        connection.wait();
        connection.wait();
        done.send(()).unwrap();
        // Keep the connection open.
        let _ = ends.recv();
    });
    let counted = measure(|| runtime.block_on(is_done).unwrap());
    drop(end);
    thread.join().unwrap();
    u64::try_from(counted.bytes_current).unwrap()
}

/// The maximum number of streams, each with all the data that its window allows.
#[test]
fn row_49_the_worst_case_is_that_of_the_limits() {
    let count = u64::from(Limits::default().max_concurrent_streams);
    let held = held(move |peer| {
        for _ in 0..count {
            let stream = peer.open("ClientStream");
            for _ in 0..3 {
                peer.write(&frame(DATA, 0, stream, &[0; 16_384]));
            }
            peer.write(&frame(DATA, 0, stream, &[0; 16_383]));
        }
    });
    let most = Limits::default().receive_buffer_per_connection as u64;
    println!("{count} streams of 65,535 bytes that nobody reads: {held} bytes");
    assert!(held >= count * 65_535);
    assert!(held <= most + count * CALL + CONNECTION, "{held}");
}

/// A read of the socket contains a small piece of an unread stream and much of others that are read. The small piece
/// must not keep all of it alive.
#[test]
fn row_49_what_is_not_read_keeps_no_more_than_itself() {
    let (count, pieces, piece) = (300, 4, 5_000);
    let held = held(move |peer| {
        let reader = peer.open("Bidi");
        let streams: Vec<u32> = (0..count).map(|_| peer.open("ClientStream")).collect();
        // A message of 15,000 bytes, which the reader takes.
        let message = [&[0, 0, 0, 0x3a, 0x98, 0x0a, 0x95, 0x75][..], &[1; 14_997]].concat();
        for _ in 0..pieces {
            for &stream in &streams {
                for _ in 0..3 {
                    peer.write(&frame(DATA, 0, reader, &message));
                }
                peer.write(&frame(DATA, 0, stream, &vec![0; piece]));
                // Wait until the reader's window is open again.
                peer.wait();
            }
        }
    });
    let bytes = count * pieces * piece as u64;
    println!("{bytes} bytes of {count} streams keep {held} alive");
    assert!(held >= bytes);
    assert!(held <= bytes + count * CALL + CONNECTION, "{held}");
}

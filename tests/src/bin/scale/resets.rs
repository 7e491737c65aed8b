//! Calls that a client resets once their handlers have begun, compared with as many calls that it lets complete. Both
//! run beside the calls of an honest client, which they must slow down equally.

use std::io::{self, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use stubwright_tests::child::{Process, say};
use stubwright_tests::frames::{
    DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, RST_STREAM, SETTINGS, frame, literals,
};

use crate::floods::honest;
use crate::server;

/// Number of calls in a batch, and the time between two batches: 20,000 calls a second.
const BATCH: u32 = 100;
const PAUSE: Duration = Duration::from_millis(5);
/// Number of rounds. The kinds alternate, so that changes of the machine affect both.
const ROUNDS: usize = 3;

/// Measures honest calls beside complete calls and beside reset calls. Fails if the median p99 beside reset calls is
/// more than a quarter above that beside complete calls.
pub fn run(seconds: usize) -> Option<bool> {
    let (_server, address) = server();
    let mut p99 = [Vec::new(), Vec::new()];
    let mut fine = true;
    for _ in 0..ROUNDS {
        for (kind, p99) in ["plain", "reset"].into_iter().zip(&mut p99) {
            let mut client = Process::start(&["calls", kind, &address, &seconds.to_string()]);
            let honest = honest(&address, Duration::from_secs(seconds as u64))?;
            println!("beside {kind} calls: {honest}; {}", client.hear());
            fine &= honest.failed == 0;
            p99.push(honest.p99);
        }
    }
    let [plain, reset] = p99.map(|mut rounds| {
        rounds.sort_unstable();
        rounds[ROUNDS / 2]
    });
    println!("p99 beside plain calls {plain:?}, beside calls that are reset {reset:?}");
    Some(fine && reset <= plain * 5 / 4)
}

/// Runs the other client: makes calls of a kind until the time is over, and reports their rate.
pub fn calls(kind: &str, address: &str, seconds: usize) -> Option<bool> {
    let reset = match kind {
        "plain" => false,
        "reset" => true,
        _ => return None,
    };
    let (start, mut calls) = (Instant::now(), 0);
    let mut connection = Connection::open(address).ok()?;
    while start.elapsed() < Duration::from_secs(seconds as u64) {
        let due = start + PAUSE * (calls / BATCH);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if let Err(error) = connection.batch(reset) {
            say(&format!("thrown out after {calls} calls: {error}"));
            return Some(false);
        }
        calls += BATCH;
    }
    let rate = f64::from(calls) / start.elapsed().as_secs_f64();
    say(&format!("{rate:.0} {kind} calls a second"));
    Some(true)
}

struct Connection {
    socket: BufReader<TcpStream>,
    stream: u32,
}

impl Connection {
    fn open(address: &str) -> io::Result<Connection> {
        let mut socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        // A window of a gigabyte for responses, so that flow control does not affect the result.
        let settings = frame(SETTINGS, 0, 0, &[]);
        let update = frame(8, 0, 0, &[0x3f, 0xff, 0xff, 0xff]);
        socket.write_all(&[PREFACE, &settings, &update].concat())?;
        Ok(Connection {
            socket: BufReader::new(socket),
            stream: 1,
        })
    }

    /// Makes the calls of a batch and one more, whose response shows that the server has started them all. Then
    /// resets them if `reset` is set.
    fn batch(&mut self, reset: bool) -> io::Result<()> {
        let streams = (self.stream..).step_by(2).take(BATCH as usize);
        let last = self.stream + 2 * BATCH;
        self.stream = last + 2;
        let mut calls = Vec::new();
        for stream in streams.clone() {
            if reset {
                calls.extend(head("ClientStream", stream));
            } else {
                calls.extend(unary(stream));
            }
        }
        calls.extend(unary(last));
        self.socket.get_mut().write_all(&calls)?;
        self.read_to_end_of(last)?;
        if reset {
            let resets = streams.flat_map(|stream| frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]));
            self.socket
                .get_mut()
                .write_all(&resets.collect::<Vec<u8>>())?;
        }
        Ok(())
    }

    fn read_to_end_of(&mut self, stream: u32) -> io::Result<()> {
        loop {
            let mut head = [0; 9];
            self.socket.read_exact(&mut head)?;
            let [a, b, c, kind, flags, d, e, f, g] = head;
            let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
            self.socket.read_exact(&mut payload)?;
            let ends = kind == HEADERS && flags & END_STREAM != 0;
            if ends && u32::from_be_bytes([d, e, f, g]) == stream {
                return Ok(());
            }
            if (kind, flags) == (SETTINGS, 0) {
                self.socket
                    .get_mut()
                    .write_all(&frame(SETTINGS, 1, 0, &[]))?;
            }
        }
    }
}

fn head(method: &str, stream: u32) -> Vec<u8> {
    let path = format!("/probe.v1.Probe/{method}");
    let block = literals(&[
        (":method", "POST"),
        (":scheme", "http"),
        (":path", &path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
    ]);
    frame(HEADERS, END_HEADERS, stream, &block)
}

fn unary(stream: u32) -> Vec<u8> {
    let mut call = head("Unary", stream);
    call.extend(frame(DATA, END_STREAM, stream, &[0; 5]));
    call
}

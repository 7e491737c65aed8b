//! Attackers that send frames which cost the server something and are useless, as fast as they can, beside honest
//! calls.

use std::time::{Duration, Instant};

use stubwright::Channel;
use stubwright_tests::child::{Process, say};
use stubwright_tests::flood::{Attacker, Flood};
use stubwright_tests::pb::probe::v1::{ProbeStub, Request};
use stubwright_tests::serve::runtime;

use crate::server;

/// Limit of the growth of the server's memory, in KiB.
const MOST_MEMORY: u64 = 64 * 1024;

/// Runs every flood. Measures honest calls beside it, and the server's memory during and after it.
pub fn run(seconds: usize) -> Option<bool> {
    let (server, address) = server();
    let mut fine = true;
    let alone = honest(&address, Duration::from_secs(1))?;
    println!("{:>12}: {alone}", "no flood");
    for kind in Flood::ALL.map(Flood::name) {
        let before = (server.memory(), server.descriptors());
        let mut attacker = Process::start(&["flood", &kind, &address, &seconds.to_string()]);
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
            "{kind:>12}: {honest}; memory {} + {grown} KiB, {} after; descriptors {} -> {}; {told}",
            before.0,
            server.memory(),
            before.1,
            server.descriptors()
        );
        fine &= grown < MOST_MEMORY && honest.failed == 0 && server.descriptors() <= before.1;
    }
    Some(fine)
}

/// Results of honest calls.
pub struct Honest {
    pub calls: usize,
    pub failed: usize,
    pub median: Duration,
    pub p99: Duration,
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

/// Makes calls one after the other for `time`.
pub fn honest(address: &str, time: Duration) -> Option<Honest> {
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

/// Runs the attacker. It reconnects whenever the server closes the connection.
pub fn flood(kind: &str, address: &str, seconds: usize) -> Option<bool> {
    let (start, mut connections, mut bytes) = (Instant::now(), 0_u64, 0_u64);
    let flood = Flood::named(kind)?;
    let is_time = || start.elapsed() < Duration::from_secs(seconds as u64);
    while is_time() {
        let Ok(mut attacker) = Attacker::connect(flood, address) else {
            continue;
        };
        connections += 1;
        while let (true, Ok(sent)) = (is_time(), attacker.wave()) {
            bytes += sent as u64;
        }
    }
    say(&format!(
        "{connections} connections, {} KiB sent",
        bytes / 1024
    ));
    Some(true)
}

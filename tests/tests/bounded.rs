//! A flood takes a bounded amount of a server's memory, and the server gives it back. Measured from outside, on a
//! server in a process of its own.
#![cfg(target_os = "linux")]

use std::time::Duration;

use stubwright::{Channel, Server};
use stubwright_tests::child::{Process, this_program};
use stubwright_tests::figures::Figures;
use stubwright_tests::flood::{Attacker, Flood};
use stubwright_tests::pb::probe::v1::{ProbeStub, Request};
use stubwright_tests::serve;

/// Environment variable that makes this program the server.
const SERVE: &str = "STUBWRIGHT_BOUNDED_SERVER";
/// Number of connections that flood at a time.
const CONNECTIONS: usize = 8;
/// Maximum number of waves on each connection. Most are closed long before.
const WAVES: usize = 20;
/// Memory that a flood may take, in KiB: a few MiB per connection, most of it queued output.
const MOST: u64 = CONNECTIONS as u64 * 8 * 1024;
/// Memory that a second round of floods may leave behind beyond the first, in KiB. The allocator reuses what it
/// keeps, but a leak would grow with each round.
const LEFT: u64 = 16 * 1024;

#[test]
fn memory_of_floods_is_bounded_and_given_back() {
    if std::env::var_os(SERVE).is_some() {
        let builder = Server::builder().write_timeout(Duration::from_millis(200));
        serve::run(builder).expect("the server should serve");
        return;
    }
    let mut server = Process::with(
        this_program()
            .args([
                "--exact",
                "memory_of_floods_is_bounded_and_given_back",
                "--nocapture",
            ])
            .env(SERVE, "1"),
    );
    let address = server.hear();
    call(&address);
    // The tasks of the listener and of the servicer's events.
    let before = Figures::at_rest(&mut server, 2);
    println!("{:>12}: {before:?}", "before");
    let first = round(&mut server, &address, &before);
    let second = round(&mut server, &address, &before);
    assert!(second.memory < first.memory + LEFT, "{second:?}");
}

/// Runs every flood once. Returns the server's figures afterwards.
fn round(server: &mut Process, address: &str, before: &Figures) -> Figures {
    let mut after = Figures::after(server, before);
    for flood in Flood::ALL {
        server.forget_peak();
        let attackers = run(flood, address);
        call(address);
        let thrown_out = CONNECTIONS - attackers.len();
        // An attacker that does not read is disconnected without closing its side.
        let _held = (flood == Flood::Unread).then_some(attackers);
        after = Figures::after(server, before);
        let peak = server.peak_memory();
        println!(
            "{:>12}: peak {peak} KiB, {thrown_out} thrown out, then {after:?}",
            flood.name()
        );
        assert!(peak < before.memory + MOST, "{flood:?}: {peak} KiB");
        assert!(
            after.is_back_at(before),
            "{flood:?}: {before:?}, then {after:?}"
        );
    }
    after
}

/// Runs a flood. Returns the connections that the server has not closed.
fn run(flood: Flood, address: &str) -> Vec<Attacker> {
    let mut attackers: Vec<_> = (0..CONNECTIONS)
        .map(|_| Attacker::connect(flood, address).expect("the server should listen"))
        .collect();
    for _ in 0..WAVES {
        attackers.retain_mut(|attacker| attacker.wave().is_ok());
    }
    attackers
}

/// Makes an honest call.
fn call(address: &str) {
    serve::runtime().block_on(async {
        let stub = ProbeStub::new(Channel::insecure(address).expect("an address"));
        let call = stub
            .unary(Request::default())
            .timeout(Duration::from_secs(10));
        call.await.expect("the server should serve");
    });
}

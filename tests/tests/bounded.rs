//! What floods take of a server is bounded, and given back: measured from outside, at a server in a process of its own.
#![cfg(target_os = "linux")]

use std::time::Duration;

use stubwright::{Channel, Server};
use stubwright_tests::child::{Process, this_program};
use stubwright_tests::figures::Figures;
use stubwright_tests::flood::{Attacker, Flood};
use stubwright_tests::pb::probe::v1::{ProbeStub, Request};
use stubwright_tests::serve;

/// Makes this program the server.
const SERVE: &str = "STUBWRIGHT_BOUNDED_SERVER";
/// Connections that flood at a time.
const CONNECTIONS: usize = 8;
/// What each of them sends at most; most are thrown out long before.
const WAVES: usize = 20;
/// What a flood may take, in KiB: for each connection a few MiB, of which most is output that waits.
const MOST: u64 = CONNECTIONS as u64 * 8 * 1024;
/// What a second round of all floods may leave behind beyond what the first one did, in KiB. What an allocator has kept, it
/// uses again; what leaks would be left behind by each.
const LEFT: u64 = 16 * 1024;

#[test]
fn what_floods_take_is_bounded_and_given_back() {
    if std::env::var_os(SERVE).is_some() {
        let builder = Server::builder().write_timeout(Duration::from_millis(200));
        serve::run(builder).expect("the server serves");
        return;
    }
    let mut server = Process::with(
        this_program()
            .args([
                "--exact",
                "what_floods_take_is_bounded_and_given_back",
                "--nocapture",
            ])
            .env(SERVE, "1"),
    );
    let address = server.hear();
    call(&address);
    // The listener's task, and that of the servicer's events.
    let before = Figures::at_rest(&mut server, 2);
    println!("{:>12}: {before:?}", "before");
    let first = round(&mut server, &address, &before);
    let second = round(&mut server, &address, &before);
    assert!(second.memory < first.memory + LEFT, "{second:?}");
}

/// Every flood once, and what the server has after them.
fn round(server: &mut Process, address: &str, before: &Figures) -> Figures {
    let mut after = Figures::after(server, before);
    for flood in Flood::ALL {
        server.forget_peak();
        let attackers = run(flood, address);
        call(address);
        let thrown_out = CONNECTIONS - attackers.len();
        // Whoever does not read is cut off without closing.
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

/// Floods; the connections that were not thrown out.
fn run(flood: Flood, address: &str) -> Vec<Attacker> {
    let mut attackers: Vec<_> = (0..CONNECTIONS)
        .map(|_| Attacker::connect(flood, address).expect("the server listens"))
        .collect();
    for _ in 0..WAVES {
        attackers.retain_mut(|attacker| attacker.wave().is_ok());
    }
    attackers
}

/// An honest call.
fn call(address: &str) {
    serve::runtime().block_on(async {
        let stub = ProbeStub::new(Channel::insecure(address).expect("an address"));
        let call = stub
            .unary(Request::default())
            .timeout(Duration::from_secs(10));
        call.await.expect("the server serves");
    });
}

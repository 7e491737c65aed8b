//! Many connections that have made one call each and are silent since.

use stubwright::Channel;
use stubwright_tests::child::{Process, hear, say};
use stubwright_tests::pb::probe::v1::{ProbeStub, Request};
use stubwright_tests::serve::runtime;

use crate::server;

/// How many connections one client process holds: half of what it may have descriptors for.
const PER_PROCESS: usize = 2500;

/// Measures the server's memory for each connection.
pub fn run(count: usize) -> Option<bool> {
    let (mut server, address) = server();
    // What the first calls leave in a process is not a connection's.
    let warm = client(&address, 100);
    drop(warm);
    let before = settled(&server);
    let with = hold_all(&server, &address, count);
    let per = (with.saturating_sub(before)) as f64 / count as f64;
    println!(
        "{count} idle connections after one call each: {before} KiB -> {with} KiB, {per:.2} KiB each"
    );
    let after = settled(&server);
    println!(
        "after their end: {after} KiB, {} descriptors",
        server.descriptors()
    );
    // What an allocator keeps is used again; what leaks is not.
    let again = hold_all(&server, &address, count);
    println!("as many once more: {again} KiB");
    server.say("stop 0");
    println!("server {}", server.hear());
    Some(server.descriptors() < 50 && again < with + with / 10)
}

/// The server's memory while clients hold so many connections.
fn hold_all(server: &Process, address: &str, count: usize) -> u64 {
    let mut clients = Vec::new();
    let mut left = count;
    while left > 0 {
        let part = left.min(PER_PROCESS);
        clients.push(client(address, part));
        left -= part;
    }
    server.memory()
}

/// The client process: opens the connections, says so, and waits.
pub fn hold(address: &str, count: usize) -> Option<bool> {
    runtime().block_on(async {
        let mut stubs = Vec::new();
        for _ in 0..count {
            let stub = ProbeStub::new(Channel::insecure(address).ok()?);
            stub.unary(Request::default()).await.ok()?;
            stubs.push(stub);
        }
        say("ready");
        tokio::task::spawn_blocking(hear).await.ok()?;
        Some(true)
    })
}

fn client(address: &str, count: usize) -> Process {
    let mut client = Process::start(&["hold-idle", address, &count.to_string()]);
    assert_eq!(client.hear(), "ready", "a connection failed");
    client
}

/// The server's memory once it has noticed that clients are gone.
fn settled(server: &Process) -> u64 {
    for _ in 0..1000 {
        if server.descriptors() < 50 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    server.memory()
}

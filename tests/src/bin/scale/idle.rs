//! Many idle connections, each of which has made one call.

use stubwright::Channel;
use stubwright_tests::child::{Process, hear, say};
use stubwright_tests::pb::probe::v1::{ProbeStub, Request};
use stubwright_tests::serve::runtime;

use crate::server;

/// Number of connections that one client process holds: half of its limit of descriptors.
const PER_PROCESS: usize = 2500;

/// Measures the server's memory per idle connection.
pub fn run(count: usize) -> Option<bool> {
    let (mut server, address) = server();
    // The first calls allocate memory that does not belong to a connection.
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
    // The allocator reuses what it keeps. A leak would show as growth.
    let again = hold_all(&server, &address, count);
    println!("as many once more: {again} KiB");
    server.say("stop 0");
    println!("server {}", server.hear());
    Some(server.descriptors() < 50 && again < with + with / 10)
}

/// Returns the server's memory while clients hold `count` connections.
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

/// Runs the client process, which opens the connections, reports that it has, and waits.
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

/// Returns the server's memory once it has noticed that clients are gone.
fn settled(server: &Process) -> u64 {
    for _ in 0..1000 {
        if server.descriptors() < 50 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    server.memory()
}

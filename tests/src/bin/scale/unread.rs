//! Many calls on one connection whose messages are not read, and small calls beside them.

use std::fmt;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use stubwright::{Channel, StreamingCall};
use stubwright_tests::child::{Process, hear, say};
use stubwright_tests::pb::probe::v1::{Action, ProbeStub, Request};
use stubwright_tests::serve::runtime;

use crate::server;

/// Size of the unread messages, in bytes.
const MESSAGE: usize = 64_000;

/// Limit of the memory that a connection may hold for them, in KiB. It is the worst case of the documented limits.
const MOST_MEMORY: u64 = 64 * 1024;

/// Measures small calls on a connection with unread calls, alternating with small calls on an otherwise idle
/// connection.
///
/// First the client does not read the responses of the unread calls. Then the server does not read their requests.
pub fn run(streams: usize, seconds: usize) -> Option<bool> {
    let mut fine = true;
    for side in ["client", "server"] {
        let (server, address) = server();
        let (streams, seconds) = (streams.to_string(), seconds.to_string());
        let mut client = Process::start(&["unread-calls", side, &address, &streams, &seconds]);
        assert_eq!(client.hear(), "connected", "the calls failed");
        let before = [client.memory(), server.memory()];
        client.say("open");
        println!("at the {side}: {}", client.hear());
        let after = [client.memory(), server.memory()];
        let [of_client, of_server] = [0, 1].map(|end| after[end].saturating_sub(before[end]));
        println!(
            "  resident memory: client {} + {of_client} KiB, server {} + {of_server} KiB",
            before[0], before[1]
        );
        client.say("measure");
        let told = client.hear();
        println!("  {told}");
        // The other side holds what it may queue for each call.
        let unread = if side == "client" {
            of_client
        } else {
            of_server
        };
        fine &= unread < MOST_MEMORY && told.ends_with("fine");
    }
    Some(fine)
}

/// Runs the client process.
pub fn calls(side: &str, address: &str, streams: usize, seconds: usize) -> Option<bool> {
    runtime().block_on(async {
        let (beside, alone) = (connection(address)?, connection(address)?);
        for stub in [&beside, &alone] {
            for _ in 0..100 {
                small(stub).await?;
            }
        }
        say("connected");
        tokio::task::spawn_blocking(hear).await.ok()?;
        let (mut downloads, mut uploads) = (Vec::new(), Vec::new());
        match side {
            "client" => {
                downloads.extend((0..streams).map(|_| beside.server_stream(endless())));
                let begun = join_all(downloads.iter_mut().map(StreamingCall::message)).await;
                begun.into_iter().collect::<Result<Vec<_>, _>>().ok()?;
            }
            _ => uploads.extend((0..streams).map(|_| tokio::spawn(upload(beside.clone())))),
        }
        // Wait until the flow-control windows are full.
        for _ in 0..200 {
            small(&beside).await?;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        say(&format!("{streams} unread calls are open"));
        tokio::task::spawn_blocking(hear).await.ok()?;
        let (mut with, mut without) = (Times::default(), Times::default());
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(seconds as u64) {
            with.0.push(small(&beside).await?);
            without.0.push(small(&alone).await?);
        }
        let (with, without) = (with.sorted(), without.sorted());
        let is_fine = with.p99() <= without.p99() * 2;
        let verdict = if is_fine { "fine" } else { "too slow" };
        say(&format!(
            "small calls beside them: {with}; without: {without}; {verdict}"
        ));
        uploads.iter().for_each(tokio::task::JoinHandle::abort);
        Some(is_fine)
    })
}

/// Connects a channel of its own.
fn connection(address: &str) -> Option<ProbeStub> {
    let channel = Channel::builder().max_connections_per_subchannel(1);
    Some(ProbeStub::new(channel.build_insecure(address).ok()?))
}

/// Returns the duration of a small call.
async fn small(stub: &ProbeStub) -> Option<Duration> {
    let before = Instant::now();
    let call = stub
        .unary(Request::default())
        .timeout(Duration::from_secs(10));
    call.await.ok()?;
    Some(before.elapsed())
}

/// Returns a request for an endless stream of messages.
fn endless() -> Request {
    Request {
        payload: vec![7; MESSAGE],
        count: u32::MAX,
        ..Request::default()
    }
}

/// Sends messages without end to a handler that reads only the first.
async fn upload(stub: ProbeStub) {
    let first = Request {
        action: Action::Hang.into(),
        ..Request::default()
    };
    let more = std::iter::repeat_with(endless);
    // The call lasts until the process ends.
    drop(stub.client_stream(std::iter::once(first).chain(more)).await);
}

/// Durations of calls.
#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    fn sorted(mut self) -> Times {
        self.0.sort_unstable();
        self
    }

    fn p99(&self) -> Duration {
        self.at(99)
    }

    fn at(&self, percent: usize) -> Duration {
        let place = self.0.len() * percent / 100;
        self.0.get(place).copied().unwrap_or_default()
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, median, p99) = (self.0.len(), self.at(50), self.p99());
        write!(f, "{count} calls, median {median:?}, p99 {p99:?}")
    }
}

//! Measurements that are too large for tests: thousands of connections, and attackers. Each side is a process of its own.
//!
//! ```sh
//! cargo run --release -p stubwright-tests --bin scale -- idle 10000     # memory of idle connections
//! cargo run --release -p stubwright-tests --bin scale -- held 1000 100  # calls held open, then drained by stop
//! cargo run --release -p stubwright-tests --bin scale -- floods 5       # each flood for 5 seconds, beside honest calls
//! cargo run --release -p stubwright-tests --bin scale -- resets 10      # calls that are reset, beside honest ones
//! cargo run --release -p stubwright-tests --bin scale -- stopped h2load # stop with a grace under h2load's calls
//! cargo run --release -p stubwright-tests --bin scale -- unread 300 10  # small calls beside 300 unread ones, for 10 seconds
//! ```
//!
//! The program prints figures, and exits with 1 if a call was lost or a limit was exceeded. All connections are on loopback.

mod floods;
mod held;
mod idle;
mod resets;
mod stopped;
mod unread;

use std::process::ExitCode;

use stubwright::Server;
use stubwright_tests::child::{Process, this_program};
use stubwright_tests::serve;

const USAGE: &str = "usage: scale idle CONNECTIONS | held CONNECTIONS STREAMS | floods SECONDS | resets SECONDS | stopped H2LOAD | unread STREAMS SECONDS";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<usize>().ok();
    let done = match words.as_slice() {
        // The modes below start the program again with this argument.
        ["serve"] => serve::run(Server::builder()),
        ["hold-idle", address, count] => number(count).and_then(|count| idle::hold(address, count)),
        ["hold-calls", address, connections, streams] => number(connections)
            .zip(number(streams))
            .and_then(|(connections, streams)| held::hold(address, connections, streams)),
        ["flood", kind, address, seconds] => {
            number(seconds).and_then(|seconds| floods::flood(kind, address, seconds))
        }
        ["calls", kind, address, seconds] => {
            number(seconds).and_then(|seconds| resets::calls(kind, address, seconds))
        }
        ["unread-calls", side, address, streams, seconds] => number(streams)
            .zip(number(seconds))
            .and_then(|(streams, seconds)| unread::calls(side, address, streams, seconds)),
        ["idle", count] => number(count).and_then(idle::run),
        ["held", connections, streams] => number(connections)
            .zip(number(streams))
            .and_then(|(connections, streams)| held::run(connections, streams)),
        ["stopped", h2load] => stopped::run(h2load),
        ["unread", streams, seconds] => number(streams)
            .zip(number(seconds))
            .and_then(|(streams, seconds)| unread::run(streams, seconds)),
        ["floods", seconds] => number(seconds).and_then(floods::run),
        ["resets", seconds] => number(seconds).and_then(resets::run),
        _ => None,
    };
    match done {
        Some(true) => ExitCode::SUCCESS,
        Some(false) => ExitCode::FAILURE,
        None => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Starts a server in a process of its own. Returns the process and its address.
///
/// Its threads share one heap of glibc. With several heaps, one thread does not reuse memory that another has freed,
/// which would look like a leak of the server.
fn server() -> (Process, String) {
    let mut server = Process::with(this_program().arg("serve").env("MALLOC_ARENA_MAX", "1"));
    let address = server.hear();
    (server, address)
}

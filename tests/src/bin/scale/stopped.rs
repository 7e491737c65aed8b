//! A server that stops with a grace period during h2load's calls and streams. It must answer every call that it has
//! accepted.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use stubwright::prost::Message;
use stubwright_tests::child::Process;
use stubwright_tests::pb::probe::v1::Request;

use crate::server;

/// Runs h2load from this path, with streams beside it, and stops the server. Compares the calls that began with those
/// that were answered.
pub fn run(h2load: &str) -> Option<bool> {
    let (mut server, address) = server();
    let mut streams = Process::start(&["hold-calls", &address, "10", "10"]);
    println!("{}", streams.hear());
    let body = std::env::temp_dir().join(format!("stubwright-scale-{}", std::process::id()));
    std::fs::write(&body, framed()).ok()?;
    // More calls than can complete in the time.
    let load = Command::new(h2load)
        .args(["-n", "100000000", "-c", "8", "-m", "32", "-d"])
        .arg(&body)
        .args(["-H", "content-type: application/grpc"])
        .args(["-H", "te: trailers"])
        .arg(format!("http://{address}/probe.v1.Probe/Unary"))
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    std::thread::sleep(Duration::from_secs(1));
    server.say("stop 30");
    streams.say("end");
    let said = load.wait_with_output().ok()?;
    drop(std::fs::remove_file(&body));
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let succeeded = said
        .split(", ")
        .find_map(|part| part.strip_suffix(" succeeded"))?;
    let ended = streams.hear();
    let stopped = server.hear();
    let is_free = TcpListener::bind(&address).is_ok();
    println!("h2load: {succeeded} calls succeeded; streams: {ended}");
    println!("server {stopped}; its port is free: {is_free}");
    let answered = succeeded.parse::<u64>().ok()? + 100;
    let all = stopped.ends_with(&format!(" {answered} calls begun"));
    Some(all && is_free && ended == "100 ended well, 0 did not")
}

/// Returns a request with its gRPC prefix.
fn framed() -> Vec<u8> {
    let request = Request {
        payload: vec![7; 32],
        ..Request::default()
    };
    let mut framed = vec![0];
    let length = u32::try_from(request.encoded_len()).unwrap_or_default();
    framed.extend(length.to_be_bytes());
    framed.extend(request.encode_to_vec());
    framed
}

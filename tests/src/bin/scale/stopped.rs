//! A server that is stopped with a grace in the midst of h2load's calls and of streams: what it has accepted is answered.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use stubwright::prost::Message;
use stubwright_tests::child::Process;
use stubwright_tests::pb::probe::v1::Request;

use crate::server;

/// Runs h2load with this path, and streams beside it, stops the server, and compares what it began with what was answered.
pub fn run(h2load: &str) -> Option<bool> {
    let (mut server, address) = server();
    let mut streams = Process::start(&["hold-calls", &address, "10", "10"]);
    println!("{}", streams.hear());
    let body = std::env::temp_dir().join(format!("stubwright-scale-{}", std::process::id()));
    std::fs::write(&body, framed()).ok()?;
    // More calls than there is time for.
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

/// A request behind gRPC's prefix.
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

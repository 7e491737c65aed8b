//! Measures one call to a server that greets every client with GOAWAY: how it ends, how many connections it makes, and
//! how much processor time it takes. Other clients are programs with the same arguments.
//!
//! ```console
//! $ greeted [PROGRAM ...]              compares this client and others
//! $ greeted ADDRESS SECONDS wait|fail  is the client: makes one call, which waits for ready or does not
//! ```

use std::io;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use stubwright::Channel;
use stubwright_tests::child::this_program;
use stubwright_tests::frames::{GOAWAY, PREFACE, SETTINGS, frame};
use stubwright_tests::pb::probe::v1::{ProbeStub, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Time limit of a call, in seconds.
const LIMIT: u64 = 3;

#[tokio::main]
async fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [address, seconds, mode] = &*arguments {
        let seconds = seconds.parse().map_err(io::Error::other)?;
        call(address, Duration::from_secs(seconds), mode == "wait").await;
        return Ok(());
    }
    for mode in ["fail", "wait"] {
        measure("stubwright", this_program(), mode).await?;
        for program in &arguments {
            measure(program, Command::new(program), mode).await?;
        }
    }
    Ok(())
}

/// Makes one call and prints its status.
async fn call(address: &str, limit: Duration, waits: bool) {
    let channel = Channel::insecure(address).expect("an address");
    let call = ProbeStub::new(channel).unary(Request::default());
    match call.timeout(limit).wait_for_ready(waits).await {
        Ok(_) => println!("OK"),
        Err(status) => println!("{status}"),
    }
}

/// Starts a client that makes one call, and prints what it cost.
async fn measure(name: &str, mut client: Command, mode: &str) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let connections = Arc::new(AtomicUsize::new(0));
    let server = tokio::spawn(serve(listener, Arc::clone(&connections)));
    let began = Instant::now();
    client
        .args([&address, &LIMIT.to_string(), mode])
        .stdout(Stdio::piped());
    let mut child = client.spawn()?;
    let (processor, said) = tokio::task::spawn_blocking(move || {
        let processor = processor_time(&child);
        child
            .stdout
            .take()
            .map_or(Ok(String::new()), io::read_to_string)
            .map(|said| (processor, said))
    })
    .await??;
    let took = began.elapsed();
    server.abort();
    println!(
        "{name}, {mode}: {} connections in {took:.1?}, {processor} ms of CPU: {}",
        connections.load(Ordering::Relaxed),
        said.trim_end(),
    );
    Ok(())
}

/// Greets every connection with SETTINGS and GOAWAY.
async fn serve(listener: TcpListener, connections: Arc<AtomicUsize>) {
    while let Ok((socket, _)) = listener.accept().await {
        connections.fetch_add(1, Ordering::Relaxed);
        // The client may close the connection at any time.
        tokio::spawn(async move { drop(greet(socket).await) });
    }
}

async fn greet(mut socket: TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    socket.read_exact(&mut [0; PREFACE.len()]).await?;
    let greeting = [frame(SETTINGS, 0, 0, &[]), frame(GOAWAY, 0, 0, &[0; 8])].concat();
    socket.write_all(&greeting).await?;
    let mut rest = [0; 1024];
    while socket.read(&mut rest).await? > 0 {}
    Ok(())
}

/// Returns the processor time of a process that has ended, in milliseconds. Linux keeps it until the parent waits for
/// the process.
fn processor_time(child: &Child) -> u64 {
    loop {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id()));
        let stat = stat.expect("the client should have an entry in /proc");
        // The program's name may contain blanks. It ends at the last parenthesis.
        let fields: Vec<_> = stat
            .rsplit(") ")
            .next()
            .unwrap_or_default()
            .split(' ')
            .collect();
        if fields[0] == "Z" {
            let ticks =
                [11, 12].map(|place: usize| fields[place].parse::<u64>().expect("a number"));
            return ticks.iter().sum::<u64>() * 10;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

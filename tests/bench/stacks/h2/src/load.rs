//! Makes calls of the service `Work`, and prints their durations in wall time: `load ADDRESS CONNECTIONS SECONDS
//! FLOW...`.
//!
//! A flow is `METHOD,BYTES,PATTERN,NUMBER`. With the pattern `tasks`, NUMBER tasks each make one call after the
//! other. With `burst`, NUMBER calls start at once, and the next burst starts 20 ms after the last of them has ended.
//! With `rate`, NUMBER calls a second start at random times, whether or not others have ended.
//!
//! The duration of a call counts from the time when it was due, so that a server that falls behind does not look
//! faster than it is.

use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bench_options::work::percentiles;
use bytes::{BufMut, Bytes, BytesMut};
use h2::client::{self, SendRequest};
use http::{HeaderMap, Request};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// The largest window of HTTP/2, so that the client's window does not affect the result.
const WINDOW: u32 = (1 << 31) - 1;

/// Calls in this time after the start are not counted.
const WARM_UP: Duration = Duration::from_millis(500);

/// Pause between two bursts.
const PAUSE: Duration = Duration::from_millis(20);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let args: Vec<String> = std::env::args().collect();
    let [_, address, connections, seconds, flows @ ..] = &args[..] else {
        eprintln!("usage: load ADDRESS CONNECTIONS SECONDS FLOW...");
        exit(2);
    };
    let mut opened = Vec::new();
    for _ in 0..connections.parse()? {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        let mut builder = client::Builder::new();
        builder
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW);
        let (requests, connection) = builder.handshake(socket).await?;
        tokio::spawn(connection);
        opened.push(requests);
    }
    let begins = Instant::now();
    let time = Time {
        from: begins + WARM_UP,
        until: begins + WARM_UP + Duration::from_secs_f64(seconds.parse()?),
    };
    let mut running = Vec::new();
    for flow in flows {
        let parts: Vec<_> = flow.split(',').collect();
        let [method, bytes, pattern, number] = parts[..] else {
            return Err(format!("'{flow}' is not a flow").into());
        };
        let calls = Calls {
            connections: opened.clone(),
            next: Arc::default(),
            uri: format!("http://{address}/work.Work/{method}").into(),
            message: message(bytes.parse()?),
        };
        let number = number.parse()?;
        let made = match pattern {
            "tasks" => tokio::spawn(tasks(calls, number, time)),
            "burst" => tokio::spawn(bursts(calls, number, time)),
            "rate" => tokio::spawn(rate(calls, number, time)),
            _ => return Err(format!("'{pattern}' is not a pattern").into()),
        };
        running.push((method, made));
    }
    for (method, made) in running {
        let made = made.await??;
        let Made {
            mut times,
            mut firsts,
        } = made;
        println!("{method} {}", percentiles(&mut times));
        if !firsts.is_empty() {
            println!("{method} firsts {}", percentiles(&mut firsts));
        }
    }
    Ok(())
}

/// Times at which calls are made and counted.
#[derive(Clone, Copy)]
struct Time {
    from: Instant,
    until: Instant,
}

/// Durations of the calls of a flow.
#[derive(Default)]
struct Made {
    times: Vec<Duration>,
    /// For bursts: time until the first response.
    firsts: Vec<Duration>,
}

/// Calls of one method, distributed over the connections in turn.
#[derive(Clone)]
struct Calls {
    connections: Vec<SendRequest<Bytes>>,
    next: Arc<AtomicUsize>,
    uri: Arc<str>,
    message: Bytes,
}

impl Calls {
    /// Makes a call, and checks its response.
    async fn call(&self) -> Result<(), Error> {
        let next = self.next.fetch_add(1, Ordering::Relaxed) % self.connections.len();
        let requests = self.connections[next].clone();
        let request = Request::post(&*self.uri)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())?;
        let (response, mut body) = requests.ready().await?.send_request(request, false)?;
        body.send_data(self.message.clone(), true)?;
        let response = response.await?;
        let (head, mut body) = response.into_parts();
        let mut received = 0;
        while let Some(chunk) = body.data().await {
            let chunk = chunk?;
            received += chunk.len();
            body.flow_control().release_capacity(chunk.len())?;
        }
        let trailers = body.trailers().await?.unwrap_or(head.headers);
        check(&trailers, received == self.message.len())
    }
}

fn check(trailers: &HeaderMap, is_whole: bool) -> Result<(), Error> {
    match trailers.get("grpc-status") {
        Some(status) if status == "0" && is_whole => Ok(()),
        _ => Err(format!("not the requested response: {trailers:?}").into()),
    }
}

async fn tasks(calls: Calls, count: u64, time: Time) -> Result<Made, Error> {
    let tasks: Vec<_> = (0..count)
        .map(|_| {
            let calls = calls.clone();
            tokio::spawn(async move {
                let mut times = Vec::new();
                while Instant::now() < time.until {
                    let began = Instant::now();
                    calls.call().await?;
                    if began > time.from {
                        times.push(began.elapsed());
                    }
                }
                Ok::<_, Error>(times)
            })
        })
        .collect();
    let mut made = Made::default();
    for task in tasks {
        made.times.extend(task.await??);
    }
    Ok(made)
}

async fn bursts(calls: Calls, count: u64, time: Time) -> Result<Made, Error> {
    let mut made = Made::default();
    while Instant::now() < time.until {
        let began = Instant::now();
        let tasks: Vec<_> = (0..count)
            .map(|_| {
                let calls = calls.clone();
                tokio::spawn(async move { calls.call().await.map(|()| began.elapsed()) })
            })
            .collect();
        let mut times = Vec::new();
        for task in tasks {
            times.push(task.await??);
        }
        if began > time.from {
            made.firsts.extend(times.iter().min());
            made.times.extend(times);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(made)
}

async fn rate(calls: Calls, rate: u64, time: Time) -> Result<Made, Error> {
    let (begins, mut due) = mpsc::unbounded_channel();
    // tokio's timers are too coarse.
    thread::spawn(move || {
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = Instant::now();
        while next < time.until {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let share = (random >> 11) as f64 / (1_u64 << 53) as f64;
            next += Duration::from_secs_f64(-(1.0 - share).ln() / rate as f64);
            thread::sleep(next.saturating_duration_since(Instant::now()));
            // A timer that fires late is not the server's fault.
            if begins.send(Instant::now()).is_err() {
                return;
            }
        }
    });
    let (done, mut times) = mpsc::unbounded_channel();
    while let Some(began) = due.recv().await {
        let (calls, done) = (calls.clone(), done.clone());
        tokio::spawn(async move {
            let called = calls.call().await;
            // The receiver lives longer than all calls, unless one has failed.
            drop(done.send(called.map(|()| (began, began.elapsed()))));
        });
    }
    drop(done);
    let mut made = Made::default();
    while let Some(call) = times.recv().await {
        let (began, took) = call?;
        if began > time.from {
            made.times.push(took);
        }
    }
    Ok(made)
}

/// Returns a message with a body of this size, with its prefix.
fn message(bytes: usize) -> Bytes {
    let mut field = BytesMut::from(&[0x0a][..]);
    let mut length = bytes;
    while length > 127 {
        field.put_u8((length & 127) as u8 | 128);
        length >>= 7;
    }
    field.put_u8(length as u8);
    field.put_bytes(7, bytes);
    let mut message = BytesMut::new();
    message.put_u8(0);
    message.put_u32(u32::try_from(field.len()).expect("the message should be small"));
    message.extend_from_slice(&field);
    message.freeze()
}

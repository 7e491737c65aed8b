//! What every server and client here is started with, and the runtime that it runs on.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Instant;

use tokio::runtime::{Builder, Runtime};

pub mod work;

/// `server ADDRESS THREADS [CERTIFICATE KEY]`.
pub struct ServerOptions {
    /// Where to listen.
    pub address: SocketAddr,
    /// How many threads serve.
    pub threads: usize,
    /// PEM files, for TLS.
    pub tls: Option<(PathBuf, PathBuf)>,
}

/// `client ADDRESS CONNECTIONS STREAMS CALLS`, on one thread.
pub struct ClientOptions {
    /// Where the server listens.
    pub address: SocketAddr,
    /// How many connections there are.
    pub connections: usize,
    /// How many calls each has at a time.
    pub streams: usize,
    /// How many calls each of these makes, one after the other.
    pub each: usize,
}

impl ServerOptions {
    /// Those of this process; it ends with a usage line if they are none.
    pub fn from_args() -> ServerOptions {
        let args: Vec<String> = std::env::args().skip(1).collect();
        let (address, threads, tls) = match &args[..] {
            [address, threads] => (address, threads, None),
            [address, threads, certificate, key] => {
                (address, threads, Some((certificate.into(), key.into())))
            }
            _ => usage("server ADDRESS THREADS [CERTIFICATE KEY]"),
        };
        ServerOptions {
            address: parsed(address),
            threads: parsed(threads),
            tls,
        }
    }

    /// A runtime with as many threads as serve.
    pub fn runtime(&self) -> Runtime {
        runtime(self.threads)
    }
}

impl ClientOptions {
    /// Those of this process; it ends with a usage line if they are none.
    pub fn from_args() -> ClientOptions {
        let args: Vec<String> = std::env::args().skip(1).collect();
        let [address, connections, streams, calls] = &args[..] else {
            usage("client ADDRESS CONNECTIONS STREAMS CALLS")
        };
        let (connections, streams) = (parsed(connections), parsed(streams));
        let calls: usize = parsed(calls);
        ClientOptions {
            address: parsed(address),
            connections,
            streams,
            each: calls / (connections * streams),
        }
    }

    /// A runtime of one thread.
    pub fn runtime(&self) -> Runtime {
        runtime(1)
    }
}

/// What a process used from a moment on.
pub struct Meter {
    cpu: u64,
    began: Instant,
}

impl Meter {
    /// From now on.
    pub fn start() -> Meter {
        Meter {
            cpu: cpu(),
            began: Instant::now(),
        }
    }

    /// Says what this thread's CPU time and the wall time were, in nanoseconds, as the harness reads it.
    pub fn report(&self, calls: usize) {
        let (cpu, wall) = (cpu() - self.cpu, self.began.elapsed().as_nanos());
        println!("calls {calls} cpu_ns {cpu} wall_ns {wall}");
    }
}

/// The CPU time of this process's first thread, in nanoseconds.
fn cpu() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").expect("Linux tells it");
    let first = stat.split(' ').next().expect("three numbers");
    first.parse().expect("a number")
}

fn runtime(threads: usize) -> Runtime {
    let mut builder = match threads {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    if threads > 1 {
        builder.worker_threads(threads);
    }
    builder.enable_all().build().expect("a runtime")
}

fn parsed<T: std::str::FromStr>(text: &str) -> T {
    text.parse()
        .unwrap_or_else(|_| usage(&format!("'{text}' is not what belongs there")))
}

fn usage(line: &str) -> ! {
    eprintln!("{line}");
    std::process::exit(2)
}

//! Command-line options of the servers and clients, and their runtimes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Instant;

use tokio::runtime::{Builder, Runtime};

pub mod work;

/// `server ADDRESS THREADS [CERTIFICATE KEY]`.
pub struct ServerOptions {
    /// Address to listen on.
    pub address: SocketAddr,
    /// Number of threads that serve.
    pub threads: usize,
    /// Certificate and key as PEM files, for TLS.
    pub tls: Option<(PathBuf, PathBuf)>,
}

/// `client ADDRESS CONNECTIONS STREAMS CALLS`, on one thread.
pub struct ClientOptions {
    /// Address of the server.
    pub address: SocketAddr,
    /// Number of connections.
    pub connections: usize,
    /// Number of concurrent calls on each connection.
    pub streams: usize,
    /// Number of calls that each of these makes, one after the other.
    pub each: usize,
}

impl ServerOptions {
    /// Parses the arguments of this process. Ends it with a usage line if they are wrong.
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

    /// Returns a runtime with the requested number of threads.
    pub fn runtime(&self) -> Runtime {
        runtime(self.threads)
    }
}

impl ClientOptions {
    /// Parses the arguments of this process. Ends it with a usage line if they are wrong.
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

    /// Returns a runtime with one thread.
    pub fn runtime(&self) -> Runtime {
        runtime(1)
    }
}

/// Measures the time of a process since the start of the meter.
pub struct Meter {
    cpu: u64,
    began: Instant,
}

impl Meter {
    /// Starts a meter.
    pub fn start() -> Meter {
        Meter {
            cpu: cpu(),
            began: Instant::now(),
        }
    }

    /// Prints the CPU time of this thread and the wall time, in nanoseconds, in the format of the harness.
    pub fn report(&self, calls: usize) {
        let (cpu, wall) = (cpu() - self.cpu, self.began.elapsed().as_nanos());
        println!("calls {calls} cpu_ns {cpu} wall_ns {wall}");
    }
}

/// Returns the CPU time of this process's first thread, in nanoseconds.
fn cpu() -> u64 {
    let stat =
        std::fs::read_to_string("/proc/self/schedstat").expect("/proc should have schedstat");
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
        .unwrap_or_else(|_| usage(&format!("invalid argument '{text}'")))
}

fn usage(line: &str) -> ! {
    eprintln!("{line}");
    std::process::exit(2)
}

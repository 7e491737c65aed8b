//! The work of the handlers of the service `Work`, the same on every stack.

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};

use crate::{parsed, usage};

/// Number of steps of [`compute`] per microsecond.
const STEPS_PER_MICROSECOND: u64 = 600;

/// `work ADDRESS WORKERS BACKEND`, on a multi-threaded runtime even with one worker.
pub struct WorkOptions {
    /// Address to listen on.
    pub address: SocketAddr,
    /// Number of worker threads.
    pub workers: usize,
    /// Address of the service that `CallOn` calls.
    pub backend: SocketAddr,
}

impl WorkOptions {
    /// Parses the arguments of this process; ends it with a usage line if they are wrong.
    pub fn from_args() -> WorkOptions {
        let args: Vec<String> = std::env::args().skip(1).collect();
        let [address, workers, backend] = &args[..] else {
            usage("work ADDRESS WORKERS BACKEND")
        };
        WorkOptions {
            address: parsed(address),
            workers: parsed(workers),
            backend: parsed(backend),
        }
    }

    /// Returns a runtime with the requested number of worker threads.
    pub fn runtime(&self) -> Runtime {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(self.workers).enable_all();
        builder.build().expect("a runtime")
    }
}

/// Computes for about this many microseconds. The number of steps is fixed, whatever else runs.
pub fn compute(microseconds: u64) {
    let mut state = black_box(0x9e37_79b9_7f4a_7c15_u64);
    for _ in 0..microseconds * STEPS_PER_MICROSECOND {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d) ^ (state >> 29);
    }
    black_box(state);
}

/// Computes for 5 milliseconds, once in 50 calls.
#[derive(Default)]
pub struct Spikes(AtomicU32);

impl Spikes {
    /// Counts a call, and computes if it is the call's turn.
    pub fn next(&self) {
        if self.0.fetch_add(1, Ordering::Relaxed) % 50 == 49 {
            compute(5_000);
        }
    }
}

/// A task behind a channel. It sends back each message.
#[derive(Clone)]
pub struct Actor(mpsc::Sender<(Vec<u8>, oneshot::Sender<Vec<u8>>)>);

impl Actor {
    /// Spawns the task. Must be called within a runtime.
    pub fn spawn() -> Actor {
        let (sender, mut receiver) = mpsc::channel::<(Vec<u8>, oneshot::Sender<Vec<u8>>)>(256);
        tokio::spawn(async move {
            while let Some((body, answer)) = receiver.recv().await {
                // The call that waited for the answer may have been cancelled.
                drop(answer.send(body));
            }
        });
        Actor(sender)
    }

    /// Sends a message, and waits for the answer.
    pub async fn ask(&self, body: Vec<u8>) -> Vec<u8> {
        let (answer, answered) = oneshot::channel();
        self.0
            .send((body, answer))
            .await
            .expect("the actor should run");
        answered.await.expect("the actor should answer")
    }
}

/// `beside ADDRESS SECONDS`: small calls beside large ones, over one connection and on one thread.
pub struct BesideOptions {
    /// Address of the server.
    pub address: SocketAddr,
    /// Duration of the measurement.
    pub time: Duration,
}

impl BesideOptions {
    /// Number of tasks that make small calls.
    pub const SMALL: usize = 8;
    /// Number of tasks that make large calls.
    pub const LARGE: usize = 16;
    /// Size of a large call, in bytes.
    pub const BYTES: usize = 1_000_000;

    /// Parses the arguments of this process; ends it with a usage line if they are wrong.
    pub fn from_args() -> BesideOptions {
        let args: Vec<String> = std::env::args().skip(1).collect();
        let [address, seconds] = &args[..] else {
            usage("beside ADDRESS SECONDS")
        };
        BesideOptions {
            address: parsed(address),
            time: Duration::from_secs_f64(parsed(seconds)),
        }
    }

    /// Returns a runtime with one thread.
    pub fn runtime(&self) -> Runtime {
        Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime")
    }

    /// Makes small and large calls until the time is over. The first fifth is a warm-up. Prints the durations of the
    /// small calls and the number of large ones. `call` makes a call of the given size.
    pub async fn run<C, F>(&self, call: C)
    where
        C: Fn(usize) -> F + Clone + Send + 'static,
        F: Future<Output = ()> + Send,
    {
        let from = Instant::now() + self.time / 5;
        let until = Instant::now() + self.time;
        let repeated = |bytes| {
            let call = call.clone();
            tokio::spawn(async move {
                let mut times = Vec::new();
                while Instant::now() < until {
                    let began = Instant::now();
                    call(bytes).await;
                    if began >= from {
                        times.push(began.elapsed());
                    }
                }
                times
            })
        };
        let small: Vec<_> = (0..Self::SMALL).map(|_| repeated(34)).collect();
        let large: Vec<_> = (0..Self::LARGE).map(|_| repeated(Self::BYTES)).collect();
        let mut times = Vec::new();
        for task in small {
            times.extend(task.await.expect("no panic"));
        }
        let mut carried = 0;
        for task in large {
            carried += task.await.expect("no panic").len();
        }
        let rate = carried as f64 / (self.time * 4 / 5).as_secs_f64();
        println!("AtOnce {}", percentiles(&mut times));
        println!("Bulk rate {rate:.0}");
    }
}

/// Formats the number of times and their percentiles.
pub fn percentiles(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |share: f64| match times.len() {
        0 => 0,
        count => times[((count - 1) as f64 * share) as usize].as_micros(),
    };
    format!(
        "calls {} p50_us {} p90_us {} p99_us {} max_us {}",
        times.len(),
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    )
}

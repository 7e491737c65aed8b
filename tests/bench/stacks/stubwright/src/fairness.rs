//! Measures whether handlers that use CPU time starve the other calls of their connection.
//!
//! A server on two threads has one connection. Four callers call a method that computes for a millisecond, and one
//! caller makes calls that cost nothing.

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use stubwright::{
    Channel, InlinePolling, RequestStream, Result, Server, ServicerContext, Status, Stream,
};
use tokio::runtime::Builder;

stubwright::include_protos!();

use bench::{BenchServicer, BenchStub, LogBatch, Payload, add_bench_servicer_to_server};

/// CPU time of the handler of `Log`.
const BURNED: Duration = Duration::from_millis(1);

/// Number of measured calls.
const CALLS: usize = 2_000;

struct Bench;

impl BenchServicer for Bench {
    async fn unary(&self, request: Payload, _context: &ServicerContext) -> Result<Payload> {
        Ok(request)
    }

    fn download(
        &self,
        _request: Payload,
        _context: &ServicerContext,
    ) -> impl Stream<Item = Result<Payload>> + Send {
        futures_util::stream::empty()
    }

    fn generate(
        &self,
        _request: Payload,
        _context: &ServicerContext,
    ) -> impl Stream<Item = Result<Payload>> + Send {
        futures_util::stream::empty()
    }

    async fn upload(
        &self,
        _requests: RequestStream<Payload>,
        _context: &ServicerContext,
    ) -> Result<Payload> {
        Err(Status::unimplemented("not measured"))
    }

    fn echo(
        &self,
        requests: RequestStream<Payload>,
        _context: &ServicerContext,
    ) -> impl Stream<Item = Result<Payload>> + Send {
        requests
    }

    async fn log(&self, _request: LogBatch, _context: &ServicerContext) -> Result<Payload> {
        let until = Instant::now() + BURNED;
        while Instant::now() < until {
            black_box(());
        }
        Ok(Payload::default())
    }
}

fn main() -> Result<()> {
    for (name, polling) in [
        ("adaptive", InlinePolling::Adaptive),
        ("always", InlinePolling::Always),
        ("never", InlinePolling::Never),
    ] {
        let servers = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let address = servers.block_on(served(polling))?;
        let clients = Builder::new_current_thread().enable_all().build()?;
        let mut times = clients.block_on(timed(address))?;
        times.sort_unstable();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_micros();
        println!(
            "{name} p50_us {} p99_us {} max_us {}",
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }
    Ok(())
}

async fn served(polling: InlinePolling) -> Result<SocketAddr> {
    let mut server = Server::builder().inline_polling(polling).build();
    add_bench_servicer_to_server(Bench, &mut server);
    let address = server.add_insecure_port("127.0.0.1:0").await?;
    server.start()?;
    tokio::spawn(async move { server.wait_for_termination().await });
    Ok(address)
}

/// Returns the durations of cheap calls beside four callers of the expensive method.
async fn timed(address: SocketAddr) -> Result<Vec<Duration>> {
    let stub = BenchStub::new(Channel::insecure(address.to_string())?);
    stub.unary(Payload::default()).await?;
    let over = Arc::new(AtomicBool::new(false));
    let mut burning = Vec::new();
    for _ in 0..4 {
        let (stub, over) = (stub.clone(), Arc::clone(&over));
        burning.push(tokio::spawn(async move {
            while !over.load(Ordering::Relaxed) {
                stub.log(LogBatch::default()).await?;
            }
            Ok::<_, Status>(())
        }));
    }
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let began = Instant::now();
        stub.unary(Payload::default()).await?;
        times.push(began.elapsed());
    }
    over.store(true, Ordering::Relaxed);
    for task in burning {
        task.await.expect("no panic")?;
    }
    Ok(times)
}

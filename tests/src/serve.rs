//! A server in a process of its own. It prints its address, and obeys the lines of its standard input.

use std::time::{Duration, Instant};

use stubwright::ServerBuilder;

use crate::child::{hear, say};
use crate::pb::probe::v1::add_probe_servicer_to_server;
use crate::{Event, Probe};

/// Serves the probe. Returns `None` if something went wrong.
///
/// The line `tasks` prints the number of live tasks. The line `stop SECONDS` stops the server with a grace period,
/// prints the number of calls that have begun, and waits for a last line. Any other line and the end of the input end
/// the process.
pub fn run(builder: ServerBuilder) -> Option<bool> {
    runtime().block_on(async {
        let (probe, mut events) = Probe::new();
        let counter = tokio::spawn(async move {
            let mut begun = 0_u64;
            while let Some(event) = events.recv().await {
                begun += u64::from(event == Event::Started);
            }
            begun
        });
        let mut server = builder.build();
        add_probe_servicer_to_server(probe, &mut server);
        let address = server.add_insecure_port("127.0.0.1:0").await.ok()?;
        server.start().ok()?;
        say(&address.to_string());
        loop {
            let line = tokio::task::spawn_blocking(hear).await.ok()?;
            if line == "tasks" {
                let metrics = tokio::runtime::Handle::current().metrics();
                say(&metrics.num_alive_tasks().to_string());
            } else if let Some(grace) = line.strip_prefix("stop ") {
                let before = Instant::now();
                server.stop(Duration::from_secs(grace.parse().ok()?)).await;
                let took = before.elapsed().as_secs_f64();
                // Dropping the server drops the servicer and its sender of events.
                drop(server);
                let begun = counter.await.ok()?;
                say(&format!("stopped after {took:.2} s, {begun} calls begun"));
                // The process can be measured until the next line.
                return tokio::task::spawn_blocking(hear).await.ok().map(|_| true);
            } else {
                return Some(true);
            }
        }
    })
}

/// Creates the runtime of the processes that are measured.
///
/// # Panics
/// Panics if no thread can be started.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("the threads should start")
}

//! The server of a process of its own: it prints its address, and does what the lines of its standard input say.

use std::time::{Duration, Instant};

use stubwright::ServerBuilder;

use crate::Probe;
use crate::child::{hear, say};
use crate::pb::probe::v1::add_probe_servicer_to_server;

/// Serves the probe. The line `tasks` asks for the number of live tasks, `stop SECONDS` stops with a grace, any other and the end
/// of input end the process. `None` says that something went wrong.
pub fn run(builder: ServerBuilder) -> Option<bool> {
    runtime().block_on(async {
        let (probe, mut events) = Probe::new();
        // Nobody looks at the events; they must not pile up either.
        tokio::spawn(async move { while events.recv().await.is_some() {} });
        let mut server = builder.build();
        add_probe_servicer_to_server(probe, &mut server);
        let address = server.add_insecure_port("127.0.0.1:0").await.ok()?;
        server.start().await.ok()?;
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
                say(&format!("stopped after {took:.2} s"));
            } else {
                return Some(true);
            }
        }
    })
}

/// The runtime of every process that is measured.
///
/// # Panics
/// When no thread can be started.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("threads can be started")
}

//! The server process: prints its address, stops on the line `stop SECONDS`, and says what is left.

use std::time::{Duration, Instant};

use stubwright::Server;
use stubwright_tests::Probe;
use stubwright_tests::pb::probe::v1::add_probe_servicer_to_server;

use crate::child::{hear, say};

/// Serves until it is told to stop.
pub fn run() -> Option<bool> {
    let runtime = runtime();
    runtime.block_on(async {
        let (probe, mut events) = Probe::new();
        // Nobody looks at the events; they must not pile up either.
        tokio::spawn(async move { while events.recv().await.is_some() {} });
        let mut server = Server::new();
        add_probe_servicer_to_server(probe, &mut server);
        let address = server.add_insecure_port("127.0.0.1:0").await.ok()?;
        server.start().await.ok()?;
        say(&address.to_string());
        let line = tokio::task::spawn_blocking(hear).await.ok()?;
        let grace = line
            .strip_prefix("stop ")
            .and_then(|grace| grace.parse().ok())?;
        let before = Instant::now();
        server.stop(Duration::from_secs(grace)).await;
        say(&format!(
            "stopped after {:.2} s",
            before.elapsed().as_secs_f64()
        ));
        // The next line, or the end of input, ends the process.
        tokio::task::spawn_blocking(hear).await.ok()?;
        Some(true)
    })
}

/// The runtime of every process here.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("threads can be started")
}

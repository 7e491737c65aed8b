//! Servers that are stopped and started again during calls.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use stubwright::{Channel, LoadBalancing, Server, ServiceConfig};
use stubwright_tests::pb::probe::v1::{ProbeStub, Request, add_probe_servicer_to_server};
use stubwright_tests::{Event, Probe};
use tokio::time::{Instant, interval, sleep};

/// Four attempts within about 400 ms.
const POLICY: &str = r#"{
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [{
        "name": [{}],
        "retryPolicy": {
            "maxAttempts": 4,
            "initialBackoff": "0.05s",
            "maxBackoff": "1s",
            "backoffMultiplier": 2,
            "retryableStatusCodes": ["UNAVAILABLE"]
        }
    }]
}"#;

/// A server, its address, and its number of calls.
struct Replica {
    server: Server,
    address: SocketAddr,
    taken: Arc<AtomicUsize>,
}

impl Replica {
    async fn start(address: &str) -> Replica {
        let (probe, mut events) = Probe::new();
        let taken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&taken);
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                count.fetch_add(usize::from(event == Event::Started), Ordering::Relaxed);
            }
        });
        let mut server = Server::new();
        add_probe_servicer_to_server(probe, &mut server);
        let address = server.add_insecure_port(address).await.unwrap();
        server.start().unwrap();
        Replica {
            server,
            address,
            taken,
        }
    }

    /// Starts three servers on free ports.
    async fn three() -> Vec<Replica> {
        let mut replicas = Vec::new();
        for _ in 0..3 {
            replicas.push(Replica::start("127.0.0.1:0").await);
        }
        replicas
    }

    /// Restarts the server. Waits until it has calls, so that the next one may be restarted.
    async fn restart(&mut self, grace: Duration) {
        self.server.stop(grace).await;
        *self = Replica::start(&self.address.to_string()).await;
        self.is_in_use().await;
    }

    async fn is_in_use(&self) {
        let before = self.taken.load(Ordering::Relaxed);
        while self.taken.load(Ordering::Relaxed) < before + 20 {
            sleep(Duration::from_millis(5)).await;
        }
    }
}

fn target(replicas: &[Replica]) -> String {
    let list: Vec<_> = replicas
        .iter()
        .map(|replica| replica.address.to_string())
        .collect();
    format!("ipv4:{}", list.join(","))
}

/// Maximum number of open calls. On a busy machine, more calls would only wait and exceed their deadline.
const MOST_OPEN: usize = 1_000;

/// Counts of calls that are made continuously.
#[derive(Default)]
struct Load {
    is_over: AtomicBool,
    made: AtomicUsize,
    good: AtomicUsize,
    bad: AtomicUsize,
}

impl Load {
    /// Makes `calls` calls every 10 milliseconds until told to stop. Waits for the last one.
    async fn run(self: &Arc<Self>, stub: ProbeStub, calls: usize) {
        let mut ticks = interval(Duration::from_millis(10));
        while !self.is_over.load(Ordering::Relaxed) {
            ticks.tick().await;
            let open = self.made.load(Ordering::Relaxed) - self.ended();
            for _ in 0..calls.min(MOST_OPEN.saturating_sub(open)) {
                self.made.fetch_add(1, Ordering::Relaxed);
                let (load, stub) = (Arc::clone(self), stub.clone());
                tokio::spawn(async move {
                    let called = stub
                        .unary(Request::default())
                        .timeout(Duration::from_secs(10));
                    match called.await {
                        Ok(_) => load.good.fetch_add(1, Ordering::Relaxed),
                        Err(status) => {
                            println!("{status}");
                            load.bad.fetch_add(1, Ordering::Relaxed)
                        }
                    };
                });
            }
        }
        while self.ended() < self.made.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(5)).await;
        }
    }

    fn ended(&self) -> usize {
        self.good.load(Ordering::Relaxed) + self.bad.load(Ordering::Relaxed)
    }
}

/// Restarts each of three servers, with and without a grace period, during 2,000 calls a second. No call may fail.
#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_fails_no_call() {
    let mut replicas = Replica::three().await;
    let channel = Channel::builder()
        .service_config(ServiceConfig::from_json(POLICY).unwrap())
        // The servers are back soon.
        .initial_reconnect_backoff(Duration::from_millis(50))
        .build_insecure(target(&replicas))
        .unwrap();
    channel.ready().await.unwrap();
    let load = Arc::new(Load::default());
    let began = Instant::now();
    let running = tokio::spawn({
        let (load, stub) = (Arc::clone(&load), ProbeStub::new(channel.clone()));
        async move { load.run(stub, 20).await }
    });
    for grace in [Duration::from_secs(5), Duration::ZERO] {
        for replica in &mut replicas {
            replica.is_in_use().await;
            replica.restart(grace).await;
        }
    }
    load.is_over.store(true, Ordering::Relaxed);
    let rate = load.ended() as f64 / began.elapsed().as_secs_f64();
    running.await.unwrap();
    let (good, bad) = (&load.good, &load.bad);
    println!("{good:?} calls were answered and {bad:?} failed, {rate:.0} a second");
    assert_eq!(load.bad.load(Ordering::Relaxed), 0);
}

/// Servers that shut down gracefully lose no call, without any policy. Open calls complete, and calls that they have
/// not processed go to another server.
#[tokio::test(flavor = "multi_thread")]
async fn servers_that_go_away_in_order_fail_no_call_without_a_policy() {
    let mut replicas = Replica::three().await;
    let channel = Channel::builder()
        .load_balancing(LoadBalancing::round_robin())
        .build_insecure(target(&replicas))
        .unwrap();
    channel.ready().await.unwrap();
    let load = Arc::new(Load::default());
    let running = tokio::spawn({
        let (load, stub) = (Arc::clone(&load), ProbeStub::new(channel.clone()));
        async move { load.run(stub, 20).await }
    });
    for _ in 0..2 {
        for replica in &mut replicas {
            replica.is_in_use().await;
            replica.restart(Duration::from_secs(5)).await;
        }
    }
    load.is_over.store(true, Ordering::Relaxed);
    running.await.unwrap();
    assert_eq!(load.bad.load(Ordering::Relaxed), 0);
}

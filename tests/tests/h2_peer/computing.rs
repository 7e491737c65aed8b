//! Handlers that compute on the threads that drive calls. They compute until the test lets them end, so that
//! everything in between happens during the computation.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::sleep;
use std::time::Duration;

use stubwright::{Result, Server, ServicerContext};
use stubwright_tests::pb::app::ping::v1::{
    PingReply, PingRequest, PingServiceServicer, add_ping_service_servicer_to_server,
};
use stubwright_tests::pb::squarerpc_service::{
    Message, SquareServiceServicer, add_square_service_servicer_to_server,
};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use crate::raw::{DATA, END_STREAM, PING, Raw};
use crate::wire::{framed, within};

/// A request whose handler takes long enough to be recognized as computing.
const SOME_TIME: f64 = -1.0;
/// A request whose handler waits in `block_in_place`.
const IN_PLACE: f64 = -2.0;

/// The handlers that may end.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<HashSet<u64>>, Condvar)>);

impl Gate {
    const EVERYBODY: u64 = u64::MAX;

    fn open(&self, who: u64) {
        self.0.0.lock().unwrap().insert(who);
        self.0.1.notify_all();
    }

    /// Blocks the thread until the handler may end.
    fn pass(&self, who: u64) {
        let mut open = self.0.0.lock().unwrap();
        while !open.contains(&who) && !open.contains(&Gate::EVERYBODY) {
            open = self.0.1.wait(open).unwrap();
        }
    }
}

struct Servicer {
    gate: Gate,
    begun: mpsc::UnboundedSender<u64>,
}

impl SquareServiceServicer for Servicer {
    async fn square(&self, request: Message, _context: &ServicerContext) -> Result<Message> {
        if request.message == SOME_TIME {
            sleep(Duration::from_millis(2));
            return Ok(request);
        }
        let who = request.message.abs() as u64;
        self.begun.send(who).unwrap();
        if request.message == IN_PLACE {
            tokio::task::block_in_place(|| self.gate.pass(who));
        } else {
            self.gate.pass(who);
        }
        Ok(request)
    }
}

struct Pings;

impl PingServiceServicer for Pings {
    async fn ping(&self, _request: PingRequest, _context: &ServicerContext) -> Result<PingReply> {
        Ok(PingReply::default())
    }
}

/// A server on threads of its own.
struct Scene {
    address: SocketAddr,
    gate: Gate,
    begun: mpsc::UnboundedReceiver<u64>,
    _server: Server,
    _runtime: Runtime,
}

impl Scene {
    fn new(threads: usize) -> Scene {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(threads).enable_all().build();
        let runtime = runtime.unwrap();
        let (sender, begun) = mpsc::unbounded_channel();
        let gate = Gate::default();
        let servicer = Servicer {
            gate: gate.clone(),
            begun: sender,
        };
        let mut server = Server::new();
        add_square_service_servicer_to_server(servicer, &mut server);
        add_ping_service_servicer_to_server(Pings, &mut server);
        let address = runtime.block_on(async {
            let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
            server.start().unwrap();
            address
        });
        Scene {
            address,
            gate,
            begun,
            _server: server,
            _runtime: runtime,
        }
    }

    /// Connects to a server that has recognized the handlers of `square` as computing.
    async fn connect(&self) -> Peer {
        let mut peer = Peer(Raw::new(self.address).await);
        for _ in 0..2 {
            let stream = peer.square(SOME_TIME, &[]).await;
            peer.0.answer(stream).await.assert_status(0, "");
        }
        peer
    }

    /// Waits for the next handler to start.
    async fn next(&mut self) -> u64 {
        within(self.begun.recv()).await.unwrap()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // Dropping the runtime waits for its threads.
        self.gate.open(Gate::EVERYBODY);
    }
}

struct Peer(Raw);

impl Peer {
    async fn square(&mut self, message: f64, fields: &[(&str, &str)]) -> u32 {
        let path = "/squarerpc_service.SquareService/square";
        self.begin(path, fields, &framed(&Message { message }))
            .await
    }

    async fn ping(&mut self) -> u32 {
        let body = framed(&PingRequest::default());
        self.begin("/app.ping.v1.PingService/Ping", &[], &body)
            .await
    }

    async fn begin(&mut self, path: &str, fields: &[(&str, &str)], body: &[u8]) -> u32 {
        let head = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "computing.test"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
        ];
        let stream = self.0.open(&[&head, fields].concat(), false).await;
        self.0.frame(DATA, END_STREAM, stream, body).await;
        stream
    }

    /// Starts calls 0, 1, and so on. Returns their streams.
    async fn squares(&mut self, count: u32) -> Vec<u32> {
        let mut streams = Vec::new();
        for who in 0..count {
            streams.push(self.square(who.into(), &[]).await);
        }
        streams
    }
}

/// Runs a test with a server on `threads` threads.
fn with(threads: usize, test: impl AsyncFnOnce(&mut Scene)) {
    let mut scene = Scene::new(threads);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test(&mut scene));
}

#[test]
fn row_80_an_answer_leaves_while_the_next_handler_computes() {
    for threads in [1, 2] {
        with(threads, async |scene| {
            let mut peer = scene.connect().await;
            let streams = peer.squares(6).await;
            let mut computing = Vec::new();
            for _ in 0..threads {
                computing.push(scene.next().await);
            }
            for _ in threads..streams.len() {
                let done = computing.remove(0);
                scene.gate.open(done);
                let answer = peer.0.answer(streams[done as usize]).await;
                answer.assert_status(0, "");
                computing.push(scene.next().await);
            }
        });
    }
}

#[test]
fn row_80_bytes_are_read_before_the_next_handler_computes() {
    for threads in [1, 2] {
        with(threads, async |scene| {
            let mut peer = scene.connect().await;
            let streams = peer.squares(6).await;
            let mut computing = Vec::new();
            for _ in 0..threads {
                computing.push(scene.next().await);
            }
            for round in 0..streams.len() - threads {
                let payload = [7, 7, 7, 7, 7, 7, 7, round as u8];
                peer.0.frame(PING, 0, 0, &payload).await;
                scene.gate.open(computing.remove(0));
                while peer.0.next().await.payload != payload {}
                computing.push(scene.next().await);
            }
        });
    }
}

#[test]
fn row_80_a_deadline_ends_a_call_whose_handler_has_not_begun() {
    with(1, async |scene| {
        let mut peer = scene.connect().await;
        peer.square(0.0, &[]).await;
        assert_eq!(scene.next().await, 0);
        peer.square(1.0, &[]).await;
        let late = peer.square(2.0, &[("grpc-timeout", "20m")]).await;
        peer.square(3.0, &[]).await;
        scene.gate.open(0);
        assert_eq!(
            scene.next().await,
            1,
            "the other calls should have been read with it"
        );
        // The deadline of the late call passes.
        tokio::time::sleep(Duration::from_millis(50)).await;
        scene.gate.open(1);
        assert_eq!(scene.next().await, 3, "the handler of 2 never begins");
        peer.0.answer(late).await.assert_status(4, "deadline");
    });
}

#[test]
fn row_81_other_calls_go_on_beside_a_handler_that_computes() {
    with(2, async |scene| {
        let mut peer = scene.connect().await;
        for who in 0..20_u32 {
            let long = peer.square(who.into(), &[]).await;
            assert_eq!(scene.next().await, u64::from(who));
            for _ in 0..3 {
                let stream = peer.ping().await;
                peer.0.answer(stream).await.assert_status(0, "");
            }
            scene.gate.open(who.into());
            peer.0.answer(long).await.assert_status(0, "");
        }
    });
}

#[test]
fn handlers_in_block_in_place_run_at_the_same_time() {
    for threads in [1, 2] {
        with(threads, async |scene| {
            let mut peer = scene.connect().await;
            for _ in 0..10 {
                peer.square(IN_PLACE, &[]).await;
            }
            for _ in 0..10 {
                scene.next().await;
            }
        });
    }
}

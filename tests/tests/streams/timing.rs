//! When messages go out that take long to be made.

use stubwright::{Channel, Result, Server, stream};
use stubwright_tests::pb::probe::v1::{ProbeStub, Request, probe_handler};
use tokio::time::Instant;

use crate::servicer::{Maker, STEP, Way, compute};

/// How many messages a stream has.
const MESSAGES: u32 = 30;

/// A servicer in this process, over HTTP/2 and without it.
async fn links() -> [(Maker, ProbeStub, Option<Server>); 2] {
    let (near, far) = tokio::io::duplex(64 << 10);
    let (over_http, inside) = (Maker::default(), Maker::default());
    let mut server = Server::new();
    server.add_handlers(probe_handler(over_http.clone()));
    server.add_connection(far).await.unwrap();
    server.start().await.unwrap();
    let stub = ProbeStub::new(Channel::over(near));
    // The connection is open before anything is timed.
    stub.unary(Request::default()).await.unwrap();
    let inner_stub = ProbeStub::new(Channel::in_process(probe_handler(inside.clone())));
    [(over_http, stub, Some(server)), (inside, inner_stub, None)]
}

/// Checks that messages that each take a step came one after the other. All tasks of both sides share a thread, on which a message has
/// a few turns on its way while the next ones are made.
#[track_caller]
fn assert_on_time(began: Instant, came: &[Instant]) {
    assert_eq!(came.len(), MESSAGES as usize);
    for (made, came) in (1..).zip(came) {
        let late = *came - (began + STEP * made);
        assert!(late <= STEP * 4, "message {made} came {late:?} late");
    }
}

#[tokio::test(start_paused = true)]
async fn row_55_responses_that_take_long_go_out_one_by_one() {
    for (_, stub, _server) in links().await {
        for way in [Way::SlowIterator, Way::SlowHelper] {
            let (began, stub) = (Instant::now(), stub.clone());
            // In a task: what a test waits for itself has a turn after sixty of them.
            let reader = tokio::spawn(async move {
                let mut came = Vec::new();
                let mut call = stub.server_stream(way.request(MESSAGES));
                while call.message().await.unwrap().is_some() {
                    came.push(Instant::now());
                }
                came
            });
            assert_on_time(began, &reader.await.unwrap());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn row_55_requests_that_take_long_go_out_one_by_one() {
    for (maker, stub, _server) in links().await {
        let began = Instant::now();
        let slow = std::iter::repeat_with(|| {
            compute();
            Request::default()
        });
        let call = stub.client_stream(slow.take(MESSAGES as usize));
        tokio::spawn(call.into_future()).await.unwrap().unwrap();
        assert_on_time(began, &std::mem::take(&mut *maker.came.lock().unwrap()));

        let began = Instant::now();
        let slow = stream(async |mut requests| -> Result<()> {
            for _ in 0..MESSAGES {
                compute();
                requests.send(Request::default()).await;
            }
            Ok(())
        });
        let call = stub.client_stream(slow);
        tokio::spawn(call.into_future()).await.unwrap().unwrap();
        assert_on_time(began, &std::mem::take(&mut *maker.came.lock().unwrap()));
    }
}

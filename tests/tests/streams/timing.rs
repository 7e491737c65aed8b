//! The times at which slowly made messages are sent.

use stubwright::{Channel, Result, Server, stream};
use stubwright_tests::pb::probe::v1::{ProbeStub, Request, probe_handler};
use tokio::time::Instant;

use crate::servicer::{Maker, STEP, Way, compute};

/// Number of messages in a stream.
const MESSAGES: u32 = 30;

/// Creates a servicer in this process, reached over HTTP/2 and in-process.
async fn links() -> [(Maker, ProbeStub, Option<Server>); 2] {
    let (near, far) = tokio::io::duplex(64 << 10);
    let (over_http, inside) = (Maker::default(), Maker::default());
    let mut server = Server::new();
    server.add_handlers(probe_handler(over_http.clone()));
    server.add_connection(far).unwrap();
    server.start().unwrap();
    let stub = ProbeStub::new(Channel::over(near));
    // The connection must be open before times are measured.
    stub.unary(Request::default()).await.unwrap();
    let inner_stub = ProbeStub::new(Channel::in_process(probe_handler(inside.clone())));
    [(over_http, stub, Some(server)), (inside, inner_stub, None)]
}

/// Checks that messages that take a step each arrive one by one.
///
/// All tasks of both sides share a thread, so a message has only a few turns on its way while the next ones are made.
#[track_caller]
fn assert_on_time(began: Instant, came: &[Instant]) {
    assert_eq!(came.len(), MESSAGES as usize);
    for (made, came) in (1..).zip(came) {
        let late = *came - (began + STEP * made);
        assert!(late <= STEP * 4, "message {made} came {late:?} late");
    }
}

#[tokio::test(start_paused = true)]
async fn row_55_slow_responses_are_sent_one_by_one() {
    for (_, stub, _server) in links().await {
        for way in [Way::SlowIterator, Way::SlowHelper] {
            let (began, stub) = (Instant::now(), stub.clone());
            // The reader is a task, because the future that the test itself waits for has a turn only every sixty
            // turns.
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
async fn row_55_slow_requests_are_sent_one_by_one() {
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

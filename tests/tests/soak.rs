//! Many calls of all kinds at once on one connection, of which many are dropped half-way. Every started handler must
//! end, and every call that was not dropped must have its response.

use std::time::Duration;

use futures_util::StreamExt;
use stubwright::{Channel, Server};
use stubwright_tests::pb::probe::v1::{ProbeStub, Request, add_probe_servicer_to_server};
use stubwright_tests::{Event, Probe};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

/// A linear congruential generator. Every run makes the same calls, apart from the scheduler's order.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        let multiplied = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = multiplied.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Makes a call, and drops it after `patience` messages, or after `patience` times 10 µs if it is unary.
async fn call(stub: ProbeStub, kind: u64, size: usize, count: u32, patience: usize) {
    let request = move || Request {
        payload: vec![7; size],
        count,
        ..Request::default()
    };
    let requests = (0..count).map(move |_| request());
    match kind {
        0 => {
            let response = stub.unary(request()).await.unwrap();
            assert_eq!(response.payload.len(), size);
        }
        1 => {
            let response = stub.client_stream(requests).await.unwrap();
            assert_eq!(response.index, count);
        }
        2 | 3 => {
            let mut responses = if kind == 2 {
                check(stub.server_stream(request()), size).boxed()
            } else {
                check(stub.bidi(requests), size).boxed()
            };
            let mut read = 0;
            while read < patience && responses.next().await.is_some() {
                read += 1;
            }
            if patience > count as usize {
                assert_eq!(read, count as usize);
            }
        }
        // The call is dropped while it is in progress.
        _ => {
            let call = stub.unary(request());
            let patience = Duration::from_micros(patience as u64 * 10);
            drop(tokio::time::timeout(patience, call).await);
        }
    }
}

/// Reads responses, and checks the size and the index of each.
fn check(
    call: stubwright::StreamingCall<stubwright_tests::pb::probe::v1::Response>,
    size: usize,
) -> impl StreamExt<Item = ()> + Send {
    call.enumerate().map(move |(place, response)| {
        let response = response.unwrap();
        assert_eq!(
            (response.index as usize, response.payload.len()),
            (place, size)
        );
    })
}

async fn soak(stub: ProbeStub) {
    let mut random = Random(42);
    let mut calls = JoinSet::new();
    for _ in 0..2000 {
        let kind = random.below(5);
        let size = [0, 10, 1000, 20_000][random.below(4) as usize];
        let count = random.below(20) as u32;
        let patience = random.below(40) as usize;
        calls.spawn(call(stub.clone(), kind, size, count, patience));
        if calls.len() >= 200 {
            calls.join_next().await.unwrap().unwrap();
        }
    }
    while let Some(result) = calls.join_next().await {
        result.unwrap();
    }
}

/// Waits until the servicer is dropped, which happens after its last handler.
async fn every_handler_ended(mut events: UnboundedReceiver<Event>) {
    let (mut started, mut dropped) = (0, 0);
    while let Some(event) = events.recv().await {
        match event {
            Event::Started => started += 1,
            Event::Dropped => dropped += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(started, dropped);
    // There are about 400 calls of each kind. Those that were dropped at once may not have been sent.
    assert!(started > 1000, "{started}");
}

async fn within(future: impl Future<Output = ()>) {
    let limit = Duration::from_secs(20);
    tokio::time::timeout(limit, future)
        .await
        .expect("the handlers should end within 20 seconds");
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tcp() {
    let (probe, events) = Probe::new();
    let mut server = Server::new();
    add_probe_servicer_to_server(probe, &mut server);
    let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
    server.start().unwrap();
    let stub = ProbeStub::new(Channel::insecure(address.to_string()).unwrap());
    within(soak(stub)).await;
    within(server.stop(Duration::from_secs(10))).await;
    drop(server);
    within(every_handler_ended(events)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_this_process() {
    let (probe, events) = Probe::new();
    let handlers = stubwright_tests::pb::probe::v1::probe_handler(probe);
    within(soak(ProbeStub::new(Channel::in_process(handlers)))).await;
    within(every_handler_ended(events)).await;
}

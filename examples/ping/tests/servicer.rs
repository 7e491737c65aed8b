//! Tests of the servicer without a server. The test makes a context and calls the method with it.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use ping::app::ping::v1::{
    PingRequest, PingServiceServicer, PingServiceStub, ping_service_handler,
};
use ping::{Handler, PingServicer, log_outgoing};
use stubwright::rpc::{BadRequest, RetryInfo};
use stubwright::testing::TestCall;
use stubwright::{Channel, Code};

fn request(delay: i32) -> PingRequest {
    PingRequest {
        target: "host".into(),
        delay,
    }
}

#[tokio::test]
async fn the_request_id_is_in_the_initial_metadata_and_the_peer_in_the_trailing() {
    let servicer = PingServicer::new(Handler::new(1, 0));
    let call = TestCall::builder()
        .metadata("request-id", "abc-42")
        .peer("ipv4:192.0.2.1:5000")
        .build();
    let reply = servicer.ping(request(0), call.context()).await.unwrap();
    assert_eq!(reply.msg, "host answered after 0 ms");
    let initial = call.initial_metadata().unwrap();
    assert_eq!(initial.get("request-id"), Some("abc-42"));
    let trailing = call.trailing_metadata();
    assert_eq!(trailing.get("served-to"), Some("ipv4:192.0.2.1:5000"));
}

#[tokio::test]
async fn the_error_for_a_negative_delay_names_the_field() {
    let servicer = PingServicer::new(Handler::new(1, 0));
    let call = TestCall::new();
    let error = servicer
        .ping(request(-1), call.context())
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    let wrong: BadRequest = error.error_detail().unwrap();
    assert_eq!(wrong.field_violations[0].field, "delay");
}

#[tokio::test]
async fn a_ping_over_the_limit_is_refused_and_a_dropped_call_frees_its_place() {
    let servicer = PingServicer::new(Handler::new(1, 1));
    let calls = [(); 3].map(|()| TestCall::new());
    let mut waker = Context::from_waker(Waker::noop());
    {
        let mut running = pin!(servicer.ping(request(60_000), calls[0].context()));
        let mut waiting = pin!(servicer.ping(request(60_000), calls[1].context()));
        assert!(running.as_mut().poll(&mut waker).is_pending());
        assert!(waiting.as_mut().poll(&mut waker).is_pending());
        let mut third = pin!(servicer.ping(request(0), calls[2].context()));
        let Poll::Ready(Err(error)) = third.as_mut().poll(&mut waker) else {
            panic!("there was a place for a third call");
        };
        assert_eq!(error.code(), Code::ResourceExhausted);
        assert!(error.error_detail::<RetryInfo>().is_some());
        // A server drops the future of a cancelled call. Here the test does.
    }
    let call = TestCall::new();
    servicer.ping(request(0), call.context()).await.unwrap();
}

/// Tests the servicer through a stub in-process, which leaves out only the network.
#[tokio::test]
async fn a_stub_calls_it_in_this_process() {
    let servicer = PingServicer::new(Handler::new(1, 0));
    let stub = PingServiceStub::new(Channel::in_process(ping_service_handler(servicer)));
    let call = stub.ping(request(60_000));
    let error = call.timeout(std::time::Duration::from_millis(20)).await;
    assert_eq!(error.unwrap_err().code(), Code::DeadlineExceeded);
    assert!(stub.ping(request(0)).await.unwrap().ok);
}

#[tokio::test]
async fn outgoing_calls_without_an_id_get_one() {
    let servicer = PingServicer::new(Handler::new(1, 0));
    let channel = Channel::in_process(ping_service_handler(servicer));
    let stub = PingServiceStub::new(channel.with_interceptor(log_outgoing));
    let (_, call) = stub.ping(request(0)).with_call().await.unwrap();
    let id = call.initial_metadata.get("request-id").unwrap();
    assert!(id.starts_with("call-"), "{id}");
    let call = stub.ping(request(0)).metadata("request-id", "mine");
    let (_, call) = call.with_call().await.unwrap();
    assert_eq!(call.initial_metadata.get("request-id"), Some("mine"));
}

//! Tests of the functions in `calls` with a mock of the service.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use square::calls;
use square::squarerpc_service::{Message, SquareServiceBlockingStub, SquareServiceStub};
use stubwright::testing::Mock;
use stubwright::{Code, RequestStream, Status, stream};

fn message(message: f64) -> Message {
    Message { message }
}

#[tokio::test]
async fn a_number_is_sent_and_its_square_returned() {
    let stub = Mock::of(SquareServiceStub::new)
        .unary_unary(SquareServiceStub::square, |request, context| async move {
            assert_eq!(context.method(), "/squarerpc_service.SquareService/square");
            assert_eq!(request, message(4.0));
            Ok(message(17.0))
        })
        .stub();
    assert_eq!(calls::square(&stub, 4.0).await.unwrap(), 17.0);
    // Methods without an answer are unimplemented.
    let status = calls::range_square(&stub, 1.0).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(status.message().contains("rangeSquare"), "{status}");
}

#[tokio::test]
async fn a_failed_stream_is_an_error() {
    let stub = Mock::of(SquareServiceStub::new)
        .unary_stream(SquareServiceStub::range_square, |request, _| {
            stream(async move |mut responses| {
                responses.send(request).await;
                Err(Status::unavailable("the server goes"))
            })
        })
        .stub();
    let status = calls::range_square(&stub, 12.0).await.unwrap_err();
    assert_eq!(status.message(), "the server goes");
}

#[tokio::test]
async fn all_numbers_are_sent() {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&sent);
    let stub = Mock::of(SquareServiceStub::new)
        .stream_unary(
            SquareServiceStub::sum_square,
            move |mut requests: RequestStream<Message>, _| {
                let seen = Arc::clone(&seen);
                async move {
                    while let Some(request) = requests.message().await? {
                        seen.lock().unwrap().push(request.message);
                    }
                    Ok(message(5.0))
                }
            },
        )
        .stub();
    assert_eq!(calls::sum_square(&stub, 1..4).await.unwrap(), 5.0);
    assert_eq!(*sent.lock().unwrap(), [1.0, 2.0, 3.0]);
}

#[tokio::test]
async fn a_server_that_ends_early_ends_the_conversation() {
    let stub = Mock::of(SquareServiceStub::new)
        .stream_stream(SquareServiceStub::streamrange_square, |requests, _| {
            stream(async move |mut responses| {
                let mut requests = requests;
                if let Some(request) = requests.message().await? {
                    responses.send(request).await;
                }
                Err(Status::aborted("enough"))
            })
        })
        .stub();
    let patience = Duration::from_secs(20);
    let call = calls::streamrange_square_in_turn(&stub, 0..12, patience);
    assert_eq!(call.await.unwrap_err().message(), "enough");
}

#[test]
fn a_blocking_stub_is_answered_too() {
    let channel = Mock::of(SquareServiceStub::new)
        .unary_unary(SquareServiceStub::square, async |request, _| Ok(request))
        .channel();
    let stub = SquareServiceBlockingStub::new(channel);
    assert_eq!(stub.square(message(3.0)).wait().unwrap(), message(3.0));
}

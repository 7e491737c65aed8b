//! Calls that are cancelled from elsewhere.

use futures_util::{StreamExt, stream};
use stubwright::{CancelHandle, ClientCall, Code, Status, StreamingCall, sending};
use stubwright_tests::Event;
use stubwright_tests::pb::probe::v1::{Action, ProbeStub, Request, Response};

use crate::transports::{Link, over_every_transport, within};

over_every_transport!(
    calls_of_all_kinds_are_cancelled_while_they_are_awaited,
    a_call_with_interceptors_is_cancelled_and_drops_them,
    a_call_that_is_cancelled_before_its_start_is_never_made,
    a_call_that_has_ended_stays_as_it_is,
    a_sender_learns_that_its_call_was_cancelled,
);

fn hanging() -> Request {
    Request {
        action: Action::Hang.into(),
        ..Request::default()
    }
}

/// Cancels a call once its handler runs; returns what the call has ended with.
async fn cancelled<T: std::fmt::Debug>(
    link: &mut Link,
    handle: CancelHandle,
    call: impl Future<Output = Result<T, Status>>,
) -> Status {
    let cancelling = async {
        assert_eq!(link.event().await, Event::Started);
        handle.clone().cancel();
        handle.cancel();
    };
    let (ended, ()) = within(async { tokio::join!(call, cancelling) }).await;
    assert_eq!(link.event().await, Event::Dropped);
    ended.unwrap_err()
}

/// Reads a stream to its end, which is an error or not.
async fn drain(call: &mut StreamingCall<Response>) -> Result<(), Status> {
    while call.message().await?.is_some() {}
    Ok(())
}

/// Cancels a call of each kind while it is awaited.
async fn cancel_each_kind(link: &mut Link, stub: &ProbeStub) {
    let requests = || stream::iter([hanging()]).chain(stream::pending());
    let mut unary = stub.unary(hanging());
    let mut client_stream = stub.client_stream(requests());
    let mut server_stream = stub.server_stream(hanging());
    let mut bidi = stub.bidi(requests());

    let handle = unary.cancel_handle();
    let ended = cancelled(link, handle, &mut unary).await;
    assert_eq!(ended.code(), Code::Cancelled);
    assert_eq!(unary.end().unwrap().code(), Code::Cancelled);

    let handle = client_stream.cancel_handle();
    let ended = cancelled(link, handle, &mut client_stream).await;
    assert_eq!(ended.code(), Code::Cancelled);
    assert_eq!(client_stream.end().unwrap().code(), Code::Cancelled);

    for call in [&mut server_stream, &mut bidi] {
        let handle = call.cancel_handle();
        let ended = cancelled(link, handle, drain(call)).await;
        assert_eq!(ended.code(), Code::Cancelled);
        assert_eq!(call.end().unwrap().code(), Code::Cancelled);
        assert!(call.message().await.unwrap().is_none());
    }
}

async fn calls_of_all_kinds_are_cancelled_while_they_are_awaited(mut link: Link) {
    let stub = link.stub.clone();
    cancel_each_kind(&mut link, &stub).await;
}

async fn a_call_with_interceptors_is_cancelled_and_drops_them(mut link: Link) {
    // It would make the call again.
    let persistent = async |mut call: ClientCall| {
        while call.proceed().await.code() == Code::Cancelled {}
        Err(Status::data_loss(
            "the interceptor should have been dropped",
        ))
    };
    let stub = ProbeStub::new(link.channel.with_interceptor(persistent));
    cancel_each_kind(&mut link, &stub).await;
}

async fn a_call_that_is_cancelled_before_its_start_is_never_made(mut link: Link) {
    let intercepted = async |mut call: ClientCall| call.proceed().await.result;
    let intercepted = ProbeStub::new(link.channel.with_interceptor(intercepted));
    for stub in [link.stub.clone(), intercepted] {
        let mut unary = stub.unary(hanging());
        unary.cancel_handle().cancel();
        let ended = within(&mut unary).await.unwrap_err();
        assert_eq!(ended.code(), Code::Cancelled);
        assert_eq!(unary.end().unwrap().code(), Code::Cancelled);

        let mut streaming = stub.bidi(stream::pending::<Request>());
        streaming.cancel_handle().cancel();
        let ended = within(streaming.message()).await.unwrap_err();
        assert_eq!(ended.code(), Code::Cancelled);

        let mut streaming = stub.server_stream(hanging());
        streaming.cancel();
        assert_eq!(streaming.code(), Some(Code::Cancelled));
        let ended = within(streaming.message()).await.unwrap_err();
        assert_eq!(ended.code(), Code::Cancelled);
    }
    link.stub.unary(Request::default()).await.unwrap();
    // One call came to the handler.
    assert_eq!(link.event().await, Event::Started);
    assert_eq!(link.event().await, Event::Dropped);
    assert!(link.events.try_recv().is_err());
}

async fn a_call_that_has_ended_stays_as_it_is(link: Link) {
    let mut call = link.stub.unary(Request::default());
    (&mut call).await.unwrap();
    call.cancel_handle().cancel();
    assert_eq!(call.end().unwrap().code(), Code::Ok);
}

async fn a_sender_learns_that_its_call_was_cancelled(link: Link) {
    let (requests, mut call) = sending(|requests| link.stub.client_stream(requests));
    requests.send(hanging()).await.unwrap();
    call.cancel_handle().cancel();
    let learned = loop {
        if let Err(status) = within(requests.send(Request::default())).await {
            break status;
        }
    };
    assert_eq!(learned.code(), Code::Cancelled);
    assert_eq!(call.await.unwrap_err().code(), Code::Cancelled);
}

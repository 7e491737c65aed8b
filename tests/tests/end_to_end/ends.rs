//! The end of a call, one value that is available for every call.

use bytes::Bytes;
use futures_util::stream;
use stubwright::{CallEnd, ClientCall, Code, Raw, Status, StreamingCall, sending};
use stubwright_tests::pb::probe::v1::{Action, ProbeStub, Request, Response};
use tokio::sync::mpsc;

use crate::transports::{Link, over_every_transport, within};

over_every_transport!(
    row_56_the_initial_metadata_of_a_failed_call,
    row_56_the_initial_metadata_of_a_failed_call_with_interceptors,
    row_56_the_initial_metadata_of_a_call_that_nobody_reads,
    row_56_the_initial_metadata_of_a_cancelled_call,
    the_end_of_a_call_that_went_well,
    the_end_of_a_call_that_could_not_begin,
);

fn acting(action: Action) -> Request {
    Request {
        action: action.into(),
        code: Code::Aborted.number() as i32,
        message: "as asked".into(),
        count: 1,
        ..Request::default()
    }
}

/// Reads a stream to its end. Returns its error, if any.
async fn drain(call: &mut StreamingCall<Response>) -> Result<(), Status> {
    while call.message().await?.is_some() {}
    Ok(())
}

/// Makes one call of each kind. Returns their ends, taken after their errors have been dropped.
async fn ends(stub: &ProbeStub, request: &Request) -> [CallEnd; 4] {
    let requests = || stream::iter([request.clone()]);
    let mut unary = stub.unary(request.clone()).metadata("initial-a", "1");
    let mut client_stream = stub.client_stream(requests()).metadata("initial-a", "1");
    for call in [&mut unary, &mut client_stream] {
        assert!(call.end().is_none());
        drop(call.await);
    }
    let mut server_stream = stub
        .server_stream(request.clone())
        .metadata("initial-a", "1");
    let mut bidi = stub.bidi(requests()).metadata("initial-a", "1");
    for call in [&mut server_stream, &mut bidi] {
        assert!(call.end().is_none());
        drop(drain(call).await);
    }
    [
        unary.end(),
        client_stream.end(),
        server_stream.end(),
        bidi.end(),
    ]
    .map(Option::unwrap)
}

#[track_caller]
fn assert_failed(call: &CallEnd) {
    assert_eq!((call.code(), call.details()), (Code::Aborted, "as asked"));
    assert_eq!(call.result.as_ref().unwrap_err().details()[..], [8, 5]);
    assert_eq!(call.initial_metadata.get("initial-a"), Some("1"));
}

async fn row_56_the_initial_metadata_of_a_failed_call(link: Link) {
    for call in ends(&link.stub, &acting(Action::Fail)).await {
        assert_failed(&call);
    }
}

/// Creates a stub with an interceptor that reports the ends of calls, and the initial metadata that it has observed.
fn told(link: &Link) -> (ProbeStub, mpsc::UnboundedReceiver<CallEnd>) {
    let (ends, receiver) = mpsc::unbounded_channel();
    let interceptor = move |mut call: ClientCall| {
        let ends = ends.clone();
        call.on_initial_metadata(|metadata| metadata.append("seen", "yes").unwrap());
        async move {
            let end = call.proceed().await;
            ends.send(end.clone()).unwrap();
            end.result
        }
    };
    let stub = ProbeStub::new(link.channel.with_interceptor(interceptor));
    (stub, receiver)
}

#[track_caller]
fn assert_told(end: &CallEnd) {
    assert_eq!(end.code(), Code::Aborted);
    for key in ["initial-a", "seen"] {
        assert!(end.initial_metadata.contains_key(key), "{end:?}");
    }
}

async fn row_56_the_initial_metadata_of_a_failed_call_with_interceptors(link: Link) {
    let (stub, mut told) = told(&link);
    for call in ends(&stub, &acting(Action::Fail)).await {
        assert_failed(&call);
        assert_eq!(call.initial_metadata.get("seen"), Some("yes"));
        assert_told(&told.try_recv().unwrap());
    }
}

/// The interceptors of a call with a request sender see its end even if its caller has not read anything.
async fn row_56_the_initial_metadata_of_a_call_that_nobody_reads(link: Link) {
    let (stub, mut told) = told(&link);
    let (requests, mut call) =
        sending(|requests| stub.client_stream(requests).metadata("initial-a", "1"));
    while requests.send(acting(Action::Fail)).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert_told(&within(told.recv()).await.unwrap());
    drop((&mut call).await);
    assert_failed(&call.end().unwrap());

    let (requests, mut call) = sending(|requests| {
        let requests = stub.bidi(requests);
        requests.metadata("initial-a", "1")
    });
    while requests.send(acting(Action::Fail)).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let initial = call.initial_metadata().await.unwrap();
    assert_eq!(initial.get("initial-a"), Some("1"));
    drop(drain(&mut call).await);
    assert_failed(&call.end().unwrap());
    assert_told(&within(told.recv()).await.unwrap());
}

async fn row_56_the_initial_metadata_of_a_cancelled_call(link: Link) {
    for stub in [link.stub.clone(), told(&link).0] {
        let call = stub.server_stream(acting(Action::Hang));
        let mut call = call.metadata("initial-a", "1");
        assert!(call.message().await.unwrap().is_some());
        call.cancel();
        let end = call.end().unwrap();
        assert_eq!(end.code(), Code::Cancelled);
        assert_eq!(end.initial_metadata.get("initial-a"), Some("1"));
        assert!(end.trailing_metadata.is_empty());
    }
}

async fn the_end_of_a_call_that_went_well(link: Link) {
    for call in ends(&link.stub, &acting(Action::End)).await {
        assert_eq!((call.code(), call.details()), (Code::Ok, ""));
        assert_eq!(call.initial_metadata.get("initial-a"), Some("1"));
        call.result.unwrap();
    }
}

async fn the_end_of_a_call_that_could_not_begin(link: Link) {
    let call = link.channel.unary_unary("no name", Raw, Bytes::new());
    let mut call: stubwright::UnaryCall<Bytes, Bytes> = call;
    drop((&mut call).await);
    let end = call.end().unwrap();
    assert_eq!(end.code(), Code::InvalidArgument);
    assert!(end.initial_metadata.is_empty());
}

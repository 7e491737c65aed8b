//! The futures and streams of generated code and of the runtime are `Send`, and calls are `Sync`. The test is that this file compiles.

use std::cell::Cell;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use stubwright::{
    Channel, EncodedMessage, Received, RequestStream, Result, ServicerContext, Stream,
    StreamingCall, blocking, sending,
};
use stubwright_tests::pb::squarerpc_service::{
    Message, SquareServiceServicer, SquareServiceStub, square_service_handler,
};

use self::forms::probe::v1::{ProbeServicer, Request, RequestView, probe_handler};

/// A service whose methods take views and received requests, and return encoded responses.
#[allow(dead_code)]
mod forms {
    stubwright::include_protos!("forms/stubwright");
}

fn assert_send<T: Send>(_: &T) {}

fn assert_sync<T: Send + Sync>(_: &T) {}

fn assert_send_sync<T: Send + Sync>() {}

struct Squares;

impl SquareServiceServicer for Squares {
    fn range_square(
        &self,
        request: Message,
        context: &ServicerContext,
    ) -> impl Stream<Item = Result<Message>> + Send {
        let squares = stubwright::stream(async move |mut responses| {
            while context.is_active() {
                responses.send(request).await;
            }
            Ok(())
        });
        assert_send(&squares);
        squares
    }
}

/// Checks the return values of a servicer's methods, for any servicer.
fn assert_servicer_is_send<S: SquareServiceServicer>(
    servicer: &S,
    requests: fn() -> RequestStream<Message>,
    context: &ServicerContext,
) {
    assert_send(servicer);
    assert_send(&servicer.square(Message::default(), context));
    assert_send(&servicer.range_square(Message::default(), context));
    assert_send(&servicer.sum_square(requests(), context));
    assert_send(&servicer.streamrange_square(requests(), context));
    assert_send(&context.cancelled());
    let mut stream = requests();
    assert_send(&stream);
    assert_send(&stream.message());
}

/// The same for a servicer that borrows its requests.
fn assert_borrowing_servicer_is_send<S: ProbeServicer>(
    servicer: &S,
    request: fn() -> RequestView<'static>,
    requests: fn() -> RequestStream<Received<Request>>,
    context: &ServicerContext,
) {
    assert_send(&servicer.unary(request(), context));
    assert_send(&servicer.server_stream(request(), context));
    assert_send(&servicer.client_stream(requests(), context));
    assert_send(&servicer.bidi(requests(), context));
    assert_send(&requests().message());
}

struct Borrowing;

impl ProbeServicer for Borrowing {}

#[test]
fn views_and_encoded_messages() {
    let _: fn(&Borrowing, _, _, &ServicerContext) = assert_borrowing_servicer_is_send;
    assert_send(&probe_handler(Borrowing));
    assert_send_sync::<RequestView<'_>>();
    assert_send_sync::<Received<Request>>();
    assert_send_sync::<EncodedMessage<Request>>();
}

#[test]
fn arguments_and_return_values_of_servicers() {
    // It is only compiled, because there is no request stream without a call.
    let _: fn(&Squares, _, &ServicerContext) = assert_servicer_is_send;
    assert_send_sync::<ServicerContext>();
    assert_send_sync::<stubwright::Sender<Message>>();
    assert_send_sync::<stubwright::Server>();
    assert_send_sync::<stubwright::Status>();
    assert_send_sync::<stubwright::Metadata>();
    assert_send(&square_service_handler(Squares));
}

#[tokio::test]
async fn return_values_of_stubs() {
    let channel = Channel::in_process(square_service_handler(Squares));
    assert_send_sync::<Channel>();
    assert_send_sync::<SquareServiceStub>();
    assert_send_sync::<stubwright::CallEnd>();
    assert_send_sync::<stubwright::CancelHandle>();
    let stub = SquareServiceStub::new(channel);
    let message = Message::default;

    assert_sync(&stub.square(message()));
    assert_sync(&stub.square(message()).with_call());
    let call = stub.square(message()).timeout(Duration::from_secs(1));
    assert_sync(&call.metadata("k", "v").authority("host"));

    let mut call: StreamingCall<Message> = stub.range_square(message());
    assert_sync(&call);
    assert_sync(&call.message());
    assert_sync(&call.initial_metadata());

    assert_sync(&stub.sum_square([message()]));
    assert_sync(&stub.sum_square([message()]).with_call());
    assert_sync(&stub.sum_square(stream::iter([message()])));

    let mut call: StreamingCall<Message> = stub.streamrange_square([message()]);
    assert_sync(&call);
    assert_sync(&call.message());
    assert_sync(&stub.streamrange_square(stream::iter([message()])));

    let (sender, call) = sending(|requests| stub.sum_square(requests));
    assert_send_sync::<stubwright::RequestSender<Message>>();
    assert_sync(&sender.send(message()));
    assert_sync(&sender.clone());
    assert_sync(&call);
    assert_sync(&blocking::UnaryCall::from(call));
    let call = stub.range_square(message());
    assert_sync(&blocking::StreamingCall::from(call));
}

/// Calls are `Sync` although their streams of requests are not.
#[tokio::test]
async fn the_requests_of_a_call_need_not_be_sync() {
    let channel = Channel::in_process(square_service_handler(Squares));
    let stub = SquareServiceStub::new(channel);
    let requests = || {
        let count = Cell::new(0);
        stream::iter([Message::default()]).map(move |message| {
            count.set(count.get() + 1);
            message
        })
    };
    assert_send(&requests());
    assert_sync(&stub.sum_square(requests()));
    assert_sync(&stub.streamrange_square(requests()));
}

/// A call may move between tasks at any time.
#[tokio::test(flavor = "multi_thread")]
async fn calls_move_to_other_tasks() {
    let channel = Channel::in_process(square_service_handler(Squares));
    let stub = SquareServiceStub::new(channel);
    let mut call = stub.range_square(Message { message: 2.0 });
    let first = call.message().await.unwrap();
    let second = tokio::spawn(async move { call.message().await });
    assert_eq!(second.await.unwrap().unwrap(), first);
    let unary = tokio::spawn(stub.square(Message::default()).into_future());
    assert!(unary.await.unwrap().is_err());
}

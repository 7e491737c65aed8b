//! Every future and stream of generated code and of the runtime is `Send`. This test only has to compile.

use std::time::Duration;

use stubwright::{
    Channel, RequestStream, Result, ServicerContext, Stream, blocking, sending, stream,
};
use stubwright_tests::pb::squarerpc_service::{
    Message, SquareServiceServicer, SquareServiceStub, square_service_handler,
};

fn assert_send<T: Send>(_: &T) {}

fn assert_send_sync<T: Send + Sync>() {}

struct Squares;

impl SquareServiceServicer for Squares {
    fn range_square(
        &self,
        request: Message,
        context: &ServicerContext,
    ) -> impl Stream<Item = Result<Message>> + Send {
        let squares = stream(async move |mut responses| {
            while context.is_active() {
                responses.send(request).await;
            }
            Ok(())
        });
        assert_send(&squares);
        squares
    }
}

/// Asserts that the futures and streams of any servicer's methods are `Send`.
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

#[test]
fn futures_and_streams_of_servicers_are_send() {
    // This is only compiled, because there is no request stream without a call.
    let _: fn(&Squares, _, &ServicerContext) = assert_servicer_is_send;
    assert_send_sync::<ServicerContext>();
    assert_send_sync::<stubwright::Sender<Message>>();
    assert_send_sync::<stubwright::Server>();
    assert_send_sync::<stubwright::Status>();
    assert_send_sync::<stubwright::Metadata>();
    assert_send(&square_service_handler(Squares));
}

#[tokio::test]
async fn what_stubs_return() {
    let channel = Channel::in_process(square_service_handler(Squares));
    assert_send_sync::<Channel>();
    assert_send_sync::<SquareServiceStub>();
    assert_send_sync::<stubwright::Call>();
    let stub = SquareServiceStub::new(channel);
    let message = Message::default;

    assert_send(&stub.square(message()));
    assert_send(&stub.square(message()).with_call());
    let call = stub.square(message()).timeout(Duration::from_secs(1));
    assert_send(&call.metadata("k", "v").authority("host"));

    let mut call = stub.range_square(message());
    assert_send(&call);
    assert_send(&call.message());
    assert_send(&call.initial_metadata());

    assert_send(&stub.sum_square([message()]));
    assert_send(&stub.sum_square([message()]).with_call());
    assert_send(&stub.sum_square(futures_util::stream::iter([message()])));

    let mut call = stub.streamrange_square([message()]);
    assert_send(&call);
    assert_send(&call.message());
    assert_send(&stub.streamrange_square(futures_util::stream::iter([message()])));

    let (mut sender, call) = sending(|requests| stub.sum_square(requests));
    assert_send_sync::<stubwright::RequestSender<Message>>();
    assert_send(&sender.send(message()));
    assert_send(&call);
    assert_send(&blocking::UnaryCall::from(call));
    let call = stub.range_square(message());
    assert_send(&blocking::StreamingCall::from(call));
    assert_send_sync::<blocking::Canceller>();
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

//! Back-pressure: a reader that stops holds its writer back, in every direction. The data between them is bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt;
use stubwright::{Channel, InlinePolling, RequestStream, Result, Server, ServicerContext, Stream};
use stubwright_tests::pb::probe::v1::{ProbeServicer, ProbeStub, Request, Response, probe_handler};

use tokio::sync::mpsc;

use crate::caller::Caller;
use crate::listener::Listener;
use crate::wire::{framed, within};

const MESSAGE: usize = 1 << 10;

/// Maximum number of messages between a writer and a reader that has stopped: windows of a few hundred KiB on our
/// side and 64 KiB on the other, and buffers.
const BOUND: usize = (2 << 20) / MESSAGE;

/// A servicer that counts the responses that it has made, and reads no requests.
#[derive(Clone, Default)]
struct Endless(Arc<AtomicUsize>);

impl ProbeServicer for Endless {
    async fn unary(&self, _request: Request, _context: &ServicerContext) -> Result<Response> {
        Ok(Response::default())
    }

    fn server_stream(
        &self,
        _request: Request,
        _context: &ServicerContext,
    ) -> impl Stream<Item = Result<Response>> + Send {
        futures_util::stream::repeat_with(|| {
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(Response {
                payload: vec![7; MESSAGE],
                index: 0,
            })
        })
    }

    async fn client_stream(
        &self,
        requests: RequestStream<Request>,
        context: &ServicerContext,
    ) -> Result<Response> {
        context.send_initial_metadata(stubwright::Metadata::new())?;
        let _unread = requests;
        std::future::pending().await
    }
}

impl Endless {
    async fn serve(&self) -> (Server, std::net::SocketAddr) {
        let mut server = Server::new();
        server.add_handlers(probe_handler(self.clone()));
        let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
        server.start().unwrap();
        (server, address)
    }

    /// Checks that the handler was held back, after other calls have had their time.
    async fn assert_held_back(&self, stub: &ProbeStub) {
        for _ in 0..200 {
            within(stub.unary(Request::default())).await.unwrap();
        }
        let made = self.0.load(Ordering::SeqCst);
        assert!((1..BOUND).contains(&made), "{made} responses");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_stops_to_read_holds_the_handler_back() {
    let endless = Endless::default();
    let (_server, address) = endless.serve().await;
    let stub = ProbeStub::new(Channel::insecure(address.to_string()).unwrap());
    let mut call = stub.server_stream(Request::default());
    within(call.message()).await.unwrap().unwrap();
    endless.assert_held_back(&stub).await;
    // The handler goes on when the client reads again.
    for _ in 0..2 * BOUND {
        within(call.message()).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_caller_in_this_process_that_stops_to_read_holds_the_handler_back() {
    let endless = Endless::default();
    let stub = ProbeStub::new(Channel::in_process(probe_handler(endless.clone())));
    let mut call = stub.server_stream(Request::default());
    within(call.message()).await.unwrap().unwrap();
    endless.assert_held_back(&stub).await;
    for _ in 0..2 * BOUND {
        within(call.message()).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_gives_no_window_holds_the_handler_back() {
    let endless = Endless::default();
    let (_server, address) = endless.serve().await;
    let mut caller = Caller::new(address).await;
    let (answered, mut requests) = caller.open("ServerStream", &[]).await;
    let request = framed(&Request::default());
    requests.send_data(request.into(), true).unwrap();
    let mut body = within(answered).await.unwrap().into_body();
    within(body.data()).await.unwrap().unwrap();
    let stub = ProbeStub::new(Channel::insecure(address.to_string()).unwrap());
    endless.assert_held_back(&stub).await;
}

/// Returns an iterator of requests that counts how many were taken.
fn counted(count: &Arc<AtomicUsize>) -> impl Iterator<Item = Request> + Send + use<> {
    let count = Arc::clone(count);
    std::iter::repeat_with(move || {
        count.fetch_add(1, Ordering::SeqCst);
        Request {
            payload: vec![7; MESSAGE],
            ..Request::default()
        }
    })
}

async fn assert_requests_held_back(stub: ProbeStub) {
    let count = Arc::new(AtomicUsize::new(0));
    let call = tokio::spawn(stub.client_stream(counted(&count)).into_future());
    for _ in 0..200 {
        within(stub.unary(Request::default())).await.unwrap();
        // Sending in-process never waits.
        tokio::task::yield_now().await;
    }
    assert!(!call.is_finished());
    let made = count.load(Ordering::SeqCst);
    assert!((1..BOUND).contains(&made), "{made} requests");
    call.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_servicer_that_does_not_read_holds_the_caller_back() {
    let (_server, address) = Endless::default().serve().await;
    let channel = Channel::insecure(address.to_string()).unwrap();
    assert_requests_held_back(ProbeStub::new(channel)).await;
}

#[tokio::test]
async fn a_servicer_in_this_process_that_does_not_read_holds_the_caller_back() {
    let channel = Channel::in_process(probe_handler(Endless::default()));
    assert_requests_held_back(ProbeStub::new(channel)).await;
}

/// The peer's window is 64 KiB, and is never opened again.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_gives_no_window_holds_the_caller_back() {
    let listener = Listener::new().await;
    let stub = ProbeStub::new(Channel::insecure(listener.address.to_string()).unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let call = tokio::spawn(stub.client_stream(counted(&count)).into_future());
    let mut connection = within(listener.accept()).await;
    let mut unread = within(connection.call()).await;
    within(unread.request.body_mut().data())
        .await
        .unwrap()
        .unwrap();
    for _ in 0..50 {
        let other = tokio::spawn(stub.unary(Request::default()).into_future());
        let mut seen = within(connection.call()).await;
        seen.answer(framed(&Response::default()), "0");
        within(other).await.unwrap().unwrap();
    }
    let made = count.load(Ordering::SeqCst);
    assert!((64..BOUND).contains(&made), "{made} requests");
    call.abort();
}

/// The server floods. Data that the application has not asked for stays with the server.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_gives_no_window() {
    let listener = Listener::new().await;
    let stub = ProbeStub::new(Channel::insecure(listener.address.to_string()).unwrap());
    let reader = tokio::spawn(async move {
        let mut call = stub.server_stream(Request::default());
        let first = call.next().await;
        (call, first)
    });
    let mut connection = within(listener.accept()).await;
    let mut seen = within(connection.call()).await;
    let head = crate::listener::grpc_head(200, &[]);
    let mut stream = seen.respond.send_response(head, false).unwrap();
    let message = framed(&Response {
        payload: vec![7; MESSAGE],
        index: 0,
    });
    stream.send_data(message.clone().into(), false).unwrap();
    let (_call, first) = within(reader).await.unwrap();
    first.unwrap().unwrap();
    // All that the window allows. A slow machine may see less of it here, never more.
    let mut sent = 0;
    stream.reserve_capacity(64 << 20);
    let exhausted = async {
        loop {
            let capacity = std::future::poll_fn(|context| stream.poll_capacity(context));
            let capacity = tokio::time::timeout(std::time::Duration::from_millis(200), capacity);
            let Ok(capacity) = capacity.await else { break };
            let capacity = capacity.unwrap().unwrap();
            sent += capacity;
            stream.send_data(vec![0; capacity].into(), false).unwrap();
            stream.reserve_capacity(64 << 20);
        }
    };
    within(exhausted).await;
    assert!((60 << 10..BOUND * MESSAGE).contains(&sent), "{sent} bytes");
}

/// A servicer with a stream that is always ready. Its first poll lasts until the call has been cancelled.
struct Busy {
    polled: mpsc::UnboundedSender<()>,
    made: Arc<AtomicUsize>,
}

/// More messages than the stream can produce before it is dropped, and less than infinitely many.
const FOR_EVER: usize = 1_000_000;

impl ProbeServicer for Busy {
    fn server_stream(
        &self,
        _request: Request,
        context: &ServicerContext,
    ) -> impl Stream<Item = Result<Response>> + Send {
        let dropped = self.polled.clone();
        futures_util::stream::repeat_with(move || {
            if self.made.fetch_add(1, Ordering::SeqCst) == 0 {
                let _ = dropped.send(());
            }
            while context.is_active() {
                std::thread::yield_now();
            }
            assert!(self.made.load(Ordering::SeqCst) < FOR_EVER, "still asked");
            Ok(Response::default())
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_stream_that_is_always_ready_is_dropped_when_its_call_is_over() {
    let (polled, mut events) = mpsc::unbounded_channel();
    let made = Arc::new(AtomicUsize::new(0));
    let mut server = Server::builder()
        .inline_polling(InlinePolling::Never)
        .build();
    server.add_handlers(probe_handler(Busy {
        polled,
        made: Arc::clone(&made),
    }));
    let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
    server.start().unwrap();
    let stub = ProbeStub::new(Channel::insecure(address.to_string()).unwrap());
    let mut call = stub.server_stream(Request::default());
    let call = tokio::spawn(async move { call.message().await });
    within(events.recv()).await.unwrap();
    call.abort();
    within(server.stop(std::time::Duration::from_secs(10))).await;
    drop(server);
    // The servicer and its stream are dropped.
    assert_eq!(within(events.recv()).await, None);
    let made = made.load(Ordering::SeqCst);
    assert!(made < FOR_EVER, "{made} responses");
}

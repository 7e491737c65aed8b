//! Many calls on one connection whose messages are not read. The other calls must go on.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use stubwright::{
    Channel, InlinePolling, RequestStream, Result, Server, ServicerContext, Stream, StreamingCall,
};
use stubwright_tests::pb::probe::v1::{ProbeServicer, ProbeStub, Request, Response, probe_handler};

use crate::wire::within;

/// Size of a message that fits into a stream's initial window.
const MESSAGE: usize = 64_000;

/// Sends endless responses, and does not read requests.
#[derive(Clone, Default)]
struct Unread {
    /// Number of streams of requests.
    uploads: Arc<AtomicUsize>,
}

impl ProbeServicer for Unread {
    async fn unary(&self, request: Request, _context: &ServicerContext) -> Result<Response> {
        Ok(Response {
            payload: request.payload,
            ..Response::default()
        })
    }

    fn server_stream(
        &self,
        _request: Request,
        _context: &ServicerContext,
    ) -> impl Stream<Item = Result<Response>> + Send {
        futures_util::stream::repeat_with(|| {
            Ok(Response {
                payload: vec![7; MESSAGE],
                ..Response::default()
            })
        })
    }

    async fn client_stream(
        &self,
        requests: RequestStream<Request>,
        _context: &ServicerContext,
    ) -> Result<Response> {
        self.uploads.fetch_add(1, Ordering::SeqCst);
        let _unread = requests;
        pending().await
    }
}

async fn serve(unread: &Unread) -> (Server, ProbeStub) {
    // On a busy machine, first polls can look long.
    let builder = Server::builder().inline_polling(InlinePolling::Always);
    let mut server = builder.max_concurrent_streams(2_000).build();
    server.add_handlers(probe_handler(unread.clone()));
    let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
    server.start().unwrap();
    let channel = Channel::builder().max_connections_per_subchannel(1);
    let channel = channel.build_insecure(address.to_string()).unwrap();
    (server, ProbeStub::new(channel))
}

/// Makes small calls, and some that do not fit into a small window, one after the other.
async fn go_on(stub: &ProbeStub) {
    for number in 0..200 {
        let size = if number % 10 == 0 { 200_000 } else { 100 };
        let request = Request {
            payload: vec![1; size],
            ..Request::default()
        };
        let response = within(stub.unary(request)).await.unwrap();
        assert_eq!(response.payload.len(), size);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_49_answers_that_nobody_reads_hold_up_no_call() {
    for count in [64, 400] {
        let (_server, stub) = serve(&Unread::default()).await;
        let mut calls: Vec<StreamingCall<_>> = (0..count)
            .map(|_| stub.server_stream(Request::default()))
            .collect();
        let begun = join_all(calls.iter_mut().map(StreamingCall::message));
        assert!(within(begun).await.iter().all(Result::is_ok));
        go_on(&stub).await;
        // The unread calls go on once they are read.
        for call in calls.iter_mut().take(5) {
            for _ in 0..20 {
                within(call.message()).await.unwrap().unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_49_requests_that_no_handler_reads_hold_up_no_call() {
    for count in [17, 400] {
        let unread = Unread::default();
        let (_server, stub) = serve(&unread).await;
        let uploads: Vec<_> = (0..count)
            .map(|_| {
                let endless = std::iter::repeat_with(|| Request {
                    payload: vec![7; MESSAGE],
                    ..Request::default()
                });
                tokio::spawn(stub.client_stream(endless).into_future())
            })
            .collect();
        let have_come = async {
            while unread.uploads.load(Ordering::SeqCst) < count {
                tokio::task::yield_now().await;
            }
        };
        within(have_come).await;
        go_on(&stub).await;
        uploads.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

/// Both cases at once, in tasks that share a thread.
#[tokio::test]
async fn row_49_both_on_one_thread() {
    let unread = Unread::default();
    let (_server, stub) = serve(&unread).await;
    let mut calls: Vec<_> = (0..100)
        .map(|_| stub.server_stream(Request::default()))
        .collect();
    let begun = join_all(calls.iter_mut().map(StreamingCall::message));
    assert!(within(begun).await.iter().all(Result::is_ok));
    let uploads: Vec<_> = (0..100)
        .map(|_| {
            let endless = std::iter::repeat_with(|| Request {
                payload: vec![7; MESSAGE],
                ..Request::default()
            });
            tokio::spawn(stub.client_stream(endless).into_future())
        })
        .collect();
    go_on(&stub).await;
    uploads.iter().for_each(tokio::task::JoinHandle::abort);
}

/// More large messages at once than the connection's window holds. Each has its turn.
#[tokio::test(flavor = "multi_thread")]
async fn row_49_large_messages_have_their_turn() {
    let (_server, stub) = serve(&Unread::default()).await;
    let calls = (0..40).map(|_| {
        stub.unary(Request {
            payload: vec![1; 4_000_000],
            ..Request::default()
        })
    });
    let answers = within(join_all(calls)).await;
    for answer in answers {
        assert_eq!(answer.unwrap().payload.len(), 4_000_000);
    }
}

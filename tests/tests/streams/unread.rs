//! Unread calls: the memory that they hold, and how much of their work is done at a time. Everything runs on one
//! thread, whose allocations are counted.

use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::task::Poll;

use allocation_counter::{AllocationInfo, measure};
use stubwright::{Channel, InlinePolling, Server, sending};
use stubwright_tests::pb::probe::v1::{ProbeStub, Request, probe_handler};
use tokio::runtime::{Builder, Runtime};

use crate::peer::{Peer, settle};
use crate::servicer::{LARGE, Maker, Way};

/// Number of unread calls.
const CALLS: usize = 20;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Creates a server, which starts as many handlers as possible in its connection's task.
fn server(maker: &Maker) -> Server {
    let mut server = Server::builder()
        .inline_polling(InlinePolling::Always)
        .build();
    server.add_handlers(probe_handler(maker.clone()));
    server
}

/// Opens calls and does not read them. Returns what they have allocated, and the maximum number of messages that one
/// of them has made.
fn unread(way: Way, calls: usize) -> (AllocationInfo, usize) {
    let (runtime, maker) = (runtime(), Maker::default());
    let mut server = server(&maker);
    let mut peer = runtime.block_on(Peer::connect(&mut server));
    let request = way.request(1_000);
    // The first calls allocate memory that does not belong to them.
    runtime.block_on(async {
        peer.open("ServerStream", &request, 1).await;
        settle().await;
    });
    let counted = measure(|| {
        runtime.block_on(async {
            peer.open("ServerStream", &request, calls).await;
            settle().await;
        });
    });
    let made = maker.made.load(Ordering::SeqCst);
    (counted, made.div_ceil(calls + 1))
}

#[test]
fn row_50_a_call_that_nobody_reads_holds_a_message() {
    for (way, messages, large) in [
        (Way::Iterator, 1, 1),
        (Way::Helper, 1, 1),
        (Way::SmallFirst, 2, 1),
        // Four small messages are made at a time as long as they are made fast, and so are the first large ones.
        (Way::SmallForLong, 104, 4),
    ] {
        let (counted, made) = unread(way, CALLS);
        let bytes = usize::try_from(counted.bytes_current).unwrap() / CALLS;
        println!("{way:?}: a call has made {made} messages, and holds {bytes} bytes");
        assert!((1..=messages).contains(&made), "{way:?}: {made} messages");
        assert!(bytes < large * LARGE + 32 * 1024, "{way:?}: {bytes} bytes");
    }
}

#[test]
fn row_50_compressed_messages_hold_no_more_than_they_have() {
    let (counted, made) = unread(Way::Compressed, 1);
    let bytes = counted.bytes_current;
    println!("a call has made {made} messages, and holds {bytes} bytes");
    // They fill the buffers of the call and of its stream on the connection.
    assert!(made > 100, "{made} messages");
    assert!(bytes < 300 * 1024, "{bytes} bytes");
}

#[test]
fn row_50_few_large_requests_wait_between_a_sender_and_its_call() {
    runtime().block_on(async {
        let (near, _far) = tokio::io::duplex(1024);
        let stub = ProbeStub::new(Channel::over(near));
        let (requests, _call) = sending(|requests| stub.client_stream(requests));
        let sender = tokio::spawn(async move {
            let mut sent = 0;
            while sent < 100 {
                let request = Request {
                    payload: vec![7; LARGE],
                    ..Request::default()
                };
                tokio::select! {
                    biased;
                    accepted = requests.send(request) => accepted.unwrap(),
                    () = settle() => return sent,
                }
                sent += 1;
            }
            sent
        });
        // One request is encoded, one waits.
        assert_eq!(sender.await.unwrap(), 2);
    });
}

#[test]
fn row_51_the_helper_costs_no_more_than_an_iterator_before_it_is_read() {
    let (iterator, _) = unread(Way::Iterator, CALLS);
    let (helper, _) = unread(Way::Helper, CALLS);
    let more = helper.count_total.saturating_sub(iterator.count_total) / CALLS as u64;
    let bytes = helper.bytes_total.saturating_sub(iterator.bytes_total) / CALLS as u64;
    println!("{more} allocations more for a call, of {bytes} bytes");
    assert!(more <= 2, "{more} allocations");
    assert!(bytes <= 2 * 1024, "{bytes} bytes");
}

/// Lets each waiting task run once. `yield_now` may let tasks run several times.
async fn turn() {
    let mut is_first = true;
    poll_fn(|context| {
        if std::mem::take(&mut is_first) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

#[test]
fn row_51_a_connection_that_opens_many_calls_leaves_time_for_others() {
    runtime().block_on(async {
        let maker = Maker::default();
        let mut server = server(&maker);
        let mut peer = Peer::connect(&mut server).await;
        // This task runs after the connection's, as the task of another connection would.
        let started = maker.started;
        let other = tokio::spawn(async move {
            let (mut before, mut most) = (0, 0);
            while before < 900 {
                turn().await;
                let now = started.load(Ordering::SeqCst);
                most = most.max(now - before);
                before = now;
            }
            most
        });
        peer.open("Unary", &Request::default(), 900).await;
        let most = other.await.unwrap();
        // On a busy machine some first polls look long, and those handlers start in tasks of their own.
        assert!(most < 2 * 64, "{most} handlers were started at once");
    });
}

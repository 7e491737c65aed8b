//! Blocking calls, from threads outside any runtime: over TCP, in-process and with an interceptor.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc as std_mpsc};
use std::thread;
use std::time::{Duration, Instant};

use stubwright::{Channel, ClientCall, Code, Server, blocking};
use stubwright_tests::blocking::probe::v1::{Action, ProbeBlockingStub, ProbeStub, Request};
use stubwright_tests::pb::probe::v1::{add_probe_servicer_to_server, probe_handler};
use stubwright_tests::{Event, Probe};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

/// A stub and the servicer that it calls.
struct Link {
    stub: ProbeBlockingStub,
    channel: Channel,
    events: mpsc::UnboundedReceiver<Event>,
    /// The server, with its runtime; `None` in-process.
    _server: Option<(Server, Runtime)>,
}

impl Link {
    fn in_process() -> Link {
        let (probe, events) = Probe::new();
        Link::over(Channel::in_process(probe_handler(probe)), events, None)
    }

    fn tcp() -> Link {
        let (probe, events) = Probe::new();
        let runtime = Runtime::new().unwrap();
        let mut server = Server::new();
        add_probe_servicer_to_server(probe, &mut server);
        let address = runtime.block_on(async {
            let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
            server.start().unwrap();
            address
        });
        let channel = Channel::insecure(address.to_string()).unwrap();
        Link::over(channel, events, Some((server, runtime)))
    }

    /// Returns a link over TCP with an interceptor that makes cancelled calls again, if they can be.
    fn intercepted() -> Link {
        let link = Link::tcp();
        let channel = link
            .channel
            .with_interceptor(|mut call: ClientCall| async move {
                let mut end = call.proceed().await;
                while end.code() == Code::Cancelled && call.can_proceed() {
                    end = call.proceed().await;
                }
                end.result
            });
        Link::over(channel, link.events, link._server)
    }

    fn over(
        channel: Channel,
        events: mpsc::UnboundedReceiver<Event>,
        server: Option<(Server, Runtime)>,
    ) -> Link {
        Link {
            stub: ProbeBlockingStub::new(channel.clone()),
            channel,
            events,
            _server: server,
        }
    }

    /// Waits for the next event of the servicer.
    fn event(&mut self) -> Event {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Ok(event) = self.events.try_recv() {
                return event;
            }
            assert!(Instant::now() < deadline, "nothing happened for 20 seconds");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Defines three tests for each case: in-process, over TCP, and with an interceptor.
macro_rules! everywhere {
    ($($case:ident),* $(,)?) => {
        mod in_process {
            $(#[test] fn $case() { super::$case(super::Link::in_process()); })*
        }
        mod tcp {
            $(#[test] fn $case() { super::$case(super::Link::tcp()); })*
        }
        mod intercepted {
            $(#[test] fn $case() { super::$case(super::Link::intercepted()); })*
        }
    };
}

everywhere!(
    all_four_kinds,
    metadata_both_ways,
    a_call_fails_with_its_status,
    deadlines,
    options,
    a_stream_is_lazy_and_ends_with_its_loop,
    requests_may_wait_for_responses,
    requests_are_read_as_the_call_takes_them,
    requests_that_panic_cancel_their_call,
    a_stream_is_cancelled,
    a_unary_call_is_cancelled_from_another_thread,
    calls_are_started_together,
    a_future_has_its_result_for_all_who_ask,
    a_future_is_waited_for_within_a_time_and_cancelled,
    callbacks_of_a_future_are_called_once_in_turn,
    a_future_that_nobody_holds_is_cancelled,
    many_threads_call,
    a_stub_is_made_of_another,
    an_error_tells_async_code_to_use_spawn_blocking,
);

fn request(count: u32, action: Action) -> Request {
    Request {
        payload: b"abc".to_vec(),
        count,
        action: action.into(),
        ..Request::default()
    }
}

fn simple() -> Request {
    request(3, Action::End)
}

fn all_four_kinds(link: Link) {
    let stub = link.stub;
    assert_eq!(stub.unary(simple()).wait().unwrap().payload, b"abc");

    let mut indices = Vec::new();
    for response in stub.server_stream(simple()) {
        indices.push(response.unwrap().index);
    }
    assert_eq!(indices, [0, 1, 2]);

    let requests = (0..100).map(|_| simple());
    assert_eq!(stub.client_stream(requests).wait().unwrap().index, 100);
    assert_eq!(stub.client_stream([]).wait().unwrap().index, 0);

    let responses = stub.bidi(vec![simple(); 100]);
    let responses: Vec<_> = responses.collect::<Result<_, _>>().unwrap();
    assert_eq!(responses.len(), 100);
    assert_eq!(responses[99].index, 99);
}

fn metadata_both_ways(link: Link) {
    let call = link.stub.unary(simple());
    let call = call.metadata("initial-a", "1").metadata("trailing-b", "2");
    let (response, call) = call.with_call().wait().unwrap();
    assert_eq!(response.payload, b"abc");
    assert_eq!(call.initial_metadata.get("initial-a"), Some("1"));
    assert_eq!(call.trailing_metadata.get("trailing-b"), Some("2"));

    let call = link.stub.server_stream(simple());
    let mut call = call.metadata("initial-a", "1").metadata("trailing-b", "2");
    assert_eq!((call.code(), call.trailing_metadata()), (None, None));
    assert_eq!(call.initial_metadata().unwrap().get("initial-a"), Some("1"));
    assert_eq!(call.message().unwrap().unwrap().index, 0);
    assert_eq!(call.by_ref().count(), 2);
    let trailing = call.trailing_metadata().unwrap();
    assert_eq!(trailing.get("trailing-b"), Some("2"));
    assert_eq!(call.code(), Some(Code::Ok));
    assert_eq!(call.details().as_deref(), Some(""));
    assert_eq!(call.previous_rpc_attempts(), 0);
    assert!(call.message().unwrap().is_none());
}

fn a_call_fails_with_its_status(link: Link) {
    let failing = Request {
        code: 10,
        message: "enough".to_owned(),
        ..request(2, Action::Fail)
    };
    let status = link.stub.unary(failing.clone()).wait().unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Aborted, "enough"));

    let mut call = link.stub.server_stream(failing);
    assert!(call.next().unwrap().is_ok());
    assert!(call.next().unwrap().is_ok());
    let status = call.next().unwrap().unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Aborted, "enough"));
    assert!(call.next().is_none());
    assert_eq!(call.code(), Some(Code::Aborted));
}

fn deadlines(link: Link) {
    let timeout = Duration::from_millis(100);
    let before = Instant::now();
    let mut call = link.stub.unary(request(0, Action::Hang)).timeout(timeout);
    assert_eq!(call.wait().unwrap_err().code(), Code::DeadlineExceeded);
    let mut call = link
        .stub
        .server_stream(request(1, Action::Hang))
        .timeout(timeout);
    assert!(call.next().unwrap().is_ok());
    let status = call.next().unwrap().unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert!(before.elapsed() >= 2 * timeout);
}

fn options(link: Link) {
    let call = link.stub.unary(simple()).metadata("describe", "");
    let call = call
        .authority("example.org")
        .timeout(Duration::from_secs(3600))
        .wait_for_ready(true)
        .compression(stubwright::Compression::Gzip);
    let (_, call) = call.with_call().wait().unwrap();
    let trailing = call.trailing_metadata;
    assert_eq!(trailing.get("authority"), Some("example.org"));
    assert_eq!(trailing.get("seconds-left"), Some("3599"));
    let mut call = link.stub.unary(simple()).max_receive_message_length(2);
    assert_eq!(call.wait().unwrap_err().code(), Code::ResourceExhausted);
    let mut call = link
        .stub
        .client_stream([simple()])
        .max_send_message_length(2);
    assert_eq!(call.wait().unwrap_err().code(), Code::ResourceExhausted);
    // The error of an invalid option is returned by `wait`, not by `start`.
    let mut call = link.stub.unary(simple()).metadata("k", "\n").start();
    assert_eq!(call.wait().unwrap_err().code(), Code::InvalidArgument);
}

fn a_stream_is_lazy_and_ends_with_its_loop(mut link: Link) {
    let endless = link.stub.server_stream(request(u32::MAX, Action::End));
    for (index, response) in (0..).zip(endless) {
        assert_eq!(response.unwrap().index, index);
        if index == 10 {
            break;
        }
    }
    assert_eq!(link.event(), Event::Started);
    assert_eq!(link.event(), Event::Dropped);
}

fn requests_may_wait_for_responses(link: Link) {
    let (requests, receiver) = std_mpsc::channel();
    let mut call = link.stub.bidi(receiver);
    for index in 0..50 {
        requests.send(simple()).unwrap();
        assert_eq!(call.next().unwrap().unwrap().index, index);
    }
    drop(requests);
    assert!(call.next().is_none());
    assert_eq!(call.code(), Some(Code::Ok));
}

fn requests_are_read_as_the_call_takes_them(mut link: Link) {
    let read = Arc::new(AtomicUsize::new(0));
    // The channel is closed when the iterator is dropped.
    let (alive, gone) = std_mpsc::channel::<()>();
    let counter = Arc::clone(&read);
    let requests = (0..).map(move |number| {
        let _alive = &alive;
        counter.fetch_add(1, Ordering::Relaxed);
        Request {
            payload: vec![0; 100_000],
            ..request(
                0,
                if number == 0 {
                    Action::Hang
                } else {
                    Action::End
                },
            )
        }
    });
    let call = link.stub.client_stream(requests).start();
    assert_eq!(link.event(), Event::Started);
    let mut before = 0;
    // Wait until the iterator is read no further. On a slow machine this may be earlier, which does no harm.
    loop {
        thread::sleep(Duration::from_millis(100));
        let now = read.load(Ordering::Relaxed);
        assert!(now < 200, "20 MB of requests are buffered");
        if now == before && now > 0 {
            break;
        }
        before = now;
    }
    drop(call);
    assert_eq!(link.event(), Event::Dropped);
    let end = gone.recv_timeout(Duration::from_secs(20));
    assert_eq!(end, Err(std_mpsc::RecvTimeoutError::Disconnected));
}

fn requests_that_panic_cancel_their_call(link: Link) {
    let requests = (0..2).map(|number| match number {
        0 => simple(),
        _ => panic!("this panic is part of the test"),
    });
    let status = link.stub.client_stream(requests).wait().unwrap_err();
    assert_eq!(status.code(), Code::Cancelled);
    // Further calls still work.
    assert!(link.stub.client_stream([simple()]).wait().is_ok());
}

fn a_stream_is_cancelled(mut link: Link) {
    let mut call = link.stub.server_stream(request(1, Action::Hang));
    assert!(call.next().unwrap().is_ok());
    call.cancel();
    assert_eq!(call.next().unwrap().unwrap_err().code(), Code::Cancelled);
    assert!(call.next().is_none());
    assert_eq!(link.event(), Event::Started);
    assert_eq!(link.event(), Event::Dropped);
}

fn a_unary_call_is_cancelled_from_another_thread(mut link: Link) {
    let mut call = link.stub.unary(request(0, Action::Hang));
    let handle = call.cancel_handle();
    let waiting = thread::spawn(move || call.wait());
    assert_eq!(link.event(), Event::Started);
    handle.cancel();
    let status = waiting.join().unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Cancelled);
    assert_eq!(link.event(), Event::Dropped);
}

fn calls_are_started_together(mut link: Link) {
    let mut calls: Vec<_> = (0..200)
        .map(|_| link.stub.server_stream(request(1, Action::Hang)).start())
        .collect();
    for _ in 0..200 {
        assert_eq!(link.event(), Event::Started);
    }
    for call in &mut calls {
        assert!(call.next().unwrap().is_ok());
    }
    #[cfg(target_os = "linux")]
    {
        let threads = std::fs::read_dir("/proc/self/task").unwrap().count();
        assert!(threads < 150, "{threads} threads");
    }
}

fn a_future_has_its_result_for_all_who_ask(link: Link) {
    let call = link.stub.unary(simple()).metadata("initial-a", "1");
    let future = call.future();
    thread::scope(|scope| {
        for _ in 0..4 {
            let future = future.clone();
            scope.spawn(move || assert_eq!(future.result().unwrap().payload, b"abc"));
        }
    });
    assert!(future.done() && !future.running() && !future.cancelled());
    assert!(!future.cancel());
    assert_eq!(future.error().map(|status| status.code()), None);
    assert!(future.result_timeout(Duration::ZERO).unwrap().is_ok());
    assert!(future.error_timeout(Duration::ZERO).unwrap().is_none());
    let end = future.end().unwrap();
    assert_eq!(end.initial_metadata.get("initial-a"), Some("1"));
    assert_eq!(format!("{future:?}"), "CallFuture { code: Some(Ok) }");

    let failed = link.stub.unary(request(0, Action::Fail)).future();
    let status = failed.result().unwrap_err();
    assert_eq!(failed.error().unwrap().code(), status.code());
    assert!(failed.done() && !failed.cancelled());
}

fn a_future_is_waited_for_within_a_time_and_cancelled(mut link: Link) {
    let future = link.stub.unary(request(0, Action::Hang)).future();
    assert_eq!(link.event(), Event::Started);
    let short = Duration::from_millis(20);
    assert!(future.result_timeout(short).is_none());
    assert!(future.error_timeout(short).is_none());
    assert!(future.running() && !future.done() && !future.cancelled());
    assert!(future.end().is_none());
    let other = future.clone();
    let waiting = thread::spawn(move || other.result());
    assert!(future.cancel());
    let status = waiting.join().unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Cancelled);
    assert!(future.cancelled() && future.done());
    assert_eq!(link.event(), Event::Dropped);
}

fn callbacks_of_a_future_are_called_once_in_turn(link: Link) {
    let future = link.stub.unary(request(0, Action::Hang)).future();
    let (called, calls) = std_mpsc::channel();
    for number in [1, 2, 3] {
        let called = called.clone();
        future.add_done_callback(move |future| {
            assert_ne!(number, 2, "a callback may panic");
            called.send((number, future.result().is_err())).unwrap();
        });
    }
    future.cancel();
    assert_eq!(calls.recv().unwrap(), (1, true));
    assert_eq!(calls.recv().unwrap(), (3, true));
    // It has ended, so the callback is called before this returns.
    future.add_done_callback(move |future| called.send((4, future.cancelled())).unwrap());
    assert_eq!(calls.try_recv().unwrap(), (4, true));
    assert!(calls.recv().is_err());
}

fn a_future_that_nobody_holds_is_cancelled(mut link: Link) {
    let future = link.stub.unary(request(0, Action::Hang)).future();
    assert_eq!(link.event(), Event::Started);
    drop(future.clone());
    assert!(future.running());
    drop(future);
    assert_eq!(link.event(), Event::Dropped);
    // One with a callback goes on without a handle.
    let (called, calls) = std_mpsc::channel();
    let future = link.stub.unary(simple()).future();
    future.add_done_callback(move |future| called.send(future.result()).unwrap());
    drop(future);
    assert!(calls.recv().unwrap().is_ok());
}

fn many_threads_call(link: Link) {
    thread::scope(|scope| {
        for _ in 0..8 {
            let stub = link.stub.clone();
            scope.spawn(move || {
                for _ in 0..50 {
                    assert!(stub.unary(simple()).wait().is_ok());
                    assert_eq!(stub.bidi([simple(), simple()]).count(), 2);
                }
            });
        }
    });
}

fn a_stub_is_made_of_another(link: Link) {
    let stub = ProbeStub::new(link.channel.clone());
    blocking::wait(link.channel.ready()).unwrap();
    let response = blocking::wait(stub.unary(simple()).into_future()).unwrap();
    assert_eq!(response.payload, b"abc");
    let stub = ProbeBlockingStub::from(stub);
    assert!(stub.unary(simple()).wait().is_ok());
}

fn an_error_tells_async_code_to_use_spawn_blocking(link: Link) {
    let stub = link.stub;
    let refused = async {
        let status = stub.unary(simple()).wait().unwrap_err();
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert!(status.message().contains("spawn_blocking"), "{status}");
        let future = stub.unary(simple()).future();
        for status in [
            future.result().unwrap_err(),
            future.result_timeout(Duration::MAX).unwrap().unwrap_err(),
            future.error().unwrap(),
            future.error_timeout(Duration::MAX).unwrap().unwrap(),
        ] {
            assert_eq!(status.code(), Code::FailedPrecondition);
        }
        let mut call = stub.server_stream(simple());
        let status = call.next().unwrap().unwrap_err();
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert!(call.next().is_none());
        // The task is not harmed by the error.
        tokio::task::yield_now().await;
    };
    let runtime = Runtime::new().unwrap();
    runtime.block_on(refused);
    runtime.block_on(async {
        let task = stub.clone();
        let status = tokio::spawn(async move { task.unary(simple()).wait() });
        assert!(status.await.unwrap().is_err());
        let task = stub.clone();
        let reply = tokio::task::spawn_blocking(move || task.unary(simple()).wait());
        assert!(reply.await.unwrap().is_ok());
        let reply = tokio::task::block_in_place(|| stub.unary(simple()).wait());
        assert!(reply.is_ok());
    });
    // A thread that has only entered a runtime may block.
    let _inside = runtime.enter();
    assert!(stub.unary(simple()).wait().is_ok());
}

/// Blocking stubs follow the same rules for rpc names that collide with Rust's.
#[test]
fn names_that_collide() {
    use stubwright_tests::blocking::names::{MethodsBlockingStub, Request};
    let channel = Channel::in_process(stubwright::Handlers::default());
    let stub = MethodsBlockingStub::new(channel.clone());
    let code = stub.new_(Request::default()).wait().unwrap_err().code();
    assert_eq!(code, Code::Unimplemented);
    let code = stub.from(Request::default()).wait().unwrap_err().code();
    assert_eq!(code, Code::Unimplemented);
    let stub = stub.clone();
    let mut call = stub.clone_(Request::default());
    assert_eq!(call.message().unwrap_err().code(), Code::Unimplemented);
}

//! Calls that are cancelled, on either side.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::stream;
use stubwright::{
    Code, Handlers, Metadata, Prost, RequestStream, Result, Server, ServicerContext, sending,
};
use stubwright_tests::Event;
use stubwright_tests::pb::probe::v1::{Action, Request};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::transports::{Link, Transport, over_every_transport, within};

over_every_transport!(
    a_dropped_unary_call_drops_its_handler,
    a_dropped_stream_drops_its_handler,
    a_cancelled_stream_ends_with_cancelled,
    a_request_stream_in_another_task_sees_cancelled,
    a_handler_that_ends_leaves_its_request_stream_cancelled,
    a_call_that_was_never_polled_is_never_made,
    a_server_cancels_a_call_from_within_its_method,
    a_server_cancels_a_call_from_another_task,
    a_wait_for_a_message_that_is_dropped_loses_nothing,
);

fn hanging() -> Request {
    Request {
        action: Action::Hang.into(),
        count: 1,
        ..Request::default()
    }
}

/// Drops a call, and waits for its handler to be dropped too. It takes milliseconds, with room for a busy machine.
async fn dropped_within_milliseconds<T>(link: &mut Link, call: T) {
    let before = Instant::now();
    drop(call);
    assert_eq!(link.event().await, Event::Dropped);
    assert!(
        before.elapsed() < Duration::from_millis(500),
        "{:?}",
        before.elapsed()
    );
}

async fn a_dropped_unary_call_drops_its_handler(mut link: Link) {
    let stub = link.stub.clone();
    let mut call = Box::pin(stub.unary(hanging()));
    tokio::select! {
        response = &mut call => panic!("{response:?}"),
        event = link.event() => assert_eq!(event, Event::Started),
    }
    dropped_within_milliseconds(&mut link, call).await;
}

async fn a_dropped_stream_drops_its_handler(mut link: Link) {
    let mut call = link.stub.server_stream(hanging());
    assert!(call.message().await.unwrap().is_some());
    assert_eq!(link.event().await, Event::Started);
    dropped_within_milliseconds(&mut link, call).await;
}

async fn a_cancelled_stream_ends_with_cancelled(mut link: Link) {
    let mut call = link.stub.server_stream(hanging());
    assert!(call.message().await.unwrap().is_some());
    assert_eq!(link.event().await, Event::Started);
    call.cancel();
    assert_eq!(call.message().await.unwrap_err().code(), Code::Cancelled);
    assert_eq!(call.code(), Some(Code::Cancelled));
    assert_eq!(link.event().await, Event::Dropped);
}

async fn a_request_stream_in_another_task_sees_cancelled(mut link: Link) {
    let request = Request {
        action: Action::GiveAway.into(),
        ..Request::default()
    };
    let stub = link.stub.clone();
    let requests = stream::unfold(Some(request), async |request| match request {
        Some(request) => Some((request, None)),
        None => std::future::pending().await,
    });
    let mut call = Box::pin(stub.client_stream(Box::pin(requests)));
    for expected in [Event::Started, Event::GivenAway] {
        tokio::select! {
            response = &mut call => panic!("{response:?}"),
            event = link.event() => assert_eq!(event, expected),
        }
    }
    drop(call);
    let mut events = [link.event().await, link.event().await, link.event().await];
    events.sort_by_key(|event| format!("{event:?}"));
    assert_eq!(
        events,
        [
            Event::Cancelled,
            Event::Dropped,
            Event::Ended(Some(Code::Cancelled)),
        ]
    );
}

async fn a_handler_that_ends_leaves_its_request_stream_cancelled(mut link: Link) {
    let mut first = Request {
        action: Action::GiveAway.into(),
        ..Request::default()
    };
    first.payload = vec![1];
    let stub = link.stub.clone();
    let requests = stream::unfold(Some(first), async |request| match request {
        Some(request) => Some((request, None)),
        None => std::future::pending().await,
    });
    let call = stub
        .client_stream(Box::pin(requests))
        .timeout(Duration::from_millis(500));
    assert_eq!(call.await.unwrap_err().code(), Code::DeadlineExceeded);
    for expected in [Event::Started, Event::GivenAway] {
        assert_eq!(link.event().await, expected);
    }
    let events = [link.event().await, link.event().await, link.event().await];
    // The stream never looks complete, whatever ended the call.
    assert!(
        events.iter().any(|event| matches!(
            event,
            Event::Ended(Some(Code::Cancelled | Code::DeadlineExceeded))
        )),
        "{events:?}"
    );
}

async fn a_call_that_was_never_polled_is_never_made(mut link: Link) {
    drop(link.stub.unary(Request::default()));
    drop(link.stub.server_stream(Request::default()));
    link.stub.unary(Request::default()).await.unwrap();
    assert_eq!(link.event().await, Event::Started);
    assert_eq!(link.event().await, Event::Dropped);
    assert!(link.events.try_recv().is_err());
}

/// Tells when it is dropped.
struct Guard(UnboundedSender<String>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.send("dropped".to_owned()).unwrap();
    }
}

/// Links to a server with two methods that wait for ever after `cancel` was called: one returns a response, and one a stream that has
/// given a first one. They tell when they are dropped, and with which status.
async fn cancelling(
    transport: Transport,
    cancel: fn(ServicerContext),
) -> (Link, UnboundedReceiver<String>) {
    let (events, seen) = unbounded_channel();
    let observed = move |context: &ServicerContext| {
        let mut trailing = Metadata::new();
        trailing.append("trailing", "1").unwrap();
        context.set_trailing_metadata(trailing);
        let done = events.clone();
        context.add_done_callback(move |result| {
            let status = result.as_ref().unwrap_err();
            done.send(format!("{:?}", status.code())).unwrap();
        });
        Guard(events.clone())
    };
    let observed_too = observed.clone();
    let handlers = Handlers::new()
        .unary_unary(
            "/test.Cancels/One",
            Prost,
            move |_: String, context: ServicerContext| {
                let guard = observed(&context);
                async move {
                    cancel(context.clone());
                    std::future::pending::<()>().await;
                    drop(guard);
                    Ok::<String, _>("never".to_owned())
                }
            },
        )
        .unary_stream(
            "/test.Cancels/Many",
            Prost,
            move |_: String, context: ServicerContext| {
                let guard = observed_too(&context);
                stubwright::stream(async move |mut responses| {
                    responses.send("first".to_owned()).await;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    cancel(context.clone());
                    std::future::pending::<()>().await;
                    drop(guard);
                    Ok(())
                })
            },
        );
    let mut server = transport.server(Server::builder());
    server.add_handlers(handlers);
    (transport.link_to(server).await, seen)
}

async fn a_cancelled_call_has_ended(transport: Transport, cancel: fn(ServicerContext)) {
    let (link, mut seen) = cancelling(transport, cancel).await;
    let call = link
        .channel
        .unary_unary("/test.Cancels/One", Prost, String::new());
    let one: Result<String> = within(call.into_future()).await;
    let one = one.unwrap_err();
    let mut call = link
        .channel
        .unary_stream("/test.Cancels/Many", Prost, String::new());
    let first: Option<String> = within(call.message()).await.unwrap();
    assert_eq!(first.as_deref(), Some("first"));
    let many = within(call.message()).await.unwrap_err();
    for status in [one, many] {
        assert_eq!(status.code(), Code::Cancelled);
        assert_eq!(status.message(), "the server cancelled the call");
        assert_eq!(status.metadata().get("trailing"), Some("1"));
        for event in ["Cancelled", "dropped"] {
            assert_eq!(within(seen.recv()).await.as_deref(), Some(event));
        }
    }
}

async fn a_server_cancels_a_call_from_within_its_method(transport: Transport) {
    a_cancelled_call_has_ended(transport, |context| {
        context.cancel();
        assert!(!context.is_active());
        context.cancel();
    })
    .await;
}

async fn a_server_cancels_a_call_from_another_task(transport: Transport) {
    a_cancelled_call_has_ended(transport, |context| {
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            context.cancel();
        });
    })
    .await;
}

/// Waits for a message. Drops each wait that is not over at once, notifies `dropped`, and waits again.
macro_rules! impatient {
    ($message:expr, $dropped:expr) => {
        loop {
            tokio::select! {
                biased;
                message = $message => break message,
                () = tokio::task::yield_now() => { $dropped.notify_one() }
            }
        }
    };
}

/// Waits until the other side has dropped a wait since this call began.
async fn drops(dropped: &Notify) {
    // The first permit may be an old one.
    dropped.notified().await;
    dropped.notified().await;
}

async fn a_wait_for_a_message_that_is_dropped_loses_nothing(transport: Transport) {
    let (of_server, of_client) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (dropped, awaited) = (Arc::clone(&of_server), Arc::clone(&of_client));
    let mut server = transport.server(Server::builder());
    server.add_handlers(Handlers::new().stream_stream(
        "/test.Waits/Echo",
        Prost,
        move |mut requests: RequestStream<u32>, _: ServicerContext| {
            let (dropped, awaited) = (Arc::clone(&dropped), Arc::clone(&awaited));
            stubwright::stream(async move |mut responses| {
                while let Some(request) = impatient!(requests.message(), dropped)? {
                    drops(&awaited).await;
                    responses.send(request).await;
                }
                Ok(())
            })
        },
    ));
    let link = transport.link_to(server).await;
    let (requests, mut responses) = sending(|requests| {
        link.channel
            .stream_stream::<u32, u32, _, _>("/test.Waits/Echo", Prost, requests)
    });
    for number in 1..=20_u32 {
        drops(&of_server).await;
        requests.send(number).await.unwrap();
        let response = impatient!(responses.message(), of_client);
        assert_eq!(response.unwrap(), Some(number));
    }
    requests.close();
    let end = impatient!(responses.message(), of_client);
    assert_eq!(end.unwrap(), None);
}

/// While the client does not read, the closure of a stream is not polled, and neither are its timers. Another task
/// drops the client.
#[tokio::test(start_paused = true)]
async fn a_server_drops_a_client_that_does_not_read() {
    const SECOND: Duration = Duration::from_secs(1);
    for transport in [Transport::Opened, Transport::InProcess] {
        let (contexts, mut context) = unbounded_channel();
        let (queue, messages) = tokio::sync::mpsc::channel::<Vec<u8>>(4);
        let messages = Arc::new(tokio::sync::Mutex::new(messages));
        let (events, mut seen) = unbounded_channel();
        let is_late = Arc::new(AtomicBool::new(false));
        let late = Arc::clone(&is_late);
        let mut server = transport.server(Server::builder());
        server.add_handlers(Handlers::new().unary_stream(
            "/test.Slow/Many",
            Prost,
            move |_: String, context: ServicerContext| {
                let (messages, late) = (Arc::clone(&messages), Arc::clone(&late));
                let guard = Guard(events.clone());
                contexts.send(context).unwrap();
                stubwright::stream(async move |mut responses| {
                    let mut messages = messages.lock().await;
                    while let Some(message) = messages.recv().await {
                        let sent = tokio::time::timeout(SECOND, responses.send(message)).await;
                        late.fetch_or(sent.is_err(), Ordering::SeqCst);
                    }
                    drop(guard);
                    Ok(())
                })
            },
        ));
        let link = transport.link_to(server).await;
        let mut call =
            link.channel
                .unary_stream::<_, Vec<u8>, _>("/test.Slow/Many", Prost, String::new());
        let message = || vec![7; 64 << 10];
        queue.send(message()).await.unwrap();
        assert_eq!(call.message().await.unwrap(), Some(message()));
        let context = context.recv().await.unwrap();
        // The paused clock only advances when nothing else can happen.
        while tokio::time::timeout(10 * SECOND, queue.send(message()))
            .await
            .is_ok()
        {}
        assert!(queue.try_send(message()).is_err());
        assert!(!is_late.load(Ordering::SeqCst), "{transport:?}");
        assert!(seen.try_recv().is_err());
        context.cancel();
        assert_eq!(seen.recv().await.as_deref(), Some("dropped"));
        let end = loop {
            match call.message().await {
                Ok(message) => assert!(message.is_some()),
                Err(status) => break status,
            }
        };
        assert_eq!(end.code(), Code::Cancelled);
    }
}

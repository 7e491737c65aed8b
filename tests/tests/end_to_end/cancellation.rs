//! Calls that are cancelled, on either side.

use std::time::{Duration, Instant};

use futures_util::stream;
use stubwright::Code;
use stubwright_tests::Event;
use stubwright_tests::pb::probe::v1::{Action, Request};

use crate::transports::{Link, over_every_transport};

over_every_transport!(
    a_dropped_unary_call_drops_its_handler,
    a_dropped_stream_drops_its_handler,
    a_cancelled_stream_ends_with_cancelled,
    a_request_stream_in_another_task_sees_cancelled,
    a_handler_that_ends_leaves_its_request_stream_cancelled,
    a_call_that_was_never_polled_is_never_made,
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

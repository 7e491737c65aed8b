//! Deadlines cover the whole call, on both sides.

use std::time::{Duration, Instant};

use stubwright::Code;
use stubwright_tests::Event;
use stubwright_tests::pb::probe::v1::{Action, Request};

use crate::transports::{Link, over_every_transport};

over_every_transport!(
    a_unary_call_ends_at_its_deadline,
    a_stream_ends_at_its_deadline_on_both_sides,
    a_deadline_that_is_not_reached_changes_nothing,
    a_deadline_of_zero_is_over,
);

const TIMEOUT: Duration = Duration::from_millis(100);

fn hanging() -> Request {
    Request {
        action: Action::Hang.into(),
        count: 3,
        ..Request::default()
    }
}

async fn a_unary_call_ends_at_its_deadline(mut link: Link) {
    let before = Instant::now();
    let error = link
        .stub
        .unary(hanging())
        .timeout(TIMEOUT)
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert!(before.elapsed() >= TIMEOUT);
    assert_eq!(link.event().await, Event::Started);
    assert_eq!(link.event().await, Event::Dropped);
}

async fn a_stream_ends_at_its_deadline_on_both_sides(mut link: Link) {
    let mut call = link.stub.server_stream(hanging()).timeout(TIMEOUT);
    for _ in 0..3 {
        assert!(call.message().await.unwrap().is_some());
    }
    let error = call.message().await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert_eq!(link.event().await, Event::Started);
    assert_eq!(link.event().await, Event::Dropped);
}

async fn a_deadline_that_is_not_reached_changes_nothing(link: Link) {
    let request = Request::default();
    let call = link.stub.unary(request).timeout(Duration::from_secs(3600));
    call.await.unwrap();
    let call = link.stub.unary(Request::default()).timeout(Duration::MAX);
    call.await.unwrap();
}

async fn a_deadline_of_zero_is_over(link: Link) {
    let error = link
        .stub
        .unary(hanging())
        .timeout(Duration::ZERO)
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
}

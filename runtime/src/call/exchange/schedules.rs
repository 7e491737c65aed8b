//! Tests of the orders in which the two ends of a call and its connections may run. shuttle tries thousands of orders. If a
//! wake-up is lost, the end that waits for it is a deadlock, which shuttle reports.
//!
//! `RUSTFLAGS='--cfg shuttle' cargo test -p stubwright --lib schedules --target-dir target/shuttle` runs them; `.ci/long` does.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use shuttle::future::block_on;
use shuttle::{check_pct, check_random, thread};

use super::{Exchange, Watch};
use crate::base::sync::atomic::{AtomicUsize, Ordering};
use crate::base::{Chunks, Outcome};
use crate::call::{Link, Order, ReadState};
use crate::testing::TestCall;
use crate::{Code, Metadata, Status};

/// Runs a test with random orders, and with orders that change threads rarely but at critical points.
fn check(test: fn()) {
    check_random(test, 5_000);
    check_pct(test, 5_000, 3);
}

fn exchange() -> Arc<Exchange> {
    Arc::clone(TestCall::new().context().exchange())
}

/// A call that has been given to a connection.
fn submitted(link: &Arc<Link>) -> Arc<Exchange> {
    let exchange = exchange();
    submit(&exchange, link);
    exchange
}

fn submit(exchange: &Arc<Exchange>, link: &Arc<Link>) {
    exchange.attach(0, Arc::clone(link));
    assert!(link.submit(Arc::clone(exchange)).is_ok());
}

fn ok() -> Outcome {
    Outcome {
        result: Ok(()),
        trailing: Metadata::new(),
    }
}

/// Runs a connection's task until `pump` returns `true` for a call on its list, or until it is ordered to close.
fn drive(link: &Link, mut pump: impl FnMut(&Arc<Exchange>) -> bool) {
    let mut batch = Vec::new();
    block_on(poll_fn(|context: &mut Context<'_>| {
        if link.collect(context, &mut batch) == Order::Close {
            return Poll::Ready(());
        }
        let mut is_over = false;
        for exchange in batch.drain(..) {
            is_over |= pump(&exchange);
        }
        if is_over {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }));
}

/// Takes the caller's data byte by byte. Returns whether the request has ended.
fn take(exchange: &Exchange, body: &mut Vec<u8>) -> bool {
    loop {
        let mut part = exchange.take_request(1);
        while !part.data.is_empty() {
            body.extend(part.data.take(usize::MAX));
        }
        if !part.has_more && !part.held {
            return part.end;
        }
    }
}

/// Writes a request of three pieces, each when there is room for it.
fn write(exchange: &Arc<Exchange>) {
    for piece in 0..3_u8 {
        if block_on(poll_fn(|context| exchange.poll_request_room(context))).is_err() {
            return;
        }
        exchange.write_request(Bytes::from(vec![piece; 2]), piece == 2);
    }
}

const BODY: [u8; 6] = [0, 0, 1, 1, 2, 2];

/// Reads a response to its end.
fn read(exchange: &Arc<Exchange>, whole: bool) -> Vec<u8> {
    let (mut body, mut reader) = (Vec::new(), ReadState::default());
    loop {
        let mut chunks = Chunks::default();
        let has_more = block_on(poll_fn(|context| {
            let reader = std::mem::take(&mut reader);
            exchange.poll_response(context, reader, &mut chunks, whole)
        }));
        if !has_more {
            return body;
        }
        reader.used = chunks.len();
        while !chunks.is_empty() {
            body.extend(chunks.take(usize::MAX));
        }
    }
}

#[test]
fn a_call_loses_no_wake() {
    check(|| {
        let link = Arc::new(Link::new(4));
        let exchange = submitted(&link);
        let driver = thread::spawn(move || {
            let (mut body, mut turn) = (Vec::new(), 0);
            drive(&link, |exchange| {
                turn += 1;
                link.set_crowded(turn % 2 == 0);
                if !take(exchange, &mut body) || exchange.outcome().is_some() {
                    return false;
                }
                exchange.deliver_head(Metadata::new());
                for piece in &body {
                    exchange.deliver_response(Bytes::from(vec![*piece]));
                }
                exchange.conclude(ok());
                true
            });
            body
        });
        let writer = Arc::clone(&exchange);
        let writer = thread::spawn(move || write(&writer));
        let watch = Watch::new(Arc::clone(&exchange));
        let watch = thread::spawn(move || block_on(watch));
        let head = block_on(poll_fn(|context| exchange.poll_head(context)));
        assert!(head.is_some());
        assert_eq!(read(&exchange, false), BODY);
        assert_eq!(driver.join().unwrap(), BODY);
        writer.join().unwrap();
        watch.join().unwrap();
        assert!(exchange.outcome().unwrap().result.is_ok());
    });
}

#[test]
fn a_caller_that_waits_for_the_whole_is_woken() {
    check(|| {
        let link = Arc::new(Link::new(1 << 20));
        let exchange = submitted(&link);
        exchange.write_request(Bytes::from_static(&BODY), true);
        let driver = thread::spawn(move || {
            drive(&link, |exchange| {
                let is_whole = take(exchange, &mut Vec::new());
                if is_whole {
                    exchange.deliver_head(Metadata::new());
                    exchange.deliver_response(Bytes::from_static(&BODY[..4]));
                    exchange.deliver_response(Bytes::from_static(&BODY[4..]));
                    exchange.conclude(ok());
                }
                is_whole
            });
        });
        assert_eq!(read(&exchange, true), BODY);
        driver.join().unwrap();
    });
}

/// In each order both ends learn of the end: the caller has an outcome, and the connection has the outcome or learns that the
/// call was cancelled.
#[test]
fn a_call_that_is_given_up_as_it_ends_has_one_end() {
    check(|| {
        let link = Arc::new(Link::new(4));
        let exchange = submitted(&link);
        exchange.write_request(Bytes::from_static(&BODY), true);
        let driver = thread::spawn(move || {
            let mut is_told = false;
            drive(&link, |exchange| {
                let part = exchange.take_request(usize::MAX);
                is_told |= part.abandoned;
                if part.end && !part.data.is_empty() {
                    exchange.conclude(ok());
                }
                let outcome = exchange.outcome();
                is_told || outcome.is_some_and(|outcome| outcome.result.is_ok())
            });
            is_told
        });
        let canceller = Arc::clone(&exchange);
        let canceller = thread::spawn(move || canceller.abandon(Status::cancelled("enough")));
        read(&exchange, false);
        let outcome = exchange.outcome().unwrap();
        canceller.join().unwrap();
        let was_told = driver.join().unwrap();
        match outcome.result {
            Ok(()) => assert!(!was_told),
            Err(status) => {
                assert_eq!(status.code(), Code::Cancelled);
                assert!(was_told);
            }
        }
    });
}

/// A call moves from one connection to another while its caller writes. Only the second one opens a stream for it, and only one
/// stream.
#[test]
fn a_call_that_changes_its_connection_is_carried_by_one() {
    check(|| {
        let (first, second) = (Arc::new(Link::new(4)), Arc::new(Link::new(4)));
        let exchange = submitted(&first);
        let opened = Arc::new(AtomicUsize::new(0));
        let refuser = thread::spawn({
            let (second, opened) = (Arc::clone(&second), Arc::clone(&opened));
            let link = Arc::clone(&first);
            move || {
                let mut was_refused = false;
                drive(&link, |exchange| {
                    if exchange.stream() != 0 || !exchange.is_wanted_on(&link) {
                        return false;
                    }
                    opened.fetch_add(1, Ordering::SeqCst);
                    assert!(!was_refused, "it is the other's call");
                    was_refused = true;
                    exchange.set_stream(7);
                    let sent = exchange.take_request(usize::MAX).data;
                    exchange.detach(sent);
                    submit(exchange, &second);
                    false
                });
            }
        });
        let taker = thread::spawn({
            let opened = Arc::clone(&opened);
            move || {
                let mut body = Vec::new();
                drive(&second, |exchange| {
                    if exchange.stream() == 0 && exchange.is_wanted_on(&second) {
                        opened.fetch_add(1, Ordering::SeqCst);
                        exchange.set_stream(9);
                    }
                    let is_whole = take(exchange, &mut body);
                    if is_whole {
                        exchange.conclude(ok());
                    }
                    is_whole
                });
                first.order(Order::Close);
                body
            }
        });
        write(&exchange);
        read(&exchange, false);
        refuser.join().unwrap();
        assert_eq!(taker.join().unwrap(), BODY);
        assert_eq!(opened.load(Ordering::SeqCst), 2);
    });
}

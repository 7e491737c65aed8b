//! Tests of the order of messages, and of when the closure continues.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use super::*;

fn poll<T>(stream: &mut (impl Stream<Item = Result<T>> + Unpin)) -> Poll<Option<Result<T>>> {
    Pin::new(stream).poll_next(&mut Context::from_waker(Waker::noop()))
}

fn collect<T>(stream: impl Stream<Item = Result<T>>) -> (Vec<T>, Option<Status>) {
    let mut stream = Box::pin(stream);
    let mut items = Vec::new();
    loop {
        match poll(&mut stream) {
            Poll::Ready(Some(Ok(item))) => items.push(item),
            Poll::Ready(Some(Err(status))) => {
                assert!(matches!(poll(&mut stream), Poll::Ready(None)));
                return (items, Some(status));
            }
            Poll::Ready(None) => return (items, None),
            Poll::Pending => panic!("nothing is waited for"),
        }
    }
}

#[test]
fn all_messages_come_in_order_and_the_end_behind_them() {
    for count in [0, 1, 2, 40] {
        let (items, end) = collect(stream(async |mut responses| {
            for i in 0..count {
                responses.send(i).await;
            }
            Ok(())
        }));
        assert_eq!(items, (0..count).collect::<Vec<_>>());
        assert!(end.is_none());
    }
}

#[test]
fn an_error_is_the_last_item() {
    let (items, end) = collect(stream(async |mut responses| {
        responses.send(1).await;
        Err(Status::aborted("enough"))
    }));
    assert_eq!(items, [1]);
    assert_eq!(end.unwrap().message(), "enough");
}

#[test]
fn a_message_is_out_before_what_the_closure_waits_for() {
    let mut stream = Box::pin(stream(async |mut responses| {
        responses.send(1).await;
        std::future::pending::<()>().await;
        Ok(())
    }));
    assert!(matches!(poll(&mut stream), Poll::Ready(Some(Ok(1)))));
    assert!(poll(&mut stream).is_pending());
}

#[test]
fn a_message_is_sent_though_nobody_waits_until_it_is_taken() {
    let (items, _) = collect(stream(async |mut responses| {
        for i in 0..ROOM {
            drop(responses.send(i));
        }
        // The message has no room yet, and its future is dropped.
        drop(responses.send(100));
        responses.send(200).await;
        drop(responses.send(300));
        Ok(())
    }));
    assert_eq!(items, [0, 1, 2, 3, 4, 5, 6, 7, 200, 300]);
}

#[test]
fn row_50_messages_are_made_ahead_only_while_a_call_reads_small_ones() {
    let made = Cell::new(0);
    let mut stream = Box::pin(stream(async |mut responses| {
        loop {
            made.set(made.get() + 1);
            responses.send(made.get()).await;
        }
    }));
    assert_eq!(made.get(), 0);
    // Returns the number of messages that were created ahead when one is taken.
    let mut next = |count| {
        assert!(matches!(poll(&mut stream), Poll::Ready(Some(Ok(item))) if item == count));
        made.get() - count
    };
    assert_eq!([1, 2, 3].map(&mut next), [0; 3]);
    let mut reading = Reading::new();
    let mut read = |is_small| reading.go_on(is_small);
    read(true);
    read(true);
    assert_eq!([4, 5, 6].map(&mut next), [0; 3]);
    read(true);
    assert_eq!([7, 8, 9, 10, 11, 12].map(&mut next), [3, 2, 1, 0, 3, 2]);
    // After a large message, existing messages are read, and no more are created ahead.
    read(false);
    assert_eq!([13, 14, 15, 16].map(&mut next), [1, 0, 0, 0]);
    read(true);
    assert_eq!([17, 18].map(&mut next), [3, 2]);
    drop(reading);
    assert_eq!([19, 20, 21, 22].map(&mut next), [1, 0, 0, 0]);
}

/// A future with a waker of its own. It is only polled again after this waker was woken.
struct Alone<F> {
    future: Pin<Box<F>>,
    woken: Arc<Woken>,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl<F: Future> Future for Alone<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<F::Output> {
        if !self.woken.0.swap(false, Ordering::SeqCst) {
            return Poll::Pending;
        }
        let waker = Waker::from(Arc::clone(&self.woken));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

#[test]
fn a_message_may_be_sent_by_a_future_with_a_waker_of_its_own() {
    let (items, end) = collect(stream(async |mut responses| {
        let sending = async {
            for i in 0..20 {
                responses.send(i).await;
            }
            Ok(())
        };
        let alone = Alone {
            future: Box::pin(sending),
            woken: Arc::new(Woken(AtomicBool::new(true))),
        };
        alone.await
    }));
    assert_eq!(items, (0..20).collect::<Vec<_>>());
    assert!(end.is_none());
}

#[test]
fn a_closure_passes_on_what_another_one_sends() {
    let (items, end) = collect(stream(async |mut responses| {
        let mut others = std::pin::pin!(stream(async |mut others| {
            for i in 0..20 {
                others.send(i).await;
            }
            Ok(())
        }));
        while let Some(other) = poll_fn(|context| others.as_mut().poll_next(context)).await {
            responses.send(other?).await;
        }
        Ok(())
    }));
    assert_eq!(items, (0..20).collect::<Vec<_>>());
    assert!(end.is_none());
}

//! Requests from iterators that may block.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::background::spawn;
use super::wait::sleep_until_ready;
use crate::Result;
use crate::call::request_queue::{QueueSender, SentRequests, queue};

/// Creates the requests of a streaming call from an iterator that may block.
///
/// The iterator may read a file, receive from a channel, or wait for the loop over the responses. Blocking stubs call
/// this function for the iterators that are passed to them. Call it yourself to pass an iterator to an async stub or to
/// a method of [`Channel`](crate::Channel).
///
/// A separate thread reads the iterator during the call, as fast as the call sends requests. When the iterator ends,
/// the requests end. If the iterator panics, the call is cancelled.
pub fn requests<I>(requests: I) -> Produced<I::IntoIter>
where
    I: IntoIterator<Item: Send + 'static, IntoIter: Send + 'static>,
{
    Produced(Stage::Waiting(Some(requests.into_iter())))
}

/// A stream of the requests of a blocking iterator. [`requests`] creates it.
pub struct Produced<I: Iterator>(Stage<I>);

enum Stage<I: Iterator> {
    /// Nothing has been read from the iterator yet.
    Waiting(Option<I>),
    Running(SentRequests<I::Item>),
}

impl<I: Iterator> Unpin for Produced<I> {}

impl<I> Stream for Produced<I>
where
    I: Iterator<Item: Send + 'static> + Send + 'static,
{
    type Item = Result<I::Item>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Stage::Waiting(requests) = &mut self.0 {
            let Some(requests) = requests.take() else {
                return Poll::Ready(None);
            };
            let (sender, sent) = queue();
            if let Err(status) = spawn(Box::new(move || produce(requests, &sender))) {
                return Poll::Ready(Some(Err(status)));
            }
            self.0 = Stage::Running(sent);
        }
        match &mut self.0 {
            Stage::Running(sent) => Pin::new(sent).poll_next(context),
            Stage::Waiting(_) => Poll::Ready(None),
        }
    }
}

/// Sends the items of an iterator, until it ends or the call takes no more requests.
fn produce<T>(requests: impl Iterator<Item = T>, sender: &QueueSender<T>) {
    for request in requests {
        let mut request = Some(request);
        let mut unwanted = false;
        sleep_until_ready(&mut |context| {
            let sent = sender.poll_send(&mut request, context);
            sent.map(|sent| unwanted = sent.is_err())
        });
        if unwanted {
            return;
        }
    }
}

impl<I: Iterator> fmt::Debug for Produced<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Produced").finish_non_exhaustive()
    }
}

//! Runs several attempts with staggered starts ("Happy Eyeballs", RFC 8305; gRFC A61).

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::time::sleep;

/// The time after which the next attempt starts while the previous one is still running (RFC 8305, 5: "Connection Attempt
/// Delay").
const HEAD_START: Duration = Duration::from_millis(250);

/// Runs attempts until one succeeds, and drops the others. The next attempt starts when one fails, or after the head start. If
/// all fail, returns their errors in the order of the attempts.
pub(crate) async fn race<F, T, E>(attempts: impl IntoIterator<Item = F>) -> Result<T, Vec<E>>
where
    F: Future<Output = Result<T, E>>,
{
    let mut attempts = attempts.into_iter().fuse();
    let mut running: Vec<Running<F, E>> = Vec::new();
    let mut head_start = pin!(sleep(HEAD_START));
    let (mut is_due, mut all_begun) = (true, false);
    poll_fn(|context| {
        loop {
            if std::mem::take(&mut is_due) {
                match attempts.next() {
                    Some(attempt) => running.push(Running::Still(Box::pin(attempt))),
                    None => all_begun = true,
                }
                head_start.set(sleep(HEAD_START));
            }
            let mut has_failed = false;
            for attempt in &mut running {
                let Running::Still(future) = attempt else {
                    continue;
                };
                match future.as_mut().poll(context) {
                    Poll::Ready(Ok(winner)) => return Poll::Ready(Ok(winner)),
                    Poll::Ready(Err(error)) => {
                        *attempt = Running::Failed(error);
                        has_failed = true;
                    }
                    Poll::Pending => {}
                }
            }
            if all_begun {
                if !running.iter().all(Running::has_failed) {
                    return Poll::Pending;
                }
                let errors = running.drain(..).filter_map(Running::error).collect();
                return Poll::Ready(Err(errors));
            }
            if !has_failed && head_start.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            is_due = true;
        }
    })
    .await
}

enum Running<F, E> {
    Still(Pin<Box<F>>),
    Failed(E),
}

impl<F, E> Running<F, E> {
    fn has_failed(&self) -> bool {
        matches!(self, Running::Failed(_))
    }

    fn error(self) -> Option<E> {
        match self {
            Running::Still(_) => None,
            Running::Failed(error) => Some(error),
        }
    }
}

//! Computation away from the threads that carry calls.

#[cfg(feature = "server")]
mod counted;

use std::future::pending;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::available_parallelism;

use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, spawn_blocking};

#[cfg(feature = "server")]
pub(crate) use self::counted::Counted;

/// Runs a computation on a thread of its own, and returns its result. In gRPC Python, a pool of processes runs such work.
///
/// The task of a connection polls a servicer's method first, and a task of its own may poll the method later. While the method
/// computes between two awaits, other calls wait. Up to a tenth of a millisecond is fine. Offload longer computations.
///
/// ```
/// use stubwright::{Result, ServicerContext, offload};
/// # fn factors(n: u64) -> Vec<u64> { vec![n] }
///
/// async fn factorize(n: u64, _context: &ServicerContext) -> Result<Vec<u64>> {
///     Ok(offload(move || factors(n)).await)
/// }
/// ```
///
/// In the whole process, as many computations run at a time as there are processors. Further computations wait in order. A call
/// counts towards `ServerBuilder::max_concurrent_rpcs` and `interceptors::MethodConcurrency` as long as its computation runs.
///
/// If the call is cancelled or its deadline passes, the future is dropped. A computation that has not begun then never begins. A
/// computation that has begun continues, and its result is dropped. To stop such a computation, use [`offload_with`]. If the
/// computation panics, awaiting the future panics too, so that the call ends with INTERNAL.
///
/// Use tokio's `spawn_blocking` for work that waits instead of computing, such as file access or locks.
///
/// # Panics
/// Panics outside of a tokio runtime, or if `work` panics.
pub async fn offload<T, F>(work: F) -> T
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    run(process_wide(), |_| work()).await
}

/// Runs a computation like [`offload()`], and gives it a [`Cancellation`]. This tells the computation whether its result is still
/// needed. A long computation should ask it from time to time.
///
/// ```
/// use stubwright::offload_with;
///
/// # async fn count() -> Option<u64> {
/// offload_with(|cancellation| {
///     let mut count = 0;
///     for candidate in 2..1_000_000_u64 {
///         if cancellation.is_cancelled() {
///             return None;
///         }
///         count += u64::from((2..candidate).all(|divisor| candidate % divisor > 0));
///     }
///     Some(count)
/// })
/// .await
/// # }
/// ```
///
/// # Panics
/// Panics like [`offload()`].
pub async fn offload_with<T, F>(work: F) -> T
where
    T: Send + 'static,
    F: FnOnce(&Cancellation) -> T + Send + 'static,
{
    run(process_wide(), work).await
}

/// Tells a computation of [`offload_with`] whether its result is still needed.
#[derive(Clone, Debug, Default)]
pub struct Cancellation(Arc<AtomicBool>);

impl Cancellation {
    /// Returns whether the result is no longer needed, because the call was cancelled or has ended. It is cheap to call this often.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Returns the semaphore that the whole process shares.
fn process_wide() -> &'static Semaphore {
    static TURNS: OnceLock<Semaphore> = OnceLock::new();
    TURNS.get_or_init(|| {
        let processors = available_parallelism().map_or(1, NonZeroUsize::get);
        Semaphore::new(processors)
    })
}

async fn run<T, F>(turns: &'static Semaphore, work: F) -> T
where
    T: Send + 'static,
    F: FnOnce(&Cancellation) -> T + Send + 'static,
{
    #[cfg(feature = "server")]
    let places = counted::places();
    // The semaphore is never closed.
    let turn = turns.acquire().await;
    let cancellation = Cancellation::default();
    let asked = cancellation.clone();
    let task = spawn_blocking(move || {
        // Hold them until the thread is done, even if nothing waits for the result.
        let _turn = turn;
        #[cfg(feature = "server")]
        let _places = places;
        work(&asked)
    });
    let _waiting = Waiting {
        cancellation,
        task: task.abort_handle(),
    };
    match task.await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime is shutting down, and will drop this future too.
            Err(_) => pending().await,
        },
    }
}

/// Cancels a computation when it is dropped.
struct Waiting {
    cancellation: Cancellation,
    task: AbortHandle,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.cancellation.0.store(true, Ordering::Relaxed);
        // Stops a computation that has not begun.
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::sync::mpsc::{Sender, channel};
    use std::task::{Context, Waker};
    use std::time::Duration;

    use super::*;

    fn turns(count: usize) -> &'static Semaphore {
        Box::leak(Box::new(Semaphore::new(count)))
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            let limit = Duration::from_secs(20);
            tokio::time::timeout(limit, future).await.unwrap()
        })
    }

    /// Returns a computation that signals its start, and waits for the signal to end.
    fn told(began: Sender<()>) -> (Sender<()>, impl FnOnce(&Cancellation) + Send + 'static) {
        let (end, wait) = channel();
        let work = move |_: &Cancellation| {
            began.send(()).unwrap();
            // Ignore the error: the test may have ended.
            wait.recv().unwrap_or_default();
        };
        (end, work)
    }

    fn poll_once(future: std::pin::Pin<&mut impl Future>) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        future.poll(&mut context).is_ready()
    }

    #[test]
    fn work_runs_on_another_thread() {
        let here = std::thread::current().id();
        let there = block_on(offload(|| std::thread::current().id()));
        assert_ne!(here, there);
    }

    #[test]
    fn no_more_works_run_at_a_time_than_there_are_turns() {
        block_on(async {
            let turns = turns(1);
            let (began, begins) = channel();
            let (end_first, first) = told(began.clone());
            let (end_second, second) = told(began);
            let mut first = pin!(run(turns, first));
            let mut second = pin!(run(turns, second));
            assert!(!poll_once(first.as_mut()));
            assert!(!poll_once(second.as_mut()));
            begins.recv().unwrap();
            assert_eq!(turns.available_permits(), 0);
            begins.try_recv().unwrap_err();
            end_first.send(()).unwrap();
            first.await;
            assert!(!poll_once(second.as_mut()));
            begins.recv().unwrap();
            end_second.send(()).unwrap();
            second.await;
        });
    }

    #[test]
    fn a_turn_is_taken_as_long_as_work_runs_that_nobody_waits_for() {
        block_on(async {
            let turns = turns(1);
            let (began, begins) = channel();
            let (end, work) = told(began);
            {
                let mut work = pin!(run(turns, work));
                assert!(!poll_once(work.as_mut()));
                begins.recv().unwrap();
            }
            assert_eq!(turns.available_permits(), 0);
            end.send(()).unwrap();
            run(turns, |_| ()).await;
        });
    }

    #[test]
    fn work_that_is_not_waited_for_learns_of_it() {
        block_on(async {
            let (began, begins) = channel();
            let (ended, ends) = channel();
            {
                let mut work = pin!(run(turns(1), move |cancellation| {
                    began.send(()).unwrap();
                    while !cancellation.is_cancelled() {
                        std::thread::yield_now();
                    }
                    ended.send(()).unwrap();
                }));
                assert!(!poll_once(work.as_mut()));
                begins.recv().unwrap();
            }
            ends.recv_timeout(Duration::from_secs(20)).unwrap();
        });
    }

    #[test]
    fn work_that_has_not_begun_never_does() {
        block_on(async {
            let turns = turns(1);
            let (began, begins) = channel();
            let (end, first) = told(began.clone());
            let mut first = pin!(run(turns, first));
            assert!(!poll_once(first.as_mut()));
            begins.recv().unwrap();
            {
                let mut second = pin!(run(turns, move |_| began.send(()).unwrap()));
                assert!(!poll_once(second.as_mut()));
            }
            end.send(()).unwrap();
            first.await;
            run(turns, |_| ()).await;
            begins.try_recv().unwrap_err();
        });
    }

    #[test]
    fn a_panic_continues_in_the_waiting_task() {
        let panic = std::panic::catch_unwind(|| block_on(offload(|| panic!("the work's words"))));
        let words = panic.unwrap_err().downcast::<&str>().unwrap();
        assert_eq!(*words, "the work's words");
    }
}

//! Waiting for a future, on a thread that may.

use std::cell::Cell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use tokio::runtime::Handle;
use tokio::task::coop::{consume_budget, has_budget_remaining};

use super::background::runtime;
use crate::{Result, Status};

/// Waits for a future of this crate's: what has no blocking form, and an async stub's call, can be waited for too.
///
/// ```no_run
/// use stubwright::{Channel, Result, blocking};
///
/// fn connect() -> Result<Channel> {
///     let channel = Channel::insecure("localhost:5000")?;
///     blocking::wait(channel.ready())?;
///     Ok(channel)
/// }
/// ```
///
/// # Errors
/// Those of the future, and FAILED_PRECONDITION within async code.
pub fn wait<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let mut future = pin!(future);
    poll_until_ready(|context| future.as_mut().poll(context))?
}

/// Polls until something is ready, on a thread that may wait, with the runtime around it.
pub(super) fn poll_until_ready<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Result<T> {
    let mut output = None;
    enter(&mut |context| poll(context).map(|ready| output = Some(ready)))?;
    // It is there: the polls go on until it is.
    output.ok_or_else(|| Status::internal("the wait was over too early"))
}

/// What a user's build need not compile for each type.
fn enter(poll: &mut dyn FnMut(&mut Context<'_>) -> Poll<()>) -> Result<()> {
    if is_async() {
        return Err(Status::failed_precondition(
            "a blocking call within async code would stop its thread: use the async stub there, or make the call within \
             tokio::task::spawn_blocking",
        ));
    }
    let _inside = runtime()?.enter();
    sleep_until_ready(poll);
    Ok(())
}

/// Polls until it is ready, and sleeps meanwhile.
pub(super) fn sleep_until_ready(poll: &mut dyn FnMut(&mut Context<'_>) -> Poll<()>) {
    let bell = Bell::of_this_thread();
    let waker = Waker::from(Arc::clone(&bell));
    let mut context = Context::from_waker(&waker);
    while poll(&mut context).is_pending() {
        bell.wait();
    }
    bell.put_back();
}

/// Whether this is a task of a tokio runtime, or what its `block_on` runs: tokio gives these a budget for each poll, which runs
/// out, and none to threads that may block. (It has no question for it.)
fn is_async() -> bool {
    if Handle::try_current().is_err() {
        return false;
    }
    // A budget is a `u8`.
    for _ in 0..=u8::MAX {
        if !has_budget_remaining() {
            return true;
        }
        let spend: Pin<&mut dyn Future<Output = ()>> = pin!(consume_budget());
        if spend
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
        {
            return true;
        }
    }
    false
}

/// Wakes a thread.
struct Bell {
    thread: Thread,
    /// Others may use the thread's own token.
    has_rung: AtomicBool,
}

thread_local! {
    /// The bell of the thread while nobody uses it: one wait within another has its own.
    static BELL: Cell<Option<Arc<Bell>>> = const { Cell::new(None) };
}

impl Bell {
    fn of_this_thread() -> Arc<Bell> {
        // Where a thread ends there is none any more.
        let kept = BELL.try_with(Cell::take).ok().flatten();
        kept.unwrap_or_else(|| {
            Arc::new(Bell {
                thread: thread::current(),
                has_rung: AtomicBool::new(false),
            })
        })
    }

    fn put_back(self: Arc<Bell>) {
        // A thread that ends keeps none.
        BELL.try_with(|bell| bell.set(Some(self))).ok();
    }

    fn wait(&self) {
        while !self.has_rung.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.has_rung.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

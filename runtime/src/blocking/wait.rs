//! Blocks a thread until a future is ready.

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

/// Blocks the thread until a future of this crate is ready, and returns its output. Use this for async functions that
/// have no blocking form, and for the calls of an async stub.
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
/// Returns the error of the future, or FAILED_PRECONDITION in async code.
pub fn wait<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let mut future = pin!(future);
    poll_until_ready(|context| future.as_mut().poll(context))?
}

/// Polls until the output is ready, in the context of the background runtime.
pub(super) fn poll_until_ready<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Result<T> {
    let mut output = None;
    enter(&mut |context| poll(context).map(|ready| output = Some(ready)))?;
    // The polls end only when there is an output.
    output.ok_or_else(|| Status::internal("the wait ended before the call"))
}

/// The part of the wait that does not depend on types, so that it is compiled once.
fn enter(poll: &mut dyn FnMut(&mut Context<'_>) -> Poll<()>) -> Result<()> {
    forbid_async()?;
    let _inside = runtime()?.enter();
    sleep_until_ready(poll);
    Ok(())
}

/// Returns an error in async code, whose thread must not be blocked.
pub(super) fn forbid_async() -> Result<()> {
    if is_async() {
        return Err(Status::failed_precondition(
            "a blocking call in async code would stop its thread: use the async stub there, or make the call in \
             tokio::task::spawn_blocking",
        ));
    }
    Ok(())
}

/// Polls until the output is ready, and sleeps between polls.
pub(super) fn sleep_until_ready(poll: &mut dyn FnMut(&mut Context<'_>) -> Poll<()>) {
    let bell = Bell::of_this_thread();
    let waker = Waker::from(Arc::clone(&bell));
    let mut context = Context::from_waker(&waker);
    while poll(&mut context).is_pending() {
        bell.wait();
    }
    bell.put_back();
}

/// Returns whether the current code runs in a task of a tokio runtime or in its `block_on`.
///
/// tokio has no function for this. But it gives each poll of such code a budget that runs out, and gives no budget to
/// threads that may block.
fn is_async() -> bool {
    if Handle::try_current().is_err() {
        return false;
    }
    // The budget is a `u8`.
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

/// Wakes a sleeping thread.
struct Bell {
    thread: Thread,
    /// Needed because other code may use the thread's own park token.
    has_rung: AtomicBool,
}

thread_local! {
    /// The thread's bell, while no wait uses it. A wait inside another wait creates its own bell.
    static BELL: Cell<Option<Arc<Bell>>> = const { Cell::new(None) };
}

impl Bell {
    fn of_this_thread() -> Arc<Bell> {
        // There is no bell while the thread ends.
        let kept = BELL.try_with(Cell::take).ok().flatten();
        kept.unwrap_or_else(|| {
            Arc::new(Bell {
                thread: thread::current(),
                has_rung: AtomicBool::new(false),
            })
        })
    }

    fn put_back(self: Arc<Bell>) {
        // A thread that ends keeps no bell.
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

//! The runtime that drives blocking calls.

use std::future::pending;
use std::io;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use tokio::runtime::{Builder, Handle};

use crate::{Result, Status};

/// Returns the runtime. It starts at the first use and runs until the program ends.
pub(super) fn runtime() -> Result<&'static Handle> {
    static RUNTIME: OnceLock<Handle> = OnceLock::new();
    static STARTING: Mutex<()> = Mutex::new(());
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    // If several threads come first, one of them starts it.
    let _one = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let started = start().map_err(|error| {
        Status::resource_exhausted(format!(
            "cannot start the thread that drives blocking calls: {error}"
        ))
        .with_source(error)
    })?;
    Ok(RUNTIME.get_or_init(|| started))
}

/// Runs blocking work on a thread of the pool.
///
/// The closure is boxed, so that starting a thread is not compiled for each type of iterator.
pub(super) fn spawn(work: Box<dyn FnOnce() + Send>) -> Result<()> {
    drop(runtime()?.spawn_blocking(work));
    Ok(())
}

fn start() -> io::Result<Handle> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .thread_name("stubwright-requests")
        .build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name("stubwright-blocking".to_owned())
        .spawn(move || runtime.block_on(pending::<()>()))?;
    Ok(handle)
}

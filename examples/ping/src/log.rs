//! The lines that server and client print for their calls.

use std::sync::atomic::{AtomicU32, Ordering};

use stubwright::{ClientCall, Result, ServerCall};

/// A server interceptor that prints a line when a call comes, and another when it has ended.
///
/// # Errors
/// What the call ends with.
pub async fn log_calls(mut call: ServerCall) -> Result<()> {
    let id = call.metadata().get("request-id");
    let id = id.unwrap_or("none").to_owned();
    eprintln!("{} {id}: from {}", call.method(), call.context().peer());

    // A call that is cancelled, or out of time, goes no further than this: its future is dropped here.
    let end = call.proceed().await;
    let (method, took) = (call.method(), call.elapsed().as_millis());
    match &end.result {
        Ok(()) => eprintln!("{method} {id}: OK after {took} ms"),
        Err(status) => eprintln!("{method} {id}: {status} after {took} ms"),
    }
    end.result
}

/// A client interceptor that gives each call a `request-id` that has none, and prints a line when it has ended.
///
/// # Errors
/// What the call ends with.
pub async fn log_outgoing(mut call: ClientCall) -> Result<()> {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    if !call.metadata().contains_key("request-id") {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        call.metadata_mut()
            .insert("request-id", format!("call-{number}"))?;
    }
    let end = call.proceed().await;
    let (method, took) = (call.method(), call.elapsed().as_millis());
    let id = call.metadata().get("request-id").unwrap_or_default();
    eprintln!("{method} {id}: {} after {took} ms", end.code());
    end.result
}

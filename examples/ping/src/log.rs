//! Interceptors that log calls.

use std::sync::atomic::{AtomicU32, Ordering};

use stubwright::{InterceptedCall, OutgoingCall, Result};

/// A server interceptor that prints a line when a call begins, and another when it ends.
///
/// # Errors
/// Returns the error of the call.
pub async fn log_calls(call: InterceptedCall) -> Result<()> {
    let context = call.context();
    let method = context.method().to_owned();
    let id = context.invocation_metadata().get("request-id");
    let id = id.unwrap_or("none").to_owned();
    eprintln!("{method} {id}: from {}", context.peer());

    // If the call is cancelled or its deadline passes, this future is dropped here.
    let end = call.proceed().await;
    let took = end.duration.as_millis();
    match &end.result {
        Ok(()) => eprintln!("{method} {id}: OK after {took} ms"),
        Err(status) => eprintln!("{method} {id}: {status} after {took} ms"),
    }
    end.result
}

/// A client interceptor that adds a `request-id` to calls without one, and prints a line when a call ends.
///
/// # Errors
/// Returns the error of the call.
pub async fn log_outgoing(mut call: OutgoingCall) -> Result<()> {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    if !call.metadata().contains_key("request-id") {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        call.metadata_mut()
            .insert("request-id", format!("call-{number}"))?;
    }
    let end = call.proceed().await;
    let (method, took) = (call.method(), end.duration.as_millis());
    let id = call.metadata().get("request-id").unwrap_or_default();
    eprintln!("{method} {id}: {} after {took} ms", end.code());
    end.result
}

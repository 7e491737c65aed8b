//! What the server says of its calls.

use stubwright::{InterceptedCall, Result};

/// A server interceptor that prints a line when a call comes, and another when it has ended.
///
/// # Errors
/// What the call ends with.
pub async fn log_calls(call: InterceptedCall) -> Result<()> {
    let context = call.context();
    let method = context.method().to_owned();
    let id = context.invocation_metadata().get("request-id");
    let id = id.unwrap_or("none").to_owned();
    eprintln!("{method} {id}: from {}", context.peer());

    // A call that is cancelled, or out of time, goes no further than this: its future is dropped here.
    let end = call.proceed().await;
    let took = end.duration.as_millis();
    match &end.result {
        Ok(()) => eprintln!("{method} {id}: OK after {took} ms"),
        Err(status) => eprintln!("{method} {id}: {status} after {took} ms"),
    }
    end.result
}

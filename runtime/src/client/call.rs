//! What is known of a call beside its messages.

use crate::{Code, Metadata, Result};

/// How a call has ended, and what came beside its messages: after success and failure, with and without interceptors.
///
/// `end()` of a call gives it once the call has ended, and `with_call()` beside the response. It does not depend on what has become
/// of the call's error.
///
/// ```
/// # async fn example(channel: stubwright::Channel) {
/// use stubwright::Prost;
///
/// let mut call = channel.unary_unary::<String, String, _>("/echo.Echo/Say", Prost, "hello".into());
/// if (&mut call).await.is_err() {
///     let end = call.end().expect("the call has ended");
///     println!("{}: {:?}", end.code(), end.initial_metadata().get("server-id"));
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Call {
    pub(crate) result: Result<()>,
    pub(crate) initial: Metadata,
    pub(crate) trailing: Metadata,
    pub(crate) previous_attempts: u32,
}

impl Call {
    /// The status that the call has ended with: `Ok`, or the error that its caller was given.
    pub fn result(&self) -> Result<()> {
        self.result.clone()
    }

    /// The metadata that the server sent before its first response, or before its error; empty if it sent none.
    pub fn initial_metadata(&self) -> &Metadata {
        &self.initial
    }

    /// The metadata that the server sent with the status.
    pub fn trailing_metadata(&self) -> &Metadata {
        &self.trailing
    }

    /// The code of the status.
    pub fn code(&self) -> Code {
        match &self.result {
            Ok(()) => Code::Ok,
            Err(status) => status.code(),
        }
    }

    /// How often the call was made before it was made as it ended: by the retry policy of its method, when it had failed, or by the
    /// hedging policy, side by side. Servers are told by `grpc-previous-rpc-attempts`.
    pub fn previous_rpc_attempts(&self) -> u32 {
        self.previous_attempts
    }

    /// The message of the status, which is empty for OK.
    pub fn details(&self) -> &str {
        match &self.result {
            Ok(()) => "",
            Err(status) => status.message(),
        }
    }
}

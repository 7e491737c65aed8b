//! What is known of a call beside its messages.

use crate::{Code, Metadata};

/// What came with the response of a call that ended well: `with_call()` gives it beside the message. What came with a
/// failure is in its [`Status`](crate::Status).
#[derive(Clone, Debug)]
pub struct Call {
    pub(crate) initial: Metadata,
    pub(crate) trailing: Metadata,
    pub(crate) previous_attempts: u32,
}

impl Call {
    /// The metadata that the server sent before the response.
    pub fn initial_metadata(&self) -> &Metadata {
        &self.initial
    }

    /// The metadata that the server sent after the response.
    pub fn trailing_metadata(&self) -> &Metadata {
        &self.trailing
    }

    /// How the call ended: OK.
    pub fn code(&self) -> Code {
        Code::Ok
    }

    /// How often the call was made before it was made as it ended: by the retry policy of its method, when it had failed, or by the
    /// hedging policy, side by side. Servers are told by `grpc-previous-rpc-attempts`.
    pub fn previous_rpc_attempts(&self) -> u32 {
        self.previous_attempts
    }

    /// The message of the status, which is empty for OK.
    pub fn details(&self) -> &str {
        ""
    }
}

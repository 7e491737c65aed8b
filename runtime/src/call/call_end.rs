//! The end of a call.

use super::Peer;
use crate::{Code, Metadata, Result};

/// The end of a call: its status, metadata, peer and attempts.
///
/// It is one value for all who ask: `end()` of a call returns it once the call has ended, `with_call()` beside the response, and
/// `proceed()` gives it to interceptors on both sides. It is there after success and after failure, and does not depend on what has
/// become of the call's error.
///
/// ```
/// # async fn example(channel: stubwright::Channel) {
/// use stubwright::Prost;
///
/// let mut call = channel.unary_unary::<String, String, _>("/echo.Echo/Say", Prost, "hello".into());
/// if (&mut call).await.is_err() {
///     let end = call.end().expect("the call has ended");
///     println!("{} from {}: {}", end.code(), end.peer, end.details());
///     println!("{:?}", end.initial_metadata.get("server-id"));
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CallEnd {
    /// The status of the call: `Ok`, or the error that its caller gets.
    pub result: Result<()>,
    /// The metadata that the server sent before its first response or its error; empty if it sent none.
    pub initial_metadata: Metadata,
    /// The metadata that the server sent with the status.
    pub trailing_metadata: Metadata,
    /// The other end of the connection: the server for a caller, the client for an interceptor of a server. It is unknown if the call
    /// reached no connection.
    pub peer: Peer,
    /// The number of attempts that the channel made before the last one, by the retry or the hedging policy of the method. Servers
    /// are told by `grpc-previous-rpc-attempts`. It is 0 for interceptors of a server.
    pub previous_rpc_attempts: u32,
}

impl CallEnd {
    /// Returns the code of the status.
    pub fn code(&self) -> Code {
        match &self.result {
            Ok(()) => Code::Ok,
            Err(status) => status.code(),
        }
    }

    /// Returns the message of the status, which is empty for OK.
    pub fn details(&self) -> &str {
        match &self.result {
            Ok(()) => "",
            Err(status) => status.message(),
        }
    }
}

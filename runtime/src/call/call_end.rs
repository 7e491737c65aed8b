//! The end of a call.

use super::Peer;
use crate::{Code, Metadata, Result};

/// The end of a call: its status, metadata, peer and attempts.
///
/// A call's `end()` returns this once the call has ended, and `with_call()` returns it together with the response. On both sides,
/// `proceed()` returns it to interceptors. The end is available after success and after failure, even if the call's error has been
/// dropped.
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
    /// The status of the call: `Ok`, or the error that the caller receives.
    pub result: Result<()>,
    /// The initial metadata that the server sent. It is empty if the server sent none.
    pub initial_metadata: Metadata,
    /// The metadata that the server sent with the status.
    pub trailing_metadata: Metadata,
    /// The other end of the connection: the server on the client's side, the client on the server's. It is
    /// [`PeerAddress::Unknown`](crate::PeerAddress::Unknown) if the call never had a connection.
    pub peer: Peer,
    /// The number of attempts before the last one, made by the method's retry or hedging policy. The client sends this number to
    /// the server as `grpc-previous-rpc-attempts`, so interceptors of a server can read it too.
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

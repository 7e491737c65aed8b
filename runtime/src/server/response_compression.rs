//! The choice of a response's compression.

use crate::Compression;

/// The compression of a response's messages. It applies to clients that accept it; messages to others are not compressed.
///
/// A [`Compression`] is the same for all calls, so it may be given in place of this wherever a server takes one.
///
/// ```
/// use stubwright::{MethodOptions, ResponseCompression, Server};
///
/// let server = Server::builder()
///     .compression(ResponseCompression::AsRequest)
///     .method_options("files.Files", MethodOptions::new().compression(stubwright::Compression::Identity))
///     .build();
/// # drop(server);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseCompression {
    /// The same for all calls.
    Always(Compression),
    /// The compression that the request announces (`grpc-encoding`), or none if it announces none.
    AsRequest,
}

impl ResponseCompression {
    /// Returns the compression of the response to a request with this one.
    #[inline]
    pub(crate) fn to(self, request: Compression) -> Compression {
        match self {
            ResponseCompression::Always(compression) => compression,
            ResponseCompression::AsRequest => request,
        }
    }
}

impl Default for ResponseCompression {
    fn default() -> ResponseCompression {
        ResponseCompression::Always(Compression::Identity)
    }
}

impl From<Compression> for ResponseCompression {
    fn from(compression: Compression) -> ResponseCompression {
        ResponseCompression::Always(compression)
    }
}

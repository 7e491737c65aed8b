//! The choice of a response's compression.

use crate::Compression;

/// The compression of a response's messages. Messages to clients that do not accept the compression are sent
/// uncompressed.
///
/// Methods that take a `ResponseCompression` also take a [`Compression`], which they convert to
/// [`Always`](ResponseCompression::Always).
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
    /// The same compression for all calls.
    Always(Compression),
    /// The compression that the request announces in `grpc-encoding`. The response is uncompressed if the request
    /// announces no compression.
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

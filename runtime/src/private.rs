//! The items that generated code uses. Programs must not use them, because they change with the generator in any
//! version.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

#[cfg(feature = "reflect")]
pub use crate::base::reflect::descriptor_of as descriptor;
pub use crate::base::{Descriptors, Prost, Protobuf};
#[cfg(feature = "client")]
pub use crate::client::{stream_stream, stream_unary, unary_stream, unary_unary};
#[cfg(feature = "server")]
pub use crate::server::{HandlerFuture, HandlersBuilder, ServicerCall};
use crate::{Result, Status};

/// Returns the response of a method that its servicer does not implement.
pub fn unimplemented<T: Send>() -> impl Future<Output = Result<T>> + Send {
    answer()
}

/// Returns the responses of a streaming method that its servicer does not implement.
pub fn unimplemented_stream<T: Send>() -> impl Stream<Item = Result<T>> + Send {
    Once(Some(answer().into_inner()))
}

fn answer<T>() -> Ready<Result<T>> {
    ready(Err(Status::unimplemented("Method not implemented!")))
}

/// A stream of one item.
struct Once<T>(Option<T>);

impl<T> Unpin for Once<T> {}

impl<T> Stream for Once<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<T>> {
        Poll::Ready(self.0.take())
    }
}

//! Calls of any method, without a stub.

use std::fmt::Debug;

use super::call_head::method_path;
use super::call_state::CallState;
use super::channel::Channel;
use super::into_requests::IntoRequests;
use super::streaming::StreamingCall;
use super::unary::UnaryCall;
use crate::base::Codec;
use crate::base::erasure::{Requests, Slot};
use crate::base::header::Header;

/// Methods that call any method of any service, by its name and with a codec: [`Prost`](crate::Prost) for messages of prost,
/// [`Raw`](crate::Raw) for bytes. The name has the form `/package.Service/Method`. A call with an invalid name fails with
/// INVALID_ARGUMENT.
///
/// ```
/// # async fn example(channel: stubwright::Channel) -> stubwright::Result<()> {
/// use bytes::Bytes;
/// use stubwright::{Prost, Raw};
///
/// let encoded: Bytes = channel.unary_unary("/echo.Echo/Say", Raw, Bytes::new()).await?;
/// let decoded: String = channel.unary_unary("/echo.Echo/Say", Prost, String::from("hello")).await?;
/// # drop((encoded, decoded));
/// # Ok(())
/// # }
/// ```
impl Channel {
    /// Creates a call with one request and one response. gRPC Python's `channel.unary_unary`.
    pub fn unary_unary<Req, Res, C>(
        &self,
        method: impl AsRef<str>,
        _codec: C,
        request: Req,
    ) -> UnaryCall<Req, Res>
    where
        Req: Debug + Send + 'static,
        Res: Debug + 'static,
        C: Codec<Req> + Codec<Res>,
    {
        let state = self.call(method.as_ref(), true);
        UnaryCall::new(state, Requests::one::<C>(request), Slot::of::<C>())
    }

    /// Creates a call with one request and a stream of responses. gRPC Python's `channel.unary_stream`.
    pub fn unary_stream<Req, Res, C>(
        &self,
        method: impl AsRef<str>,
        _codec: C,
        request: Req,
    ) -> StreamingCall<Res>
    where
        Req: Debug + Send + 'static,
        Res: Debug + 'static,
        C: Codec<Req> + Codec<Res>,
    {
        let state = self.call(method.as_ref(), false);
        StreamingCall::new(state, Requests::one::<C>(request).boxed(), Slot::of::<C>())
    }

    /// Creates a call with a stream of requests and one response. gRPC Python's `channel.stream_unary`.
    pub fn stream_unary<Req, Res, C, M>(
        &self,
        method: impl AsRef<str>,
        _codec: C,
        requests: impl IntoRequests<Req, M>,
    ) -> UnaryCall<Req, Res>
    where
        Req: Debug + Send + 'static,
        Res: Debug + 'static,
        C: Codec<Req> + Codec<Res>,
    {
        let requests = Requests::many::<C>(requests.into_requests());
        let state = self.call(method.as_ref(), true);
        UnaryCall::new(state, requests, Slot::of::<C>())
    }

    /// Creates a call with a stream of requests and a stream of responses. gRPC Python's `channel.stream_stream`.
    pub fn stream_stream<Req, Res, C, M>(
        &self,
        method: impl AsRef<str>,
        _codec: C,
        requests: impl IntoRequests<Req, M>,
    ) -> StreamingCall<Res>
    where
        Req: Debug + Send + 'static,
        Res: Debug + 'static,
        C: Codec<Req> + Codec<Res>,
    {
        let requests = Requests::many::<C>(requests.into_requests());
        let state = self.call(method.as_ref(), false);
        StreamingCall::new(state, requests.boxed(), Slot::of::<C>())
    }

    fn call(&self, method: &str, one_response: bool) -> CallState {
        let (path, invalid) = match method_path(method) {
            Ok(path) => (path, None),
            Err(status) => (Header::path("/"), Some(status)),
        };
        let mut state = CallState::new(self, path, one_response);
        state.options().invalid = invalid;
        state
    }
}

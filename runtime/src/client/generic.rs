//! Calls of any method, for those who have no stub for it.

use std::fmt::Debug;

use super::channel::Channel;
use super::course::Course;
use super::into_requests::IntoRequests;
use super::streaming::StreamingCall;
use super::unary::UnaryCall;
use crate::base::Codec;
use crate::base::erasure::{Requests, Slot};
use crate::base::header::Header;
use crate::{Result, Status};

/// Calls of any method, by its name and with a codec of the program's choice: [`Prost`](crate::Prost) for messages of prost's,
/// [`Raw`](crate::Raw) for bytes. A method is named `/package.Service/Method`; a name that is none fails the call with
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
    /// A call with one request and one response. gRPC Python's `channel.unary_unary`.
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
        let course = self.course(method.as_ref(), true);
        UnaryCall::new(course, Requests::one::<C>(request), Slot::of::<C>())
    }

    /// A call with one request and a stream of responses. gRPC Python's `channel.unary_stream`.
    pub fn unary_stream<Req, Res, C>(
        &self,
        method: impl AsRef<str>,
        _codec: C,
        request: Req,
    ) -> StreamingCall<Req, Res>
    where
        Req: Debug + Send + 'static,
        Res: Debug + 'static,
        C: Codec<Req> + Codec<Res>,
    {
        let course = self.course(method.as_ref(), false);
        StreamingCall::new(course, Requests::one::<C>(request), Slot::of::<C>())
    }

    /// A call with a stream of requests and one response. gRPC Python's `channel.stream_unary`.
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
        let course = self.course(method.as_ref(), true);
        UnaryCall::new(course, requests, Slot::of::<C>())
    }

    /// A call with a stream of requests and a stream of responses. gRPC Python's `channel.stream_stream`.
    pub fn stream_stream<Req, Res, C, M>(
        &self,
        method: impl AsRef<str>,
        _codec: C,
        requests: impl IntoRequests<Req, M>,
    ) -> StreamingCall<Req, Res>
    where
        Req: Debug + Send + 'static,
        Res: Debug + 'static,
        C: Codec<Req> + Codec<Res>,
    {
        let requests = Requests::many::<C>(requests.into_requests());
        let course = self.course(method.as_ref(), false);
        StreamingCall::new(course, requests, Slot::of::<C>())
    }

    fn course(&self, method: &str, one_response: bool) -> Course {
        let path = path(method);
        let (path, invalid) = match path {
            Ok(path) => (path, None),
            Err(status) => (Header::from_static(":path", "/"), Some(status)),
        };
        let mut course = Course::new(self, path, one_response);
        course.options().invalid = invalid;
        course
    }
}

/// The `:path` of a method.
pub(super) fn path(method: &str) -> Result<Header> {
    let is_path = method.starts_with('/') && method.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_path {
        return Err(Status::invalid_argument(format!(
            "{method:?} is no method: methods are named /package.Service/Method"
        )));
    }
    Ok(Header::new(b":path", method.as_bytes()))
}

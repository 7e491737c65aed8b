//! What the methods of a stub do: one function per kind of call. They are not inlined, for then each method would be compiled with one.

use std::fmt::Debug;

use super::channel::Channel;
use super::draft::Draft;
use super::messages::{Reading, Sending};
use super::requests::{IntoRequests, Requests};
use super::streaming::StreamingCall;
use super::unary::UnaryCall;
use crate::codec::Codec;
use crate::header::Header;

/// A call with one request and one response.
#[inline(never)]
pub fn unary_unary<
    Req: Debug + Send + 'static,
    Res: Debug + 'static,
    C: Codec<Req> + Codec<Res>,
>(
    channel: &Channel,
    path: &'static str,
    _codec: C,
    request: Req,
) -> UnaryCall<Req, Res> {
    let draft = draft::<Req, C>(channel, path, Requests::One(request));
    UnaryCall::new(draft, Reading::of::<C>())
}

/// A call with one request and a stream of responses.
#[inline(never)]
pub fn unary_stream<
    Req: Debug + Send + 'static,
    Res: Debug + 'static,
    C: Codec<Req> + Codec<Res>,
>(
    channel: &Channel,
    path: &'static str,
    _codec: C,
    request: Req,
) -> StreamingCall<Req, Res> {
    let draft = draft::<Req, C>(channel, path, Requests::One(request));
    StreamingCall::new(draft, Reading::of::<C>())
}

/// A call with a stream of requests and one response.
#[inline(never)]
pub fn stream_unary<
    Req: Debug + Send + 'static,
    Res: Debug + 'static,
    C: Codec<Req> + Codec<Res>,
    M,
>(
    channel: &Channel,
    path: &'static str,
    _codec: C,
    requests: impl IntoRequests<Req, M>,
) -> UnaryCall<Req, Res> {
    let draft = draft::<Req, C>(channel, path, Requests::many(requests.into_requests()));
    UnaryCall::new(draft, Reading::of::<C>())
}

/// A call with a stream of requests and a stream of responses.
#[inline(never)]
pub fn stream_stream<
    Req: Debug + Send + 'static,
    Res: Debug + 'static,
    C: Codec<Req> + Codec<Res>,
    M,
>(
    channel: &Channel,
    path: &'static str,
    _codec: C,
    requests: impl IntoRequests<Req, M>,
) -> StreamingCall<Req, Res> {
    let draft = draft::<Req, C>(channel, path, Requests::many(requests.into_requests()));
    StreamingCall::new(draft, Reading::of::<C>())
}

fn draft<Req: Debug + Send + 'static, C: Codec<Req>>(
    channel: &Channel,
    path: &'static str,
    requests: Requests<Req>,
) -> Draft<Req> {
    let path = Header::from_static(":path", path);
    Draft::new(channel, path, Sending::of::<C>(requests))
}

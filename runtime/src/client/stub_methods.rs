//! The four functions that the methods of stubs call, one for each kind of call. They are not inlined, because otherwise each
//! method of a stub would contain a copy.

use std::fmt::Debug;

use super::call_state::CallState;
use super::channel::Channel;
use super::into_requests::IntoRequests;
use super::streaming::StreamingCall;
use super::unary::UnaryCall;
use crate::base::Codec;
use crate::base::erasure::{Requests, Slot};
use crate::base::header::Header;

/// Creates a call with one request and one response.
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
    let requests = Requests::one::<C>(request);
    UnaryCall::new(state(channel, path, true), requests, Slot::of::<C>())
}

/// Creates a call with one request and a stream of responses.
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
) -> StreamingCall<Res> {
    let requests = Requests::one::<C>(request);
    StreamingCall::new(
        state(channel, path, false),
        requests.boxed(),
        Slot::of::<C>(),
    )
}

/// Creates a call with a stream of requests and one response.
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
    let requests = Requests::many::<C>(requests.into_requests());
    UnaryCall::new(state(channel, path, true), requests, Slot::of::<C>())
}

/// Creates a call with a stream of requests and a stream of responses.
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
) -> StreamingCall<Res> {
    let requests = Requests::many::<C>(requests.into_requests());
    StreamingCall::new(
        state(channel, path, false),
        requests.boxed(),
        Slot::of::<C>(),
    )
}

fn state(channel: &Channel, path: &'static str, one_response: bool) -> CallState {
    CallState::new(channel, Header::path(path), one_response)
}

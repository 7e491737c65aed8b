//! Cases of calls that the client cancels.

use std::time::Duration;

use futures_util::stream::{iter, pending};
use futures_util::{FutureExt, StreamExt};
use stubwright::Code;

use super::expect::{failure, response};
use super::service::{duplex_request, payload};
use super::{Failure, Outcome, Target};
use crate::pb::grpc::testing::{StreamingInputCallRequest, StreamingOutputCallRequest};

pub(super) async fn cancel_after_begin(target: &Target) -> Outcome {
    let service = target.service()?;
    // The metadata is sent once there is a connection.
    service.channel().ready().await?;
    let mut call = service.cancellable_input_call(pending::<StreamingInputCallRequest>());
    if call.next().now_or_never().is_some() {
        return Err(Failure::from("the call ended before it was cancelled"));
    }
    call.cancel();
    failure("the call", call.message().await, Code::Cancelled).map(drop)
}

pub(super) async fn cancel_after_first_response(target: &Target) -> Outcome {
    let requests = iter([duplex_request(27_182, 31_415)]).chain(pending());
    let mut call = target.service()?.full_duplex_call(requests);
    response(1, &mut call, 31_415).await?;
    call.cancel();
    failure("the call", call.message().await, Code::Cancelled).map(drop)
}

pub(super) async fn timeout_on_sleeping_server(target: &Target) -> Outcome {
    let request = StreamingOutputCallRequest {
        payload: payload(27_182),
        ..StreamingOutputCallRequest::default()
    };
    let mut call = target
        .service()?
        .full_duplex_call(iter([request]).chain(pending()))
        .timeout(Duration::from_millis(1));
    failure("the call", call.message().await, Code::DeadlineExceeded).map(drop)
}

//! Cases of streams.

use stubwright::sending;

use super::expect::{end, equal, response, success};
use super::service::{duplex_request, parameters, payload};
use super::{Outcome, Target};
use crate::pb::grpc::testing::{StreamingInputCallRequest, StreamingOutputCallRequest};

/// Sizes of requests and of responses in the description, in bytes.
const REQUESTS: [usize; 4] = [27_182, 8, 1_828, 45_904];
const RESPONSES: [usize; 4] = [31_415, 9, 2_653, 58_979];

pub(super) async fn client_streaming(target: &Target) -> Outcome {
    let requests = REQUESTS.map(|size| StreamingInputCallRequest {
        payload: payload(size),
        ..StreamingInputCallRequest::default()
    });
    let call = target.service()?.streaming_input_call(requests);
    let response = success("the call", call.await)?;
    equal(
        "aggregated_payload_size",
        response.aggregated_payload_size,
        74_922,
    )
}

pub(super) async fn server_streaming(target: &Target) -> Outcome {
    let request = StreamingOutputCallRequest {
        response_parameters: RESPONSES.map(parameters).into(),
        ..StreamingOutputCallRequest::default()
    };
    let mut call = target.service()?.streaming_output_call(request);
    for (number, size) in (1..).zip(RESPONSES) {
        response(number, &mut call, size).await?;
    }
    end("the call", &mut call).await
}

pub(super) async fn ping_pong(target: &Target) -> Outcome {
    let service = target.service()?;
    let (requests, mut call) = sending(|requests| service.full_duplex_call(requests));
    for (number, (request, size)) in (1..).zip(REQUESTS.into_iter().zip(RESPONSES)) {
        let sent = requests.send(duplex_request(request, size)).await;
        success(format!("request {number}"), sent)?;
        response(number, &mut call, size).await?;
    }
    requests.close();
    end("the call", &mut call).await
}

pub(super) async fn empty_stream(target: &Target) -> Outcome {
    let mut call = target.service()?.full_duplex_call([]);
    end("the call", &mut call).await
}

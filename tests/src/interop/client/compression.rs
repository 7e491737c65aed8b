//! Cases of compressed messages. The number of bytes received shows which messages were compressed.

use stubwright::{Code, Compression};

use super::expect::{end, equal, failure, response, success, zeros};
use super::service::{LARGE_RESPONSE, large_request, parameters, payload};
use super::target::Received;
use super::{Outcome, Target};
use crate::pb::grpc::testing::{
    BoolValue, ResponseParameters, SimpleRequest, StreamingInputCallRequest,
    StreamingOutputCallRequest,
};

pub(super) async fn client_compressed_unary(target: &Target) -> Outcome {
    let service = target.service()?;
    let request = |compressed| SimpleRequest {
        expect_compressed: is(compressed),
        ..large_request()
    };
    let probe = service.unary_call(request(true));
    failure(
        "the probe, which is not compressed",
        probe.await,
        Code::InvalidArgument,
    )?;
    for (compressed, compression) in [(true, Compression::Gzip), (false, Compression::Identity)] {
        let what = format!("the call (compressed: {compressed})");
        let call = service
            .unary_call(request(compressed))
            .compression(compression);
        let response = success(&what, call.await)?;
        zeros(&what, response.payload, LARGE_RESPONSE)?;
    }
    Ok(())
}

pub(super) async fn client_compressed_streaming(target: &Target) -> Outcome {
    let service = target.service()?;
    let request = |compressed, size| StreamingInputCallRequest {
        expect_compressed: is(compressed),
        payload: payload(size),
    };
    let probe = service.streaming_input_call([request(true, 27_182)]);
    failure(
        "the probe, which is not compressed",
        probe.await,
        Code::InvalidArgument,
    )?;
    let call = service
        .streaming_input_call([request(true, 27_182), request(false, 45_904)])
        .compression(Compression::Gzip)
        .compress_if(|request: &StreamingInputCallRequest| request.expect_compressed == is(true));
    let response = success("the call", call.await)?;
    equal(
        "aggregated_payload_size",
        response.aggregated_payload_size,
        73_086,
    )
}

pub(super) async fn server_compressed_unary(target: &Target) -> Outcome {
    let (service, received) = target.counted_service()?;
    for compressed in [true, false] {
        let request = SimpleRequest {
            response_compressed: is(compressed),
            ..large_request()
        };
        let what = format!("the response (compressed: {compressed})");
        let response = success(&what, service.unary_call(request).await)?;
        zeros(&what, response.payload, LARGE_RESPONSE)?;
        let whole = if compressed { 0 } else { LARGE_RESPONSE };
        came(&what, &received, whole)?;
    }
    Ok(())
}

pub(super) async fn server_compressed_streaming(target: &Target) -> Outcome {
    const SIZES: [usize; 2] = [31_415, 92_653];
    let (service, received) = target.counted_service()?;
    let compressed = [(SIZES[0], true), (SIZES[1], false)];
    let request = StreamingOutputCallRequest {
        response_parameters: compressed
            .map(|(size, compressed)| ResponseParameters {
                compressed: is(compressed),
                ..parameters(size)
            })
            .into(),
        ..StreamingOutputCallRequest::default()
    };
    let mut call = service.streaming_output_call(request);
    for (number, size) in (1..).zip(SIZES) {
        response(number, &mut call, size).await?;
    }
    end("the call", &mut call).await?;
    // Only this combination gives this number of bytes.
    came(
        "the first response compressed, the second not",
        &received,
        SIZES[1],
    )
}

/// Checks that `whole` bytes were received uncompressed, and beside them only headers and compressed zeros, which are
/// small.
fn came(what: &str, received: &Received, whole: usize) -> Outcome {
    let came = received.take();
    let (least, most) = (whole as u64, whole as u64 + 8192);
    if (least..most).contains(&came) {
        return Ok(());
    }
    Err(format!("{what}: expected between {least} and {most} bytes, got {came}").into())
}

fn is(value: bool) -> Option<BoolValue> {
    Some(BoolValue { value })
}

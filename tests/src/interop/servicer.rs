//! The servicer of `grpc.testing.TestService`, as the public description of the tests specifies it.

use std::time::Duration;

use async_stream::try_stream;
use stubwright::{
    Code, Compression, Metadata, RequestStream, Result, ServicerContext, Status, Stream,
};

use crate::pb::grpc::testing::{
    BoolValue, EchoStatus, Empty, Payload, ResponseParameters, SimpleRequest, SimpleResponse,
    StreamingInputCallRequest, StreamingInputCallResponse, StreamingOutputCallRequest,
    StreamingOutputCallResponse, TestServiceServicer,
};

/// A servicer that follows its requests. `UnimplementedCall` is left out, as the description requires.
#[derive(Clone, Copy, Debug, Default)]
pub struct Interop;

impl TestServiceServicer for Interop {
    async fn empty_call(&self, _request: Empty, context: &ServicerContext) -> Result<Empty> {
        echo_metadata(context)?;
        Ok(Empty {})
    }

    async fn unary_call(
        &self,
        request: SimpleRequest,
        context: &ServicerContext,
    ) -> Result<SimpleResponse> {
        check_compression(request.expect_compressed.as_ref(), context)?;
        if is_true(request.response_compressed.as_ref()) {
            context.set_compression(Compression::Gzip)?;
        }
        echo_metadata(context)?;
        end(request.response_status)?;
        let server_id = request.fill_server_id.then(|| "stubwright".to_owned());
        Ok(SimpleResponse {
            payload: Some(payload(request.response_size)?),
            server_id: server_id.unwrap_or_default(),
            ..SimpleResponse::default()
        })
    }

    async fn cacheable_unary_call(
        &self,
        request: SimpleRequest,
        context: &ServicerContext,
    ) -> Result<SimpleResponse> {
        self.unary_call(request, context).await
    }

    fn streaming_output_call(
        &self,
        request: StreamingOutputCallRequest,
        context: &ServicerContext,
    ) -> impl Stream<Item = Result<StreamingOutputCallResponse>> + Send {
        try_stream! {
            context.set_compression(Compression::Gzip)?;
            echo_metadata(context)?;
            for parameters in request.response_parameters {
                yield response(parameters, context).await?;
            }
            end(request.response_status)?;
        }
    }

    async fn streaming_input_call(
        &self,
        mut requests: RequestStream<StreamingInputCallRequest>,
        context: &ServicerContext,
    ) -> Result<StreamingInputCallResponse> {
        echo_metadata(context)?;
        let mut size = 0_usize;
        while let Some(request) = requests.message().await? {
            check_compression(request.expect_compressed.as_ref(), context)?;
            size += request.payload.map_or(0, |payload| payload.body.len());
        }
        Ok(StreamingInputCallResponse {
            aggregated_payload_size: i32::try_from(size)
                .map_err(|_| Status::out_of_range("the payloads are over 2 GiB"))?,
        })
    }

    fn full_duplex_call(
        &self,
        mut requests: RequestStream<StreamingOutputCallRequest>,
        context: &ServicerContext,
    ) -> impl Stream<Item = Result<StreamingOutputCallResponse>> + Send {
        try_stream! {
            context.set_compression(Compression::Gzip)?;
            echo_metadata(context)?;
            while let Some(request) = requests.message().await? {
                for parameters in request.response_parameters {
                    yield response(parameters, context).await?;
                }
                end(request.response_status)?;
            }
        }
    }

    fn half_duplex_call(
        &self,
        mut requests: RequestStream<StreamingOutputCallRequest>,
        context: &ServicerContext,
    ) -> impl Stream<Item = Result<StreamingOutputCallResponse>> + Send {
        try_stream! {
            context.set_compression(Compression::Gzip)?;
            echo_metadata(context)?;
            let mut collected = Vec::new();
            while let Some(request) = requests.message().await? {
                collected.push(request);
            }
            for request in collected {
                for parameters in request.response_parameters {
                    yield response(parameters, context).await?;
                }
                end(request.response_status)?;
            }
        }
    }
}

/// Echoes two pairs of the request's metadata: one in the initial metadata, one in the trailing metadata.
fn echo_metadata(context: &ServicerContext) -> Result<()> {
    const INITIAL: &str = "x-grpc-test-echo-initial";
    const TRAILING: &str = "x-grpc-test-echo-trailing-bin";
    let received = context.invocation_metadata();
    if let Some(value) = received.get_bin(TRAILING) {
        let mut trailing = Metadata::new();
        trailing.append(TRAILING, value)?;
        context.set_trailing_metadata(trailing);
    }
    if let Some(value) = received.get(INITIAL) {
        let mut initial = Metadata::new();
        initial.append(INITIAL, value)?;
        context.send_initial_metadata(initial)?;
    }
    Ok(())
}

/// Checks that the last request read was compressed, or was not, as the request says.
fn check_compression(expected: Option<&BoolValue>, context: &ServicerContext) -> Result<()> {
    let came = context.request_compression() != Compression::Identity;
    match expected {
        Some(expected) if expected.value != came => Err(Status::invalid_argument(format!(
            "expect_compressed is {}, and the request came {}",
            expected.value,
            if came { "compressed" } else { "uncompressed" }
        ))),
        _ => Ok(()),
    }
}

/// Returns the status that a request asks for.
fn end(status: Option<EchoStatus>) -> Result<()> {
    let Some(EchoStatus { code, message }) = status else {
        return Ok(());
    };
    match u32::try_from(code).ok().and_then(Code::from_number) {
        Some(Code::Ok) => Ok(()),
        code => Err(Status::new(code.unwrap_or(Code::Unknown), message)),
    }
}

/// Creates a response after its delay. It must be sent before the next one is created.
async fn response(
    parameters: ResponseParameters,
    context: &ServicerContext,
) -> Result<StreamingOutputCallResponse> {
    let interval = u64::try_from(parameters.interval_us).unwrap_or(0);
    if interval > 0 {
        tokio::time::sleep(Duration::from_micros(interval)).await;
    }
    if !is_true(parameters.compressed.as_ref()) {
        context.disable_next_message_compression();
    }
    Ok(StreamingOutputCallResponse {
        payload: Some(payload(parameters.size)?),
    })
}

fn payload(size: i32) -> Result<Payload> {
    let size = usize::try_from(size)
        .map_err(|_| Status::invalid_argument(format!("a payload cannot have {size} bytes")))?;
    Ok(Payload {
        body: vec![0; size],
        ..Payload::default()
    })
}

fn is_true(value: Option<&BoolValue>) -> bool {
    value.is_some_and(|value| value.value)
}

//! The servicer of the suite's service.

use std::time::Duration;

use stubwright::prost_types::Any;
use stubwright::{RequestStream, Result, Sender, ServicerContext, Stream, stream};
use tokio::time::sleep;

use crate::any::pack;
use crate::pb::connectrpc::conformance::v1::conformance_payload::RequestInfo;
use crate::pb::connectrpc::conformance::v1::unary_response_definition::Response;
use crate::pb::connectrpc::conformance::v1::{
    BidiStreamRequest, BidiStreamResponse, ClientStreamRequest, ClientStreamResponse,
    ConformancePayload, ConformanceServiceServicer, Error, IdempotentUnaryRequest,
    IdempotentUnaryResponse, ServerStreamRequest, ServerStreamResponse, StreamResponseDefinition,
    UnaryRequest, UnaryResponse, UnaryResponseDefinition,
};
use crate::{error, headers};

/// Follows the requests, and returns their properties. `Unimplemented` is left out, as the suite requires.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conformance;

impl ConformanceServiceServicer for Conformance {
    async fn unary(
        &self,
        request: UnaryRequest,
        context: &ServicerContext,
    ) -> Result<UnaryResponse> {
        let requests = vec![pack("UnaryRequest", &request)];
        let payload = respond(request.response_definition, requests, context).await?;
        Ok(UnaryResponse {
            payload: Some(payload),
        })
    }

    async fn idempotent_unary(
        &self,
        request: IdempotentUnaryRequest,
        context: &ServicerContext,
    ) -> Result<IdempotentUnaryResponse> {
        let requests = vec![pack("IdempotentUnaryRequest", &request)];
        let payload = respond(request.response_definition, requests, context).await?;
        Ok(IdempotentUnaryResponse {
            payload: Some(payload),
        })
    }

    async fn client_stream(
        &self,
        mut requests: RequestStream<ClientStreamRequest>,
        context: &ServicerContext,
    ) -> Result<ClientStreamResponse> {
        let mut definition = None;
        let mut seen = Vec::new();
        while let Some(request) = requests.message().await? {
            seen.push(pack("ClientStreamRequest", &request));
            if seen.len() == 1 {
                definition = request.response_definition;
            }
        }
        let payload = respond(definition, seen, context).await?;
        Ok(ClientStreamResponse {
            payload: Some(payload),
        })
    }

    fn server_stream(
        &self,
        request: ServerStreamRequest,
        context: &ServicerContext,
    ) -> impl Stream<Item = Result<ServerStreamResponse>> + Send {
        stream(async move |mut responses: Sender<ServerStreamResponse>| {
            let requests = vec![pack("ServerStreamRequest", &request)];
            let mut plan = Plan::new(request.response_definition, context)?;
            plan.info = info(context, requests);
            while let Some(payload) = plan.next().await {
                let payload = Some(payload);
                responses.send(ServerStreamResponse { payload }).await;
            }
            plan.end()
        })
    }

    fn bidi_stream(
        &self,
        mut requests: RequestStream<BidiStreamRequest>,
        context: &ServicerContext,
    ) -> impl Stream<Item = Result<BidiStreamResponse>> + Send {
        stream(async move |mut responses: Sender<BidiStreamResponse>| {
            let Some(first) = requests.message().await? else {
                return Ok(());
            };
            let full_duplex = first.full_duplex;
            let mut plan = Plan::new(first.response_definition.clone(), context)?;
            plan.info = info(context, Vec::new());
            let mut next = Some(first);
            while let Some(request) = next {
                plan.info.requests.push(pack("BidiStreamRequest", &request));
                if full_duplex {
                    let Some(payload) = plan.next().await else {
                        return plan.end();
                    };
                    let payload = Some(payload);
                    responses.send(BidiStreamResponse { payload }).await;
                }
                next = requests.message().await?;
            }
            while let Some(payload) = plan.next().await {
                let payload = Some(payload);
                responses.send(BidiStreamResponse { payload }).await;
            }
            plan.end()
        })
    }
}

/// Answers a call with one response.
async fn respond(
    definition: Option<UnaryResponseDefinition>,
    requests: Vec<Any>,
    context: &ServicerContext,
) -> Result<ConformancePayload> {
    context.set_compression(context.request_compression())?;
    let info = info(context, requests);
    let definition = definition.unwrap_or_default();
    context.add_initial_metadata(headers::to_metadata(&definition.response_headers)?)?;
    context.set_trailing_metadata(headers::to_metadata(&definition.response_trailers)?);
    wait(definition.response_delay_ms).await;
    match definition.response {
        Some(Response::Error(error)) => Err(error::to_status(asked(error, &info))),
        Some(Response::ResponseData(data)) => Ok(payload(data, Some(info))),
        None => Ok(payload(Vec::new(), Some(info))),
    }
}

/// The remaining responses of a stream.
struct Plan {
    data: std::vec::IntoIter<Vec<u8>>,
    delay: u32,
    error: Option<Error>,
    /// Sent with the next response, or with the error of a stream without responses.
    info: RequestInfo,
    has_responded: bool,
}

impl Plan {
    /// Begins the response. Its initial metadata is sent at once.
    fn new(
        definition: Option<StreamResponseDefinition>,
        context: &ServicerContext,
    ) -> Result<Plan> {
        context.set_compression(context.request_compression())?;
        let definition = definition.unwrap_or_default();
        context.set_trailing_metadata(headers::to_metadata(&definition.response_trailers)?);
        context.send_initial_metadata(headers::to_metadata(&definition.response_headers)?)?;
        Ok(Plan {
            data: definition.response_data.into_iter(),
            delay: definition.response_delay_ms,
            error: definition.error,
            info: RequestInfo::default(),
            has_responded: false,
        })
    }

    /// Returns the next response after its delay.
    async fn next(&mut self) -> Option<ConformancePayload> {
        let data = self.data.next()?;
        wait(self.delay).await;
        self.has_responded = true;
        let info = std::mem::take(&mut self.info);
        let has_info = info != RequestInfo::default();
        Some(payload(data, has_info.then_some(info)))
    }

    fn end(self) -> Result<()> {
        match self.error {
            None => Ok(()),
            Some(error) if self.has_responded => Err(error::to_status(error)),
            Some(error) => Err(error::to_status(asked(error, &self.info))),
        }
    }
}

fn info(context: &ServicerContext, requests: Vec<Any>) -> RequestInfo {
    let left = context.time_remaining();
    RequestInfo {
        request_headers: headers::from_metadata(context.invocation_metadata()),
        timeout_ms: left.and_then(|left| i64::try_from(left.as_millis()).ok()),
        requests,
        connect_get_info: None,
    }
}

fn payload(data: Vec<u8>, request_info: Option<RequestInfo>) -> ConformancePayload {
    ConformancePayload { data, request_info }
}

/// Adds the request's properties to the details of an error.
fn asked(mut error: Error, info: &RequestInfo) -> Error {
    let name = "ConformancePayload.RequestInfo";
    error.details.push(pack(name, info));
    error
}

async fn wait(milliseconds: u32) {
    if milliseconds > 0 {
        sleep(Duration::from_millis(milliseconds.into())).await;
    }
}

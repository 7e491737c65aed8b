//! Makes the calls that the suite requests.

use std::time::Duration;

use stubwright::prost::Message;
use stubwright::{
    CallEnd, CallOptions, Channel, ChannelCredentials, Compression, RequestSender, Status,
    StreamingCall, UnaryCall, sending,
};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use crate::any::unpack;
use crate::pb::connectrpc::conformance::v1;
use crate::pb::connectrpc::conformance::v1::client_compat_request::Cancel;
use crate::pb::connectrpc::conformance::v1::client_compat_request::cancel::CancelTiming;
use crate::pb::connectrpc::conformance::v1::{
    BidiStreamRequest, ClientCompatRequest, ClientResponseResult, ClientStreamRequest,
    ConformancePayload, ConformanceServiceStub, IdempotentUnaryRequest, ServerStreamRequest,
    StreamType, UnaryRequest, UnimplementedRequest,
};
use crate::{error, headers};

/// Makes a call. Returns its result.
///
/// # Errors
/// Returns an error if the request is invalid.
pub async fn invoke(request: &ClientCompatRequest) -> Result<ClientResponseResult, String> {
    let channel = connect(request)?;
    if request.timeout_ms.is_some() {
        // The suite measures how much of the deadline reaches its server. On a busy machine the handshake would take
        // most of it.
        let ready = channel.ready().await;
        ready.map_err(|status| status.to_string())?;
    }
    let stub = ConformanceServiceStub::new(channel);
    match request.method() {
        "Unary" => {
            let message: UnaryRequest = only(request, "UnaryRequest")?;
            unary(request, stub.unary(message), |response| response.payload).await
        }
        "IdempotentUnary" => {
            let message: IdempotentUnaryRequest = only(request, "IdempotentUnaryRequest")?;
            let call = stub.idempotent_unary(message);
            unary(request, call, |response| response.payload).await
        }
        "Unimplemented" => {
            let message: UnimplementedRequest = only(request, "UnimplementedRequest")?;
            unary(request, stub.unimplemented(message), |_| None).await
        }
        "ClientStream" => {
            let messages: Vec<ClientStreamRequest> = all(request, "ClientStreamRequest")?;
            client_stream(request, &stub, messages).await
        }
        "ServerStream" => {
            let message: ServerStreamRequest = only(request, "ServerStreamRequest")?;
            server_stream(request, stub.server_stream(message)).await
        }
        "BidiStream" => {
            let messages: Vec<BidiStreamRequest> = all(request, "BidiStreamRequest")?;
            bidi_stream(request, &stub, messages).await
        }
        other => Err(format!("there is no method {other:?}")),
    }
}

// The options of the channel.

fn connect(request: &ClientCompatRequest) -> Result<Channel, String> {
    let mut builder = Channel::builder().compression(compression(request)?);
    if request.message_receive_limit > 0 {
        let limit = usize::try_from(request.message_receive_limit);
        builder = builder.max_receive_message_length(limit.map_err(|error| error.to_string())?);
    }
    let target = format!("{}:{}", request.host, request.port);
    let channel = if request.server_tls_cert.is_empty() {
        builder.build_insecure(target)
    } else {
        credentials(request).and_then(|credentials| builder.build_secure(target, credentials))
    };
    channel.map_err(|status| status.to_string())
}

fn compression(request: &ClientCompatRequest) -> Result<Compression, String> {
    match request.compression() {
        v1::Compression::Unspecified | v1::Compression::Identity => Ok(Compression::Identity),
        v1::Compression::Gzip => Ok(Compression::Gzip),
        v1::Compression::Zstd => Ok(Compression::Zstd),
        other => Err(format!("{} is not supported", other.as_str_name())),
    }
}

fn credentials(request: &ClientCompatRequest) -> stubwright::Result<ChannelCredentials> {
    let credentials = ChannelCredentials::tls().root_certificates(&request.server_tls_cert)?;
    match &request.client_tls_creds {
        Some(creds) => credentials.client_certificate(&creds.cert, &creds.key),
        None => Ok(credentials),
    }
}

/// Sets the options of a call.
fn with_options<C: CallOptions>(mut call: C, request: &ClientCompatRequest) -> C {
    for (name, value) in headers::pairs(&request.request_headers) {
        call = call.metadata(name, value);
    }
    if let Some(milliseconds) = request.timeout_ms {
        call = call.timeout(Duration::from_millis(milliseconds.into()));
    }
    call
}

// The requests.

fn all<M: Message + Default>(request: &ClientCompatRequest, name: &str) -> Result<Vec<M>, String> {
    let messages = request.request_messages.iter();
    messages.map(|message| unpack(name, message)).collect()
}

fn only<M: Message + Default>(request: &ClientCompatRequest, name: &str) -> Result<M, String> {
    match <[M; 1]>::try_from(all(request, name)?) {
        Ok([message]) => Ok(message),
        Err(messages) => Err(format!("expected one request, not {}", messages.len())),
    }
}

// The kinds of calls.

async fn unary<Req: Send + 'static, Res>(
    request: &ClientCompatRequest,
    call: UnaryCall<Req, Res>,
    payload: impl FnOnce(Res) -> Option<ConformancePayload>,
) -> Result<ClientResponseResult, String> {
    let call = with_options(call, request);
    Ok(await_response(call, cancelled_after(request), payload).await)
}

async fn client_stream(
    request: &ClientCompatRequest,
    stub: &ConformanceServiceStub,
    messages: Vec<ClientStreamRequest>,
) -> Result<ClientResponseResult, String> {
    let (sender, call) = sending(|requests| with_options(stub.client_stream(requests), request));
    let mut upload = Upload::new(request, sender, messages);
    while upload.send().await {}
    if !upload.failed && cancels_before_the_end(request) {
        // Cancel before the requests are closed, by dropping the call.
        drop(call);
        return Ok(cancelled(upload.unsent()));
    }
    upload.close();
    let after = cancelled_after(request);
    let ended = await_response(call, after, |response| response.payload).await;
    Ok(ClientResponseResult {
        num_unsent_requests: upload.unsent(),
        ..ended
    })
}

async fn server_stream(
    request: &ClientCompatRequest,
    call: StreamingCall<v1::ServerStreamResponse>,
) -> Result<ClientResponseResult, String> {
    let call = with_options(call, request);
    let mut download = Download::new(request, call);
    if let Some(wait) = cancelled_after(request) {
        download.cancel_after(wait).await;
    }
    while download.receive(|response| response.payload).await {}
    Ok(download.finish(0))
}

async fn bidi_stream(
    request: &ClientCompatRequest,
    stub: &ConformanceServiceStub,
    messages: Vec<BidiStreamRequest>,
) -> Result<ClientResponseResult, String> {
    let (sender, call) = sending(|requests| with_options(stub.bidi_stream(requests), request));
    let mut upload = Upload::new(request, sender, messages);
    let mut download = Download::new(request, call);
    let is_full_duplex = request.stream_type() == StreamType::FullDuplexBidiStream;
    while upload.send().await {
        if is_full_duplex && !download.receive(|response| response.payload).await {
            break;
        }
    }
    if !upload.failed && cancels_before_the_end(request) {
        download.call.cancel();
    }
    upload.close();
    if let Some(wait) = cancelled_after(request) {
        download.cancel_after(wait).await;
    }
    while download.receive(|response| response.payload).await {}
    Ok(download.finish(upload.unsent()))
}

/// Waits for a response, and returns the result of the call. With a time to wait, cancels the call after it.
async fn await_response<Req: Send + 'static, Res>(
    mut call: UnaryCall<Req, Res>,
    cancelled_after: Option<Duration>,
    payload: impl FnOnce(Res) -> Option<ConformancePayload>,
) -> ClientResponseResult {
    let result = match cancelled_after {
        None => (&mut call).await,
        Some(wait) => match timeout(wait, &mut call).await {
            Ok(result) => result,
            Err(_) => return cancelled(0),
        },
    };
    let payloads = result
        .ok()
        .map(|response| payload(response).unwrap_or_default());
    ended(call.end(), payloads.into_iter().collect(), 0)
}

/// The requests of a stream.
struct Upload<Req> {
    sender: Option<RequestSender<Req>>,
    messages: std::vec::IntoIter<Req>,
    delay: Duration,
    /// True if the call accepts no more requests.
    failed: bool,
}

impl<Req> Upload<Req> {
    fn new(
        request: &ClientCompatRequest,
        sender: RequestSender<Req>,
        messages: Vec<Req>,
    ) -> Upload<Req> {
        Upload {
            sender: Some(sender),
            messages: messages.into_iter(),
            delay: Duration::from_millis(request.request_delay_ms.into()),
            failed: false,
        }
    }

    /// Sends the next request. Returns false if there is none or the call does not accept it.
    async fn send(&mut self) -> bool {
        let (Some(sender), false) = (&mut self.sender, self.failed) else {
            return false;
        };
        let Some(message) = self.messages.next() else {
            return false;
        };
        if !self.delay.is_zero() {
            sleep(self.delay).await;
        }
        self.failed = sender.send(message).await.is_err();
        !self.failed
    }

    fn close(&mut self) {
        self.sender = None;
    }

    fn unsent(&self) -> i32 {
        let unsent = self.messages.len() + usize::from(self.failed);
        i32::try_from(unsent).unwrap_or(i32::MAX)
    }
}

/// The responses of a stream.
struct Download<Res> {
    call: StreamingCall<Res>,
    cancelled_at: Option<usize>,
    payloads: Vec<ConformancePayload>,
}

impl<Res> Download<Res> {
    fn new(request: &ClientCompatRequest, call: StreamingCall<Res>) -> Download<Res> {
        let cancelled_at = match timing(request) {
            Some(CancelTiming::AfterNumResponses(responses)) => usize::try_from(responses).ok(),
            _ => None,
        };
        Download {
            call,
            cancelled_at,
            payloads: Vec::new(),
        }
    }

    /// Starts the call if necessary, and cancels it after some time.
    async fn cancel_after(&mut self, wait: Duration) {
        let at = Instant::now() + wait;
        // The metadata may not arrive, which does not matter here.
        let _ = timeout_at(at, self.call.initial_metadata()).await;
        sleep_until(at).await;
        self.call.cancel();
    }

    /// Receives the next response. Returns whether there was one. The call keeps its error.
    async fn receive(&mut self, payload: impl Fn(Res) -> Option<ConformancePayload>) -> bool {
        let Ok(Some(response)) = self.call.message().await else {
            return false;
        };
        self.payloads.push(payload(response).unwrap_or_default());
        if Some(self.payloads.len()) == self.cancelled_at {
            self.call.cancel();
        }
        true
    }

    /// Returns the result once everything has been received.
    fn finish(mut self, unsent: i32) -> ClientResponseResult {
        ended(self.call.end(), self.payloads, unsent)
    }
}

// The results of calls.

fn ended(
    end: Option<CallEnd>,
    payloads: Vec<ConformancePayload>,
    unsent: i32,
) -> ClientResponseResult {
    let Some(end) = end else {
        return cancelled(unsent);
    };
    ClientResponseResult {
        response_headers: headers::from_metadata(&end.initial_metadata),
        payloads,
        error: end.result.err().as_ref().map(error::from_status),
        response_trailers: headers::from_metadata(&end.trailing_metadata),
        num_unsent_requests: unsent,
        ..ClientResponseResult::default()
    }
}

/// Returns the result of a dropped call, which has no status of its own.
fn cancelled(unsent: i32) -> ClientResponseResult {
    let status = Status::cancelled("the call was dropped by its caller");
    ClientResponseResult {
        error: Some(error::from_status(&status)),
        num_unsent_requests: unsent,
        ..ClientResponseResult::default()
    }
}

// The times at which calls are cancelled.

fn timing(request: &ClientCompatRequest) -> Option<CancelTiming> {
    let Cancel { cancel_timing } = request.cancel?;
    // The suite's default.
    Some(cancel_timing.unwrap_or(CancelTiming::AfterCloseSendMs(0)))
}

fn cancels_before_the_end(request: &ClientCompatRequest) -> bool {
    matches!(timing(request), Some(CancelTiming::BeforeCloseSend(_)))
}

fn cancelled_after(request: &ClientCompatRequest) -> Option<Duration> {
    match timing(request) {
        Some(CancelTiming::AfterCloseSendMs(milliseconds)) => {
            Some(Duration::from_millis(milliseconds.into()))
        }
        _ => None,
    }
}

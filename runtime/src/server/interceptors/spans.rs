//! An interceptor that creates a span for each call.

use tracing::{Instrument, Span, field};

use crate::server::{ServerCall, ServerInterceptor, ServicerContext};
use crate::{Code, PeerAddress, Result};

/// Runs each call in a span of `tracing` at level INFO, whose fields follow OpenTelemetry's conventions for RPC. When the call
/// ends, an event in the span reports its end.
///
/// | field | value |
/// |---|---|
/// | `otel.name`, `rpc.method` | `package.Service/Method` |
/// | `otel.kind` | `server` |
/// | `rpc.system.name` | `grpc` |
/// | `network.peer.address`, `network.peer.port` | the address of the client, if it is an IP address |
/// | `rpc.response.status_code` | the status at the end: `OK`, `NOT_FOUND`, … |
/// | `otel.status_code`, `error.type` | `ERROR` and the status, if it is a server's fault (see below) |
///
/// A server's faults are UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE and DATA_LOSS.
///
/// The event has the fields `code`, `requests`, `responses` and `seconds`. Calls that are cancelled have this event too. Add
/// `ServerSpans` before all other interceptors, so that the span includes their time and their events.
///
/// ```
/// use stubwright::{Server, interceptors::ServerSpans};
///
/// let server = Server::builder().interceptor(ServerSpans).build();
/// # drop(server);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ServerSpans;

impl ServerInterceptor for ServerSpans {
    async fn intercept(&self, mut call: ServerCall) -> Result<()> {
        let span = span(call.context());
        if !span.is_disabled() {
            tell_the_end(&call, span.clone());
        }
        call.proceed().instrument(span).await.result
    }
}

fn span(context: &ServicerContext) -> Span {
    let method = context.method().trim_start_matches('/');
    let address = match context.peer().address() {
        PeerAddress::Tcp(address) => Some(address),
        _ => None,
    };
    tracing::info_span!(
        "rpc",
        otel.name = method,
        otel.kind = "server",
        otel.status_code = field::Empty,
        rpc.system.name = "grpc",
        rpc.method = method,
        rpc.response.status_code = field::Empty,
        network.peer.address = address.map(|address| field::display(address.ip())),
        network.peer.port = address.map(|address| address.port()),
        error.type = field::Empty,
    )
}

/// Completes the span when the call ends, for whatever reason.
fn tell_the_end(call: &ServerCall, span: Span) {
    let record = call.record();
    call.context().add_done_callback(move |result| {
        let code = match result {
            Ok(()) => Code::Ok,
            Err(status) => status.code(),
        };
        span.record("rpc.response.status_code", code.name());
        if is_error(code) {
            span.record("otel.status_code", "ERROR");
            span.record("error.type", code.name());
        }
        let (requests, responses) = (record.requests.count(), record.responses.count());
        let seconds = record.started.elapsed().as_secs_f64();
        let code = code.name();
        tracing::info!(parent: &span, code, requests, responses, seconds, "call ended");
    });
}

/// Returns whether OpenTelemetry's conventions for gRPC treat a status as an error of the server rather than of its caller.
fn is_error(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}

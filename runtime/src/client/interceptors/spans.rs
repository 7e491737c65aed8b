//! An interceptor that creates a span for each call.

use std::sync::Arc;

use tracing::{Instrument, Span, field};

use crate::client::{ClientCall, ClientInterceptor, InterceptedState};
use crate::{CallEnd, Code, Result, Status};

/// Runs each call in a span of `tracing` at level INFO, whose fields follow OpenTelemetry's conventions for RPC. When the call
/// ends, an event in the span reports its end.
///
/// | field | value |
/// |---|---|
/// | `otel.name`, `rpc.method` | `package.Service/Method` |
/// | `otel.kind` | `client` |
/// | `rpc.system.name` | `grpc` |
/// | `server.address`, `server.port` | the host and port of the authority, if it has them |
/// | `rpc.response.status_code` | the status at the end: `OK`, `NOT_FOUND`, … |
/// | `otel.status_code`, `error.type` | `ERROR` and the status, if it is not OK |
///
/// The event also has the fields `requests`, `responses` and `seconds`. A dropped call ends with `CANCELLED`. Add this interceptor
/// first, so that the span includes the time and the events of the other interceptors, and so that a retried call is one span.
///
/// ```
/// use stubwright::{Channel, interceptors::ClientSpans};
///
/// # fn connect() -> stubwright::Result<()> {
/// let channel = Channel::builder().interceptor(ClientSpans).build_insecure("localhost:5000")?;
/// # drop(channel);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ClientSpans;

impl ClientInterceptor for ClientSpans {
    async fn intercept(&self, mut call: ClientCall) -> Result<()> {
        let span = span(&call);
        let mut ends = Ends {
            state: Arc::clone(call.state()),
            span: span.clone(),
            end: None,
        };
        let end = call.proceed().instrument(span).await;
        ends.end.insert(end).result.clone()
    }
}

fn span(call: &ClientCall) -> Span {
    let method = call.method().trim_start_matches('/');
    let authority = call.authority();
    let server = authority.as_deref().map(host_and_port);
    tracing::info_span!(
        "rpc",
        otel.name = method,
        otel.kind = "client",
        otel.status_code = field::Empty,
        rpc.system.name = "grpc",
        rpc.method = method,
        rpc.response.status_code = field::Empty,
        server.address = server.map(|(host, _)| host),
        server.port = server.and_then(|(_, port)| port),
        error.type = field::Empty,
    )
}

/// Returns the host and port of an authority. An IPv6 address is returned without its brackets.
fn host_and_port(authority: &str) -> (&str, Option<u16>) {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()),
        _ => (authority, None),
    };
    (host.trim_start_matches('[').trim_end_matches(']'), port)
}

/// Completes the span when the call ends, for whatever reason.
struct Ends {
    state: Arc<InterceptedState>,
    span: Span,
    end: Option<CallEnd>,
}

impl Drop for Ends {
    fn drop(&mut self) {
        if self.span.is_disabled() {
            return;
        }
        let dropped = || Err(Status::cancelled("the call was dropped by its caller"));
        let end = self.end.take();
        let end = end.unwrap_or_else(|| self.state.end(dropped()));
        let code = end.code().name();
        self.span.record("rpc.response.status_code", code);
        if end.code() != Code::Ok {
            self.span.record("otel.status_code", "ERROR");
            self.span.record("error.type", code);
        }
        let (requests, responses) = (self.state.requests_sent(), self.state.responses_received());
        let seconds = self.state.elapsed().as_secs_f64();
        tracing::info!(parent: &self.span, code, requests, responses, seconds, "call ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_host_and_port() {
        for (authority, parts) in [
            ("a.example:80", ("a.example", Some(80))),
            ("a.example", ("a.example", None)),
            ("[::1]:80", ("::1", Some(80))),
            ("[::1]", ("::1", None)),
            ("localhost:x", ("localhost", None)),
        ] {
            assert_eq!(host_and_port(authority), parts);
        }
    }
}

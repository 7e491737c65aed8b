//! Interceptors of the runtime.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use stubwright::interceptors::{
    ClientSpans, MethodConcurrency, ServerSpans, authentication, bearer_token,
};
use stubwright::{Code, Server, ServicerContext, Status};
use stubwright_tests::Event;
use stubwright_tests::pb::probe::v1::{Action, ProbeStub, Request};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};

use crate::transports::{Transport, over_every_transport, within};

over_every_transport!(
    a_bearer_token_authenticates_the_caller,
    metadata_authenticates_the_caller,
    the_calls_of_a_method_are_limited,
);

fn hanging() -> Request {
    Request {
        action: Action::Hang.into(),
        count: 1,
        ..Request::default()
    }
}

async fn a_bearer_token_authenticates_the_caller(transport: Transport) {
    let known = async |token: String| match &*token {
        "sesame" => Ok(String::from("ali")),
        "closed" => Err(Status::permission_denied("not now")),
        _ => Err(Status::unauthenticated("unknown token")),
    };
    let options = Server::builder().interceptor(bearer_token(known));
    let mut link = transport.link(options).await;
    let call = || {
        link.stub
            .unary(Request::default())
            .metadata("describe", "1")
    };
    let good = call().metadata("authorization", "Bearer sesame");
    let (_, good) = good.with_call().await.unwrap();
    assert_eq!(good.trailing_metadata.get("extension"), Some("ali"));
    for (value, code) in [
        ("Bearer other", Code::Unauthenticated),
        ("Basic sesame", Code::Unauthenticated),
        ("Bearer closed", Code::PermissionDenied),
    ] {
        let refused = call().metadata("authorization", value).await.unwrap_err();
        assert_eq!(refused.code(), code, "{value}");
    }
    let refused = call().await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    // Only one call reached the handler.
    assert_eq!(link.event().await, Event::Started);
    assert_eq!(link.event().await, Event::Dropped);
    assert!(link.events.try_recv().is_err());
}

async fn metadata_authenticates_the_caller(transport: Transport) {
    let named = async |context: ServicerContext| {
        let name = context.invocation_metadata().get("name").map(str::to_owned);
        name.ok_or_else(|| Status::unauthenticated("who calls?"))
    };
    let options = Server::builder().interceptor(authentication(named));
    let link = transport.link(options).await;
    let call = || {
        link.stub
            .unary(Request::default())
            .metadata("describe", "1")
    };
    let (_, known) = call().metadata("name", "eve").with_call().await.unwrap();
    assert_eq!(known.trailing_metadata.get("extension"), Some("eve"));
    let refused = call().await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::Unauthenticated, "who calls?")
    );
}

async fn the_calls_of_a_method_are_limited(transport: Transport) {
    let limit = MethodConcurrency::new(2).method("/probe.v1.Probe/ServerStream", 1);
    let link = transport.link(Server::builder().interceptor(limit)).await;
    let mut open = link.stub.server_stream(hanging());
    open.message().await.unwrap().unwrap();
    let refused = link.stub.server_stream(hanging()).message().await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    let words = "/probe.v1.Probe/ServerStream already has its maximum of 1 concurrent calls";
    assert_eq!(refused.message(), words);
    link.stub.unary(Request::default()).await.unwrap();
    drop(open);
    within(async {
        while link.stub.server_stream(hanging()).message().await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Fields of a span and of its events, by name.
type Fields = BTreeMap<String, String>;

/// Collects spans. The number of a span is its index.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<Fields>>>);

struct Noted<'a>(&'a mut Fields);

impl Visit for Noted<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

impl Spans {
    /// Returns whether the span with this index has ended.
    fn ended(&self, place: usize) -> bool {
        let spans = self.0.lock().unwrap();
        spans
            .get(place)
            .is_some_and(|span| span.contains_key("seconds"))
    }

    fn note(&self, id: &Id, record: impl FnOnce(&mut Noted<'_>)) {
        let place = id.into_u64() as usize - 1;
        record(&mut Noted(&mut self.0.lock().unwrap()[place]));
    }
}

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let target = metadata.target();
        target.starts_with("stubwright::") && target.contains("::interceptors::")
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut spans = self.0.lock().unwrap();
        let mut fields = Fields::new();
        attributes.record(&mut Noted(&mut fields));
        spans.push(fields);
        Id::from_u64(spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        self.note(span, |fields| values.record(fields));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let span = event.parent().expect("the event should be in a span");
        self.note(span, |fields| event.record(fields));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_call_has_a_span_with_the_fields_of_opentelemetry() {
    let spans = Spans::default();
    // All spans are created on this thread.
    let _collected = tracing::subscriber::set_default(spans.clone());
    let options = Server::builder().interceptor(ServerSpans);
    let link = Transport::Tcp.link(options).await;
    calls_to_be_seen(&link.stub, || spans.ended(3)).await;
    let spans = spans.0.lock().unwrap();
    let expected = [
        ("Unary", "OK", None, "1", "1"),
        ("ClientStream", "NOT_FOUND", None, "1", "0"),
        ("Unary", "INTERNAL", Some("INTERNAL"), "1", "0"),
        ("ServerStream", "CANCELLED", None, "1", "1"),
    ];
    check(&spans, "server", &expected);
    for span in spans.iter() {
        let field = |name: &str| span.get(name).map(String::as_str);
        assert_eq!(field("network.peer.address"), Some("127.0.0.1"));
        assert!(field("network.peer.port").is_some());
    }
}

#[tokio::test]
async fn a_call_of_a_channel_has_a_span_with_the_fields_of_opentelemetry() {
    let spans = Spans::default();
    // All spans are created on this thread.
    let _collected = tracing::subscriber::set_default(spans.clone());
    let link = Transport::Tcp.link(Server::builder()).await;
    let stub = ProbeStub::new(link.channel.with_interceptor(ClientSpans));
    calls_to_be_seen(&stub, || spans.ended(3)).await;
    let spans = spans.0.lock().unwrap();
    let expected = [
        ("Unary", "OK", None, "1", "1"),
        ("ClientStream", "NOT_FOUND", Some("NOT_FOUND"), "1", "0"),
        ("Unary", "INTERNAL", Some("INTERNAL"), "1", "0"),
        ("ServerStream", "CANCELLED", Some("CANCELLED"), "1", "1"),
    ];
    check(&spans, "client", &expected);
    let (_, address) = link.server.unwrap();
    for span in spans.iter() {
        let field = |name: &str| span.get(name).map(String::as_str);
        assert_eq!(field("server.address"), Some("127.0.0.1"));
        let port = address.unwrap().port().to_string();
        assert_eq!(field("server.port"), Some(&*port));
    }
}

/// Makes calls that end in different ways. The last one is dropped.
async fn calls_to_be_seen(stub: &ProbeStub, are_seen: impl Fn() -> bool) {
    let request = |action: Action| Request {
        action: action.into(),
        code: Code::NotFound.number() as i32,
        ..Request::default()
    };
    within(stub.unary(request(Action::End))).await.unwrap();
    let failing = stub.client_stream([request(Action::Fail)]);
    within(failing).await.unwrap_err();
    let panicking = stub.unary(request(Action::Panic));
    within(panicking).await.unwrap_err();
    let mut cancelled = stub.server_stream(hanging());
    within(cancelled.message()).await.unwrap().unwrap();
    drop(cancelled);
    within(async {
        while !are_seen() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Method, status, error, number of requests and number of responses.
type Expected<'a> = (&'a str, &'a str, Option<&'a str>, &'a str, &'a str);

fn check(spans: &[Fields], kind: &str, expected: &[Expected<'_>]) {
    assert_eq!(spans.len(), expected.len());
    for (span, (method, code, error, requests, responses)) in spans.iter().zip(expected) {
        let field = |name: &str| span.get(name).map(String::as_str);
        let method = format!("probe.v1.Probe/{method}");
        assert_eq!(field("rpc.method"), Some(&*method));
        assert_eq!(field("otel.name"), Some(&*method));
        assert_eq!(field("otel.kind"), Some(kind));
        assert_eq!(field("rpc.system.name"), Some("grpc"));
        assert_eq!(field("rpc.response.status_code"), Some(*code));
        assert_eq!(field("error.type"), *error);
        assert_eq!(field("otel.status_code"), error.map(|_| "ERROR"));
        assert_eq!(
            (field("code"), field("message")),
            (Some(*code), Some("call ended"))
        );
        assert_eq!(field("requests"), Some(*requests));
        assert_eq!(field("responses"), Some(*responses));
    }
}

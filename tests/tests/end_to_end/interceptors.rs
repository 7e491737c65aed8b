//! Interceptors around the handlers of a server.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use stubwright::{
    AnyMessage, CallEnd, Code, Metadata, MethodOptions, Raw, RequestStream, Result, Server,
    ServerBuilder, ServerCall, ServerInterceptor, ServicerContext, Status,
};
use stubwright_tests::Event;
use stubwright_tests::pb::probe::v1::{Action, ProbeStub, Request, Response};
use tokio::sync::mpsc;

use crate::transports::{Transport, over_every_transport, within};

over_every_transport!(
    a_call_is_rejected_before_anything_of_its_body_is_decoded,
    an_interceptor_sees_status_trailers_and_counts_of_all_kinds,
    the_first_interceptor_is_the_outermost,
    messages_of_all_kinds_are_changed,
    an_observer_ends_a_call,
    metadata_is_changed_both_ways,
    values_reach_the_handler,
    a_panic_of_a_handler_is_a_status_to_interceptors,
    a_panic_of_an_interceptor_ends_only_its_call,
    a_cancelled_call_drops_its_interceptors,
    done_callbacks_learn_how_a_call_ends,
    row_71_interceptors_are_around_unknown_methods,
    interceptors_of_a_service_are_around_its_methods_alone,
    interceptors_of_a_service_are_around_a_generic_handler,
    initial_metadata_is_shown_before_it_is_sent,
);

const METHODS: [&str; 4] = ["Unary", "ServerStream", "ClientStream", "Bidi"];

fn request(payload: &[u8], count: u32) -> Request {
    Request {
        payload: payload.to_vec(),
        count,
        ..Request::default()
    }
}

fn acting(action: Action) -> Request {
    Request {
        action: action.into(),
        code: Code::Aborted.number() as i32,
        message: "as asked".into(),
        ..request(b"x", 2)
    }
}

/// Makes one call of each kind, with this request as the last one. Returns the result of each.
async fn each_kind(stub: &ProbeStub, request: &Request) -> [Result<()>; 4] {
    let requests = || stream::iter([Request::default(), request.clone()]);
    [
        stub.unary(request.clone()).await.map(drop),
        stub.server_stream(request.clone())
            .try_for_each(async |_| Ok(()))
            .await,
        stub.client_stream(requests()).await.map(drop),
        stub.bidi(requests()).try_for_each(async |_| Ok(())).await,
    ]
}

/// The end of a call, and the counts of its interceptor.
struct Seen {
    end: CallEnd,
    requests: u64,
    responses: u64,
    elapsed: Duration,
}

impl Seen {
    fn code(&self) -> Code {
        self.end.code()
    }
}

/// Returns an interceptor that records the ends of calls.
fn recording() -> (impl ServerInterceptor, mpsc::UnboundedReceiver<Seen>) {
    let (ends, receiver) = mpsc::unbounded_channel();
    let interceptor = move |mut call: ServerCall| {
        let ends = ends.clone();
        async move {
            let end = call.proceed().await;
            let seen = Seen {
                end: end.clone(),
                requests: call.requests(),
                responses: call.responses(),
                elapsed: call.elapsed(),
            };
            ends.send(seen).ok().unwrap();
            end.result
        }
    };
    (interceptor, receiver)
}

async fn a_call_is_rejected_before_anything_of_its_body_is_decoded(transport: Transport) {
    let rejecting = async |mut call: ServerCall| match call.metadata().get("token") {
        Some("good") => call.proceed().await.result,
        _ => Err(Status::permission_denied("no token")),
    };
    let mut link = transport
        .link(Server::builder().interceptor(rejecting))
        .await;
    for method in METHODS {
        let path = format!("/probe.v1.Probe/{method}");
        let garbage = || stream::iter([Bytes::from_static(b"\xff\xff\xff")]);
        let mut call = link.channel.stream_stream(&path, Raw, garbage());
        let rejected: Result<Option<Bytes>> = call.message().await;
        let rejected = rejected.unwrap_err();
        assert_eq!(
            (rejected.code(), rejected.message()),
            (Code::PermissionDenied, "no token")
        );
        let call = link.channel.stream_stream(&path, Raw, garbage());
        let mut call = call.metadata("token", "good");
        let decoded: Result<Option<Bytes>> = call.message().await;
        let decoded = decoded.unwrap_err();
        assert_eq!(decoded.code(), Code::Internal, "{decoded}");
        assert!(decoded.message().contains("malformed"), "{decoded}");
    }
    // No handler ran for the rejected calls. Of the other calls, only the handlers that read a stream of requests ran.
    for _ in 0..2 {
        assert_eq!(link.event().await, Event::Started);
        assert_eq!(link.event().await, Event::Dropped);
    }
    assert!(link.events.try_recv().is_err());
}

async fn an_interceptor_sees_status_trailers_and_counts_of_all_kinds(transport: Transport) {
    let (interceptor, mut ends) = recording();
    let link = transport
        .link(Server::builder().interceptor(interceptor))
        .await;
    let counts = async |ends: &mut mpsc::UnboundedReceiver<Seen>| {
        let end = within(ends.recv()).await.unwrap();
        (end.code(), end.requests, end.responses)
    };
    for result in each_kind(&link.stub, &request(b"x", 5)).await {
        result.unwrap();
    }
    for expected in [(1, 1), (1, 5), (2, 1), (2, 2)] {
        let (requests, responses) = expected;
        assert_eq!(counts(&mut ends).await, (Code::Ok, requests, responses));
    }
    for result in each_kind(&link.stub, &acting(Action::Fail)).await {
        assert_eq!(result.unwrap_err().code(), Code::Aborted);
    }
    for expected in [(1, 0), (1, 2), (2, 0), (2, 2)] {
        let (requests, responses) = expected;
        assert_eq!(
            counts(&mut ends).await,
            (Code::Aborted, requests, responses)
        );
    }
    let call = link.stub.unary(request(b"x", 0));
    call.metadata("trailing-a", "1").await.unwrap();
    let end = within(ends.recv()).await.unwrap();
    assert_eq!(end.end.trailing_metadata.get("trailing-a"), Some("1"));
    assert!(end.elapsed < Duration::from_secs(20));
}

/// Returns an interceptor that notes the order of events.
fn noting(name: &'static str, notes: &Arc<Mutex<Vec<String>>>) -> impl ServerInterceptor + use<> {
    let notes = Arc::clone(notes);
    move |mut call: ServerCall| {
        let note = |what: &'static str| {
            let notes = Arc::clone(&notes);
            move || notes.lock().unwrap().push(format!("{name} {what}"))
        };
        let (arrives, ends) = (note("call"), note("end"));
        let (requests, responses) = (note("request"), note("response"));
        call.on_request(move |_| {
            requests();
            Ok(())
        });
        call.on_response(move |_| {
            responses();
            Ok(())
        });
        async move {
            arrives();
            let end = call.proceed().await;
            ends();
            end.result
        }
    }
}

async fn the_first_interceptor_is_the_outermost(transport: Transport) {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let options = Server::builder()
        .interceptor(noting("first", &notes))
        .interceptor(noting("second", &notes));
    let link = transport.link(options).await;
    link.stub.unary(request(b"x", 0)).await.unwrap();
    let order = [
        "first call",
        "second call",
        "first request",
        "second request",
        "second response",
        "first response",
        "second end",
        "first end",
    ];
    assert_eq!(*notes.lock().unwrap(), order);
}

async fn messages_of_all_kinds_are_changed(transport: Transport) {
    let changing = async |mut call: ServerCall| {
        call.on_request(|message: &mut dyn AnyMessage| {
            assert_eq!(message.encoded_len(), message.to_bytes().len());
            let request = message.downcast_mut::<Request>().unwrap();
            request.payload.extend(b"-asked");
            assert!(format!("{message:?}").starts_with("Request {"));
            Ok(())
        });
        call.on_response(|message: &mut dyn AnyMessage| {
            assert!(message.downcast_ref::<Request>().is_none());
            let response = message.downcast_mut::<Response>().unwrap();
            response.payload.extend(b"-answered");
            Ok(())
        });
        call.proceed().await.result
    };
    let link = transport
        .link(Server::builder().interceptor(changing))
        .await;
    let asked = Request {
        payload: b"x".to_vec(),
        ..Request::default()
    };
    let expected = b"x-asked-answered";
    let response = link.stub.unary(asked.clone()).await.unwrap();
    assert_eq!(response.payload, expected);

    let several = Request {
        count: 2,
        ..asked.clone()
    };
    let responses = link.stub.server_stream(several);
    let responses: Vec<_> = responses.try_collect().await.unwrap();
    assert_eq!(responses.len(), 2);
    assert!(responses.iter().all(|one| one.payload == expected));

    let requests = vec![asked.clone(), asked.clone()];
    let response = link.stub.client_stream(requests.clone()).await.unwrap();
    let mut summed = 14_u64.to_be_bytes().to_vec();
    summed.extend(b"-answered");
    assert_eq!(response.payload, summed);

    let responses: Vec<_> = link.stub.bidi(requests).try_collect().await.unwrap();
    assert_eq!(responses.len(), 2);
    assert!(responses.iter().all(|one| one.payload == expected));
}

async fn an_observer_ends_a_call(transport: Transport) {
    let refusing = async |mut call: ServerCall| {
        let metadata = call.metadata();
        if metadata.contains_key("requests") {
            call.on_request(|_| Err(Status::out_of_range("such a request")));
        } else {
            let mut left = 1;
            call.on_response(move |_| {
                left -= 1;
                if left < 0 {
                    return Err(Status::data_loss("too many responses"));
                }
                Ok(())
            });
        }
        call.proceed().await.result
    };
    let link = transport
        .link(Server::builder().interceptor(refusing))
        .await;
    for method in METHODS {
        let path = format!("/probe.v1.Probe/{method}");
        let call = link.channel.unary_unary(path, Raw, Bytes::new());
        let refused: Result<Bytes> = call.metadata("requests", "1").await;
        assert_eq!(refused.unwrap_err().code(), Code::OutOfRange, "{method}");
    }
    let mut call = link.stub.server_stream(request(b"x", 5));
    assert!(call.message().await.unwrap().is_some());
    assert_eq!(call.message().await.unwrap_err().code(), Code::DataLoss);
}

fn pair(key: &str, value: &str) -> Metadata {
    let mut metadata = Metadata::new();
    metadata.append(key, value).unwrap();
    metadata
}

async fn metadata_is_changed_both_ways(transport: Transport) {
    let changing = async |mut call: ServerCall| {
        let metadata = call.metadata_mut();
        metadata.remove("initial-secret");
        metadata.append("initial-handler", "1")?;
        metadata.append("trailing-handler", "1")?;
        let context = call.context().clone();
        context.add_initial_metadata(pair("before", "1"))?;
        context.add_trailing_metadata(pair("behind", "1"));
        if context.invocation_metadata().contains_key("reject") {
            return Err(Status::aborted("rejected").with_metadata(pair("rejected", "1")));
        }
        let end = call.proceed().await;
        context.add_trailing_metadata(pair("behind", "2"));
        end.result
    };
    let link = transport
        .link(Server::builder().interceptor(changing))
        .await;
    let call = link.stub.unary(request(b"x", 0));
    let call = call.metadata("initial-secret", "1");
    let (_, call) = call.with_call().await.unwrap();
    let initial: Vec<_> = call.initial_metadata.iter().map(|pair| pair.0).collect();
    assert_eq!(initial, ["before", "initial-handler"]);
    let trailing: Vec<_> = call.trailing_metadata.iter().map(|pair| pair.0).collect();
    assert_eq!(trailing, ["trailing-handler", "behind", "behind"]);

    let call = link.stub.server_stream(request(b"x", 2));
    let mut call = call.metadata("reject", "1");
    let initial = call.initial_metadata().await.unwrap();
    assert_eq!(initial.get("before"), Some("1"));
    let rejected = call.message().await.unwrap_err();
    assert_eq!(rejected.code(), Code::Aborted);
    let trailing: Vec<_> = rejected.metadata().iter().map(|pair| pair.0).collect();
    assert_eq!(trailing, ["behind", "rejected"]);
}

async fn values_reach_the_handler(transport: Transport) {
    let naming = async |mut call: ServerCall| {
        let extensions = call.context().extensions();
        assert!(extensions.get::<String>().is_none());
        extensions.insert(String::from("ada"));
        call.proceed().await.result
    };
    let link = transport.link(Server::builder().interceptor(naming)).await;
    for _ in 0..2 {
        let call = link.stub.unary(Request::default());
        let (_, call) = call.metadata("describe", "1").with_call().await.unwrap();
        assert_eq!(call.trailing_metadata.get("extension"), Some("ada"));
    }
}

async fn a_panic_of_a_handler_is_a_status_to_interceptors(transport: Transport) {
    let (interceptor, mut ends) = recording();
    let link = transport
        .link(Server::builder().interceptor(interceptor))
        .await;
    for result in each_kind(&link.stub, &acting(Action::Panic)).await {
        assert_eq!(result.unwrap_err().code(), Code::Internal);
        let end = within(ends.recv()).await.unwrap();
        assert_eq!(end.end.result.unwrap_err().code(), Code::Internal);
    }
    link.stub.unary(request(b"x", 0)).await.unwrap();
}

async fn a_panic_of_an_interceptor_ends_only_its_call(transport: Transport) {
    let (outer, mut ends) = recording();
    let panicking = async |mut call: ServerCall| {
        let when = call.metadata().get("panic");
        match when.map(str::to_owned).as_deref() {
            Some("before") => panic!("before the handler"),
            Some("after") => {
                call.proceed().await.result?;
                panic!("after the handler")
            }
            Some("request") => call.on_request(|_| panic!("at a request")),
            Some("response") => call.on_response(|_| panic!("at a response")),
            _ => {}
        }
        call.proceed().await.result
    };
    let options = Server::builder().interceptor(outer).interceptor(panicking);
    let link = transport.link(options).await;
    for when in ["before", "after", "request", "response"] {
        let call = link.stub.unary(request(b"x", 0)).metadata("panic", when);
        let error = call.await.unwrap_err();
        assert_eq!(error.code(), Code::Internal, "{when}");
        assert_eq!(
            error.message(),
            "the interceptor of /probe.v1.Probe/Unary panicked"
        );
        let end = within(ends.recv()).await.unwrap();
        assert_eq!(end.end.result.unwrap_err().code(), Code::Internal);
    }
    link.stub.unary(request(b"x", 0)).await.unwrap();
}

async fn a_cancelled_call_drops_its_interceptors(transport: Transport) {
    struct Guard(mpsc::UnboundedSender<&'static str>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.send("dropped").unwrap();
        }
    }
    let (events, mut seen) = mpsc::unbounded_channel();
    let waiting = move |mut call: ServerCall| {
        let guard = Guard(events.clone());
        // An observer that holds the context of its own call does not keep the call alive.
        let (observer, context) = (Guard(events.clone()), call.context().clone());
        call.on_request(move |_| {
            assert_eq!(context.method(), "/probe.v1.Probe/ServerStream");
            observer.0.send("request").unwrap();
            Ok(())
        });
        async move {
            let _guard = guard;
            call.proceed().await.result
        }
    };
    let link = transport.link(Server::builder().interceptor(waiting)).await;
    let mut call = link.stub.server_stream(acting(Action::Hang));
    assert!(call.message().await.unwrap().is_some());
    assert_eq!(seen.recv().await, Some("request"));
    assert!(seen.try_recv().is_err());
    drop(call);
    assert_eq!(within(seen.recv()).await, Some("dropped"));
    assert_eq!(within(seen.recv()).await, Some("dropped"));
}

async fn done_callbacks_learn_how_a_call_ends(transport: Transport) {
    let (ends, mut seen) = mpsc::unbounded_channel();
    let calling = move |mut call: ServerCall| {
        let ends = ends.clone();
        let context = call.context().clone();
        assert!(context.add_done_callback(|_| panic!("this panic is part of the test")));
        let holding = context.clone();
        assert!(context.add_done_callback(move |result| {
            // The call has ended. The callback may hold its own context.
            assert!(!holding.add_done_callback(|_| {}));
            let code = result
                .clone()
                .map_or_else(|status| status.code(), |()| Code::Ok);
            ends.send(code).unwrap();
        }));
        async move { call.proceed().await.result }
    };
    let link = transport.link(Server::builder().interceptor(calling)).await;
    for (action, code) in [
        (Action::End, Code::Ok),
        (Action::Fail, Code::Aborted),
        (Action::Panic, Code::Internal),
    ] {
        for _ in each_kind(&link.stub, &acting(action)).await {
            assert_eq!(within(seen.recv()).await, Some(code));
        }
    }
    let mut call = link.stub.server_stream(acting(Action::Hang));
    assert!(call.next().await.unwrap().is_ok());
    drop(call);
    assert_eq!(within(seen.recv()).await, Some(Code::Cancelled));
    let call = link.stub.unary(acting(Action::Hang));
    call.timeout(Duration::from_millis(50)).await.unwrap_err();
    let code = within(seen.recv()).await.unwrap();
    // The caller's timer may fire first, and cancel the call.
    assert!(matches!(code, Code::DeadlineExceeded | Code::Cancelled));
}

async fn row_71_interceptors_are_around_unknown_methods(transport: Transport) {
    let guard = async |mut call: ServerCall| match call.metadata().get("token") {
        Some("good") => {
            let end = call.proceed().await;
            assert_eq!((call.requests(), call.responses()), (0, 0));
            assert!(!call.can_proceed());
            let again = call.proceed().await;
            assert_eq!(again.code(), Code::FailedPrecondition);
            end.result
        }
        _ => Err(Status::unauthenticated("no token")),
    };
    let mut link = transport.link(Server::builder().interceptor(guard)).await;
    for path in ["/probe.v1.Probe/Nothing", "/no.Service/No", "/x"] {
        for (token, code, message) in [
            ("bad", Code::Unauthenticated, "no token".to_owned()),
            (
                "good",
                Code::Unimplemented,
                format!("unknown method {path}"),
            ),
        ] {
            let requests = || stream::iter([Bytes::from_static(b"\xff"), Bytes::new()]);
            let channel = link.channel.with_metadata("token", token);
            let unary = channel.unary_unary(path, Raw, Bytes::new()).await;
            let bidi = channel.stream_stream(path, Raw, requests());
            let bidi: Result<Vec<Bytes>> = bidi.try_collect().await;
            for error in [unary.map(|_: Bytes| ()), bidi.map(drop)].map(Result::unwrap_err) {
                assert_eq!(error.code(), code, "{error}");
                assert_eq!(error.message(), message);
            }
        }
    }
    assert!(link.events.try_recv().is_err());
}

/// An interceptor that leaves its name in the trailing metadata.
fn leaving(name: &'static str) -> impl ServerInterceptor {
    move |mut call: ServerCall| async move {
        let mut metadata = Metadata::new();
        metadata.append("around", name)?;
        call.context().add_trailing_metadata(metadata);
        call.proceed().await.result
    }
}

/// Options with interceptors of the server, of two services, and of a method.
fn interceptors_of_services() -> ServerBuilder {
    let probe = MethodOptions::new().interceptor(leaving("first"));
    Server::builder()
        .method_options(
            "/probe.v1.Probe/Unary",
            MethodOptions::new().interceptor(leaving("method")),
        )
        .method_options("probe.v1.Probe", probe.interceptor(leaving("second")))
        .interceptor(leaving("server"))
}

/// Returns how a call without a request ends, and which interceptors were around it.
async fn around(channel: &stubwright::Channel, path: &str) -> (Code, Vec<String>) {
    let call = channel.unary_unary(path, Raw, Bytes::new());
    let result: Result<(Bytes, CallEnd)> = call.with_call().await;
    let (code, trailing) = match &result {
        Ok((_, end)) => (Code::Ok, &end.trailing_metadata),
        Err(status) => (status.code(), status.metadata()),
    };
    let names = trailing
        .get_all("around")
        .filter_map(|name| name.as_str().map(str::to_owned));
    (code, names.collect())
}

async fn interceptors_of_a_service_are_around_its_methods_alone(transport: Transport) {
    let link = transport.link(interceptors_of_services()).await;
    for (path, code, names) in [
        (
            "/probe.v1.Probe/Unary",
            Code::Ok,
            &["server", "first", "second", "method"][..],
        ),
        (
            "/probe.v1.Probe/ClientStream",
            Code::Ok,
            &["server", "first", "second"],
        ),
        // Those of a service are around its unknown methods, too.
        (
            "/probe.v1.Probe/Nothing",
            Code::Unimplemented,
            &["server", "first", "second"],
        ),
        ("/no.Service/No", Code::Unimplemented, &["server"]),
    ] {
        let (ended, around) = around(&link.channel, path).await;
        assert_eq!(ended, code, "{path}");
        assert_eq!(around, names, "{path}");
    }
}

async fn interceptors_of_a_service_are_around_a_generic_handler(transport: Transport) {
    let answering = |_: RequestStream<Bytes>, _: ServicerContext| stream::iter([Ok(Bytes::new())]);
    let any = MethodOptions::new().interceptor(leaving("any"));
    let options = Server::builder().method_options("any.Service", any);
    let mut server = transport.server(options);
    server.add_generic_handler(answering);
    let link = transport.link_to(server).await;
    for (path, names) in [
        ("/any.Service/Any", &["any"][..]),
        ("/other.Service/Any", &[]),
    ] {
        assert_eq!(
            around(&link.channel, path).await,
            (Code::Ok, names.iter().copied().map(str::to_owned).collect()),
            "{path}"
        );
    }
}

async fn initial_metadata_is_shown_before_it_is_sent(transport: Transport) {
    let adding = |name: &'static str| {
        move |mut call: ServerCall| async move {
            let is_panic = call.metadata().contains_key("panic");
            call.on_initial_metadata(move |metadata| {
                assert!(!is_panic, "as asked");
                metadata.remove("initial-secret");
                metadata.append("shown", name).unwrap();
            });
            let end = call.proceed().await;
            if end.result.is_ok() && name == "outer" {
                let shown = end.initial_metadata.get_all("shown");
                let shown: Vec<_> = shown.filter_map(|name| name.as_str()).collect();
                assert_eq!(shown, ["inner", "outer"]);
            }
            end.result
        }
    };
    let options = Server::builder()
        .interceptor(adding("outer"))
        .interceptor(adding("inner"));
    let link = transport.link(options).await;
    let keys = |metadata: &Metadata| {
        let pairs = metadata.iter();
        let pairs = pairs.map(|(key, value)| format!("{key}={}", value.as_str().unwrap()));
        pairs.collect::<Vec<_>>()
    };
    let changed = ["initial-kept=1", "shown=inner", "shown=outer"];

    let call = link.stub.unary(request(b"x", 0));
    let call = call.metadata("initial-secret", "1");
    let (_, end) = call
        .metadata("initial-kept", "1")
        .with_call()
        .await
        .unwrap();
    assert_eq!(keys(&end.initial_metadata), changed);
    // Whether there is a response, or none.
    for count in [2, 0] {
        let call = link.stub.server_stream(request(b"x", count));
        let mut call = call
            .metadata("initial-secret", "1")
            .metadata("initial-kept", "1");
        assert_eq!(keys(call.initial_metadata().await.unwrap()), changed);
        while call.message().await.unwrap().is_some() {}
    }
    // A failure has initial metadata only if there is some.
    for (key, expected) in [("initial-kept", &changed[..]), ("other", &[])] {
        let mut call = link.stub.unary(acting(Action::Fail)).metadata(key, "1");
        let failed = (&mut call).await.unwrap_err();
        assert_eq!(failed.code(), Code::Aborted);
        assert_eq!(
            keys(&call.end().unwrap().initial_metadata),
            expected,
            "{key}"
        );
    }
    let call = link.stub.unary(request(b"x", 0)).metadata("panic", "1");
    let panicked = call.await.unwrap_err();
    assert_eq!(panicked.code(), Code::Internal);
    assert!(panicked.message().contains("interceptor"), "{panicked}");
}

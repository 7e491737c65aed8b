//! Calls without stubs, and handlers without servicers: any method, with messages as bytes.

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt, stream};
use stubwright::prost::Message;
use stubwright::{
    Code, GenericHandler, Handlers, MethodOptions, Prost, Raw, RequestStream, Result, Server,
    ServerBuilder, ServerCall, ServicerContext, Status,
};
use stubwright_tests::Event;
use stubwright_tests::pb::probe::v1::{ProbeStub, Request, Response};

use crate::transports::{Link, Transport, over_every_transport};

over_every_transport!(
    a_method_is_called_by_its_name,
    an_invalid_name_is_refused,
    a_generic_handler_answers_all_kinds,
    services_take_precedence_over_a_generic_handler,
    options_and_interceptors_apply_to_a_generic_handler,
    an_interceptor_replaces_a_handler,
    typed_methods_of_all_kinds_are_added_by_name,
    generic_handlers_are_asked_in_turn,
);

/// Answers each request with the method's name and the request.
fn echo(
    mut requests: RequestStream<Bytes>,
    context: ServicerContext,
) -> impl Stream<Item = Result<Bytes>> + Send {
    stubwright::stream(async move |mut responses| {
        let name = context.method().to_owned();
        while let Some(request) = requests.message().await? {
            if request == "fail" {
                return Err(Status::aborted("as asked"));
            }
            let answer = [name.as_bytes(), b" ", &request].concat();
            responses.send(answer.into()).await;
        }
        Ok(())
    })
}

async fn generic(transport: Transport, options: ServerBuilder) -> Link {
    let mut server = transport.server(options);
    server.add_generic_handler(echo);
    transport.link_to(server).await
}

async fn a_method_is_called_by_its_name(link: Link) {
    let channel = &link.channel;
    let request = Request {
        payload: b"abc".to_vec(),
        count: 3,
        ..Request::default()
    };
    let path = |method| format!("/probe.v1.Probe/{method}");
    let response: Response = channel
        .unary_unary(path("Unary"), Prost, request.clone())
        .await
        .unwrap();
    assert_eq!(response.payload, b"abc");
    let responses: Vec<Response> = channel
        .unary_stream(path("ServerStream"), Prost, request.clone())
        .try_collect()
        .await
        .unwrap();
    assert_eq!(responses.len(), 3);
    let encoded = Bytes::from(request.encode_to_vec());
    let response: Bytes = channel
        .stream_unary(path("ClientStream"), Raw, vec![encoded.clone(); 4])
        .await
        .unwrap();
    assert_eq!(Response::decode(response).unwrap().index, 4);
    let responses: Vec<Bytes> = channel
        .stream_stream(path("Bidi"), Raw, stream::iter([encoded.clone(), encoded]))
        .try_collect()
        .await
        .unwrap();
    assert_eq!(responses.len(), 2);
    let unknown: Result<Bytes> = channel
        .unary_unary("/no.Service/No", Raw, Bytes::new())
        .await;
    let unknown = unknown.unwrap_err();
    assert_eq!(unknown.code(), Code::Unimplemented);
    assert_eq!(unknown.message(), "unknown method /no.Service/No");
}

async fn an_invalid_name_is_refused(mut link: Link) {
    for name in [
        "",
        "probe.v1.Probe/Unary",
        "/probe.v1.Probe/Un ary",
        "/ü/x",
        "/a\r\nb/c",
    ] {
        let refused: Result<Bytes> = link.channel.unary_unary(name, Raw, Bytes::new()).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{name:?}");
        assert!(
            refused.message().contains(&format!("{name:?}")),
            "{refused}"
        );
    }
    assert!(link.events.try_recv().is_err());
}

async fn a_generic_handler_answers_all_kinds(transport: Transport) {
    let link = generic(transport, Server::builder()).await;
    let channel = &link.channel;
    let path = "/any.Service/Any";
    let texts = ["a", "", "ccc"];
    let requests = || texts.map(Bytes::from);
    let answer = |text: &str| Bytes::from(format!("{path} {text}"));
    let call = channel.unary_unary(path, Raw, Bytes::from_static(b"a"));
    let response: Bytes = call.await.unwrap();
    assert_eq!(response, answer("a"));
    let call = channel.unary_stream(path, Raw, Bytes::from_static(b"a"));
    let responses: Vec<Bytes> = call.try_collect().await.unwrap();
    assert_eq!(responses, [answer("a")]);
    let call = channel.stream_unary(path, Raw, [Bytes::from_static(b"a")]);
    let response: Bytes = call.await.unwrap();
    assert_eq!(response, answer("a"));
    let call = channel.stream_stream(path, Raw, requests());
    let responses: Vec<Bytes> = call.try_collect().await.unwrap();
    assert_eq!(responses, texts.map(answer));
    let call = channel.unary_unary(path, Raw, Bytes::from_static(b"fail"));
    let failed: Result<Bytes> = call.await;
    assert_eq!(failed.unwrap_err().code(), Code::Aborted);
}

async fn services_take_precedence_over_a_generic_handler(transport: Transport) {
    let link = generic(transport, Server::builder()).await;
    let request = Request {
        payload: b"abc".to_vec(),
        ..Request::default()
    };
    let response = link.stub.unary(request).await.unwrap();
    assert_eq!(response.payload, b"abc");
    let call = link
        .channel
        .unary_unary("/probe.v1.Probe/Unari", Raw, Bytes::new());
    let response: Bytes = call.await.unwrap();
    assert_eq!(response, "/probe.v1.Probe/Unari ");
}

async fn options_and_interceptors_apply_to_a_generic_handler(transport: Transport) {
    let naming = async |mut call: ServerCall| {
        let method = call.context().method().to_owned();
        call.context().set_trailing_metadata({
            let mut metadata = stubwright::Metadata::new();
            metadata.append("intercepted", method)?;
            metadata
        });
        call.proceed().await.result
    };
    let options = Server::builder().interceptor(naming).method_options(
        "any.Service",
        MethodOptions::new().max_receive_message_length(10),
    );
    let link = generic(transport, options).await;
    for (path, code) in [
        ("/any.Service/Any", Code::ResourceExhausted),
        ("/other.Service/Any", Code::Ok),
    ] {
        let call = link
            .channel
            .unary_unary(path, Raw, Bytes::from_static(&[b'x'; 20]));
        let result: Result<(Bytes, _)> = call.with_call().await;
        let (ended, trailing) = match &result {
            Ok((_, call)) => (Code::Ok, &call.trailing_metadata),
            Err(status) => (status.code(), status.metadata()),
        };
        assert_eq!(ended, code, "{path}");
        assert_eq!(trailing.get("intercepted"), Some(path));
    }
}

async fn an_interceptor_replaces_a_handler(transport: Transport) {
    let replacing = async |mut call: ServerCall| {
        if call.context().invocation_metadata().contains_key("cached") {
            call.set_handler(|_requests, _context| {
                let response = Response {
                    payload: b"cached".to_vec(),
                    index: 7,
                };
                stream::iter([Ok(Bytes::from(response.encode_to_vec()))])
            });
        }
        let end = call.proceed().await;
        assert_eq!(call.responses(), u64::from(end.result.is_ok()));
        end.result
    };
    let mut link = transport
        .link(Server::builder().interceptor(replacing))
        .await;
    let stub: &ProbeStub = &link.stub;
    let response = stub.unary(Request::default()).metadata("cached", "1");
    assert_eq!(response.await.unwrap().payload, b"cached");
    let response = stub.client_stream([Request::default(), Request::default()]);
    let response = response.metadata("cached", "1").await.unwrap();
    assert_eq!(response.index, 7);
    assert!(link.events.try_recv().is_err());
    assert_eq!(link.stub.unary(Request::default()).await.unwrap().index, 0);
    assert_eq!(link.event().await, Event::Started);
}

fn greeting(name: &str) -> String {
    format!("hello {name}")
}

/// The methods of a service that no code was generated for.
fn greeter() -> Handlers {
    Handlers::new()
        .unary_unary(
            "/names.Greeter/One",
            Prost,
            async |name: String, context: ServicerContext| match name.as_str() {
                "" => Err(Status::invalid_argument(format!(
                    "no name for {}",
                    context.method()
                ))),
                name => Ok(greeting(name)),
            },
        )
        .unary_stream("/names.Greeter/Twice", Prost, |name: String, _context| {
            stream::iter([(); 2].map(|()| Ok(greeting(&name))))
        })
        .stream_unary(
            "/names.Greeter/All",
            Prost,
            async |mut names: RequestStream<String>, _context| {
                let mut all = Vec::new();
                while let Some(name) = names.message().await? {
                    all.push(name);
                }
                Ok(greeting(&all.join(" and ")))
            },
        )
        .stream_stream(
            "/names.Greeter/Each",
            Prost,
            move |names: RequestStream<String>, _context| names.map_ok(|name| greeting(&name)),
        )
        .unary_unary(
            "/names.Greeter/Bytes",
            Raw,
            async |request: Bytes, _context| Ok::<Bytes, _>(request),
        )
}

async fn typed_methods_of_all_kinds_are_added_by_name(transport: Transport) {
    // Interceptors see the messages, as those of generated code.
    let shouting = async |mut call: ServerCall| {
        call.on_response(|response| {
            if let Some(greeting) = response.downcast_mut::<String>() {
                *greeting = greeting.to_uppercase();
            }
            Ok(())
        });
        call.proceed().await.result
    };
    let mut server = transport.server(Server::builder().interceptor(shouting));
    server.add_handlers(greeter());
    let link = transport.link_to(server).await;
    let channel = &link.channel;
    let names = ["ada", "bob"].map(str::to_owned);

    let call = channel.unary_unary("/names.Greeter/One", Prost, names[0].clone());
    let one: String = call.await.unwrap();
    assert_eq!(one, "HELLO ADA");
    let call = channel.unary_stream("/names.Greeter/Twice", Prost, names[0].clone());
    let twice: Vec<String> = call.try_collect().await.unwrap();
    assert_eq!(twice, ["HELLO ADA", "HELLO ADA"]);
    let call = channel.stream_unary("/names.Greeter/All", Prost, names.clone());
    let all: String = call.await.unwrap();
    assert_eq!(all, "HELLO ADA AND BOB");
    let call = channel.stream_stream("/names.Greeter/Each", Prost, names);
    let each: Vec<String> = call.try_collect().await.unwrap();
    assert_eq!(each, ["HELLO ADA", "HELLO BOB"]);

    let call = channel.unary_unary("/names.Greeter/One", Prost, String::new());
    let failed: Result<String> = call.await;
    let failed = failed.unwrap_err();
    assert_eq!(failed.code(), Code::InvalidArgument);
    assert_eq!(failed.message(), "no name for /names.Greeter/One");
    let garbage = Bytes::from_static(b"\xff\xff");
    let call = channel.unary_unary("/names.Greeter/One", Raw, garbage.clone());
    let malformed: Result<Bytes> = call.await;
    assert_eq!(malformed.unwrap_err().code(), Code::Internal);
    let call = channel.unary_unary("/names.Greeter/Bytes", Raw, garbage.clone());
    let bytes: Bytes = call.await.unwrap();
    assert_eq!(bytes, garbage);
}

/// Answers the methods of one service with its name.
struct Named(&'static str);

impl GenericHandler for Named {
    fn handles(&self, context: &ServicerContext) -> bool {
        assert!(!context.method().ends_with("/Panic"), "as asked");
        context.method().starts_with(self.0)
    }

    fn call(
        &self,
        _requests: RequestStream<Bytes>,
        _context: &ServicerContext,
    ) -> impl Stream<Item = Result<Bytes>> + Send {
        stream::iter([Ok(Bytes::from_static(self.0.as_bytes()))])
    }
}

async fn generic_handlers_are_asked_in_turn(transport: Transport) {
    let ask = async |link: &Link, path: &str| {
        let call = link.channel.unary_unary(path, Raw, Bytes::new());
        let answer: Result<Bytes> = call.await;
        answer.map_err(|status| (status.code(), status.message().to_owned()))
    };
    let mut server = transport.server(Server::builder());
    for name in ["/a.A/", "/b.B/", "/"] {
        server.add_generic_handler(Named(name));
    }
    let link = transport.link_to(server).await;
    for (path, handler) in [("/a.A/M", "/a.A/"), ("/b.B/M", "/b.B/"), ("/c.C/M", "/")] {
        assert_eq!(ask(&link, path).await.unwrap(), handler, "{path}");
    }
    let (code, _) = ask(&link, "/a.A/Panic").await.unwrap_err();
    assert_eq!(code, Code::Internal);

    let mut server = transport.server(Server::builder());
    server.add_generic_handler(Named("/a.A/"));
    server.add_generic_handler(Named("/b.B/"));
    let link = transport.link_to(server).await;
    let unknown = (Code::Unimplemented, "unknown method /c.C/M".to_owned());
    assert_eq!(ask(&link, "/c.C/M").await.unwrap_err(), unknown);
}

#[tokio::test]
async fn a_method_with_an_invalid_name_is_an_error_that_names_it() {
    let mut handlers = greeter();
    for name in ["names.Greeter/One", "/One", "/names.Greeter/O ne"] {
        handlers = handlers.unary_unary(name, Raw, async |request: Bytes, _context| {
            Ok::<Bytes, _>(request)
        });
    }
    let mut server = Server::new();
    server.add_handlers(handlers);
    server.add_insecure_port("127.0.0.1:0").await.unwrap();
    assert_eq!(
        server.start().unwrap_err().to_string(),
        r#"the handlers of "/One", "/names.Greeter/O ne", "names.Greeter/One" have no valid name: methods are named /package.Service/Method"#
    );
}

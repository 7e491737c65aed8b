//! Calls without stubs, and handlers without servicers: any method, with messages as bytes.

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt, stream};
use stubwright::prost::Message;
use stubwright::{
    Code, MethodOptions, Prost, Raw, RequestStream, Result, Server, ServerBuilder, ServerCall,
    ServicerContext, Status,
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

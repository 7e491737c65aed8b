//! Methods that take and return views, received and encoded messages in place of messages.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use stubwright::testing::Mock;
use stubwright::{
    AnyMessage, Channel, ClientCall, Code, EncodedMessage, Raw, Received, RequestStream, Result,
    Server, ServerBuilder, ServerCall, ServicerContext, Status, Stream,
};
use stubwright_tests::pb::probe::v1 as plain;

use self::pb::probe::v1::{
    ProbeBlockingStub, ProbeServicer, ProbeStub, Request, RequestView, Response, ResponseView,
    add_probe_servicer_to_server, probe_handler,
};
use crate::transports::{Transport, over_every_transport};

mod pb {
    stubwright::include_protos!("forms/stubwright");
}

over_every_transport!(
    a_servicer_borrows_requests_and_returns_encoded_responses,
    a_stub_sends_encoded_requests_and_receives_responses_undecoded,
    interceptors_of_a_server_meet_messages,
    interceptors_of_a_channel_meet_messages,
    nothing_is_decoded_if_nobody_looks,
    a_request_that_is_no_message_ends_a_call_that_borrows_it,
    an_observer_refuses_what_is_no_message,
);

/// Responds with the payload of each request.
struct Echo {
    /// The payloads that were not decodable.
    undecodable: Arc<Mutex<Vec<Bytes>>>,
}

impl Echo {
    fn new() -> Echo {
        Echo {
            undecodable: Arc::default(),
        }
    }

    fn echo(&self, request: &Received<Request>) -> Result<EncodedMessage<Response>> {
        match request.view() {
            Ok(view) => Ok(response(view.payload, view.count)),
            Err(status) => {
                let mut undecodable = self.undecodable.lock().unwrap();
                undecodable.push(request.as_bytes().clone());
                Err(status)
            }
        }
    }
}

fn response(payload: &[u8], index: u32) -> EncodedMessage<Response> {
    EncodedMessage::of_view(&ResponseView { payload, index })
}

impl ProbeServicer for Echo {
    async fn unary(
        &self,
        request: RequestView<'_>,
        _context: &ServicerContext,
    ) -> Result<EncodedMessage<Response>> {
        // The view lives across an await.
        tokio::task::yield_now().await;
        Ok(response(request.payload, request.count))
    }

    fn server_stream(
        &self,
        request: RequestView<'_>,
        _context: &ServicerContext,
    ) -> impl Stream<Item = Result<EncodedMessage<Response>>> + Send {
        stubwright::stream(async move |mut responses| {
            for index in 0..request.count {
                responses.send(response(request.payload, index)).await;
            }
            Ok(())
        })
    }

    async fn client_stream(
        &self,
        mut requests: RequestStream<Received<Request>>,
        _context: &ServicerContext,
    ) -> Result<EncodedMessage<Response>> {
        let mut kept = Vec::new();
        while let Some(request) = requests.message().await? {
            kept.push(request);
        }
        let mut payload = Vec::new();
        for request in &kept {
            payload.extend(request.view()?.payload);
        }
        let payload = Response {
            payload,
            index: kept.len() as u32,
        };
        Ok(EncodedMessage::from(&payload))
    }

    fn bidi(
        &self,
        requests: RequestStream<Received<Request>>,
        _context: &ServicerContext,
    ) -> impl Stream<Item = Result<EncodedMessage<Response>>> + Send {
        requests.map(|request| self.echo(&request?))
    }
}

/// Connects to a server of [`Echo`] with these options.
async fn connect(transport: Transport, options: ServerBuilder) -> (Channel, Server) {
    connect_to(transport, options, Echo::new()).await
}

async fn connect_to(transport: Transport, options: ServerBuilder, echo: Echo) -> (Channel, Server) {
    let mut server = transport.server(options);
    add_probe_servicer_to_server(echo, &mut server);
    let channel = transport.connect(&mut server).await;
    (channel, server)
}

fn request(payload: &[u8], count: u32) -> plain::Request {
    plain::Request {
        payload: payload.to_vec(),
        count,
        ..plain::Request::default()
    }
}

fn encoded(payload: &[u8], count: u32) -> EncodedMessage<Request> {
    EncodedMessage::of_view(&RequestView {
        payload,
        count,
        ..RequestView::default()
    })
}

/// Makes one call of each kind, and returns the payloads of all responses.
async fn payloads(stub: &ProbeStub) -> Result<Vec<Vec<Vec<u8>>>> {
    let payload =
        |response: Received<Response>| -> Result<Vec<u8>> { Ok(response.view()?.payload.to_vec()) };
    let requests = || vec![encoded(b"x", 1), encoded(b"y", 1)];
    Ok(vec![
        vec![payload(stub.unary(encoded(b"x", 1)).await?)?],
        stub.server_stream(encoded(b"x", 2))
            .map(|response| payload(response?))
            .try_collect()
            .await?,
        vec![payload(stub.client_stream(requests()).await?)?],
        stub.bidi(requests())
            .map(|response| payload(response?))
            .try_collect()
            .await?,
    ])
}

fn each(payloads: &[&[&[u8]]]) -> Vec<Vec<Vec<u8>>> {
    let call = |call: &&[&[u8]]| call.iter().map(|payload| payload.to_vec()).collect();
    payloads.iter().map(call).collect()
}

async fn a_servicer_borrows_requests_and_returns_encoded_responses(transport: Transport) {
    let (channel, _server) = connect(transport, Server::builder()).await;
    let stub = plain::ProbeStub::new(channel);
    let response = stub.unary(request(b"abc", 7)).await.unwrap();
    assert_eq!((&response.payload[..], response.index), (&b"abc"[..], 7));
    let responses = stub.server_stream(request(b"abc", 3));
    let responses: Vec<_> = responses.try_collect().await.unwrap();
    let indexes: Vec<_> = responses.iter().map(|response| response.index).collect();
    assert_eq!(indexes, [0, 1, 2]);
    let requests = || {
        vec![
            request(b"a", 0),
            request(&[7; 100_000], 0),
            request(b"c", 0),
        ]
    };
    let response = stub.client_stream(requests()).await.unwrap();
    assert_eq!((response.payload.len(), response.index), (100_002, 3));
    let responses: Vec<_> = stub.bidi(requests()).try_collect().await.unwrap();
    assert_eq!(responses[1].payload, [7; 100_000]);
}

async fn a_stub_sends_encoded_requests_and_receives_responses_undecoded(transport: Transport) {
    let (channel, _server) = connect(transport, Server::builder()).await;
    let stub = ProbeStub::new(channel.clone());
    let expected = each(&[&[b"x"], &[b"x", b"x"], &[b"xy"], &[b"x", b"y"]]);
    assert_eq!(payloads(&stub).await.unwrap(), expected);
    // A response outlives its call, and goes to another task.
    let response = stub.unary(encoded(b"abc", 7)).await.unwrap();
    let message = tokio::spawn(async move { response.message() })
        .await
        .unwrap();
    assert_eq!(message.unwrap().index, 7);
    // A proxy sends what it received as it is.
    let proxied = Received::<Request>::from(encoded(b"abc", 7));
    let response = stub.unary(EncodedMessage::from(proxied)).await.unwrap();
    assert_eq!(response.view().unwrap().payload, b"abc");
    // Its bytes are not looked at.
    let garbage = EncodedMessage::from(Bytes::from_static(b"\xff"));
    let error = stub.unary(garbage).await.unwrap_err();
    assert_eq!(error.code(), Code::Internal, "{error}");
}

async fn interceptors_of_a_server_meet_messages(transport: Transport) {
    let changing = async |mut call: ServerCall| {
        call.on_request(|message: &mut dyn AnyMessage| {
            let length = message.encoded_len();
            assert_eq!(length, message.to_bytes().len());
            assert!(format!("{message:?}").starts_with("Request {"));
            let request = message.downcast_mut::<Request>().unwrap();
            request.payload.extend(b"-asked");
            Ok(())
        });
        call.on_response(|message: &mut dyn AnyMessage| {
            let response = message.downcast_mut::<Response>().unwrap();
            response.payload.extend(b"-answered");
            Ok(())
        });
        call.proceed().await.result
    };
    let (channel, _server) = connect(transport, Server::builder().interceptor(changing)).await;
    let answered: &[u8] = b"x-asked-answered";
    assert_eq!(
        payloads(&ProbeStub::new(channel)).await.unwrap(),
        each(&[
            &[answered],
            &[answered, answered],
            &[b"x-askedy-asked-answered"],
            &[answered, b"y-asked-answered"],
        ])
    );
}

async fn interceptors_of_a_channel_meet_messages(transport: Transport) {
    let (channel, _server) = connect(transport, Server::builder()).await;
    let channel = channel.with_interceptor(changing);
    let answered: &[u8] = b"x-asked-answered";
    assert_eq!(
        payloads(&ProbeStub::new(channel)).await.unwrap(),
        each(&[
            &[answered],
            &[answered, answered],
            &[b"x-askedy-asked-answered"],
            &[answered, b"y-asked-answered"],
        ])
    );
}

/// An interceptor of a channel that changes all messages.
async fn changing(mut call: ClientCall) -> Result<()> {
    let is_request = call.request(|request| request.downcast_ref::<Request>().is_some());
    assert_ne!(is_request, Some(false));
    call.on_request(|message: &mut dyn AnyMessage| {
        let request = message.downcast_mut::<Request>().unwrap();
        request.payload.extend(b"-asked");
        Ok(())
    });
    call.on_response(|message: &mut dyn AnyMessage| {
        assert!(format!("{message:?}").starts_with("Response {"));
        let response = message.downcast_mut::<Response>().unwrap();
        response.payload.extend(b"-answered");
        Ok(())
    });
    call.proceed().await.result
}

/// Bytes that are no message of any type.
const GARBAGE: Bytes = Bytes::from_static(b"\xff\xff\xff");

/// Sends garbage to a method that takes received requests.
async fn send_garbage(channel: &Channel) -> Status {
    let requests = stream::iter([GARBAGE]);
    let mut call = channel.stream_stream("/probe.v1.Probe/Bidi", Raw, requests);
    let response: Result<Option<Bytes>> = call.message().await;
    response.unwrap_err()
}

async fn nothing_is_decoded_if_nobody_looks(transport: Transport) {
    // An interceptor that does not observe messages does not look.
    let counting = async |mut call: ServerCall| {
        let end = call.proceed().await;
        assert_eq!(call.requests(), 1);
        end.result
    };
    for options in [Server::builder(), Server::builder().interceptor(counting)] {
        let echo = Echo::new();
        let undecodable = Arc::clone(&echo.undecodable);
        let (channel, _server) = connect_to(transport, options, echo).await;
        let channel = channel.with_interceptor(async |mut call: ClientCall| {
            let end = call.proceed().await;
            end.result
        });
        assert_eq!(send_garbage(&channel).await.code(), Code::Internal);
        // The servicer had the request as it was.
        assert_eq!(*undecodable.lock().unwrap(), [GARBAGE]);
    }
    // Nor is a response decoded, or a request of a stub.
    let mut server = transport.server(Server::builder());
    server.add_generic_handler(|requests: RequestStream<Bytes>, _: ServicerContext| requests);
    let channel = transport.connect(&mut server).await;
    let stub = ProbeStub::new(channel);
    let response = stub.unary(EncodedMessage::from(GARBAGE)).await.unwrap();
    assert_eq!(response.as_bytes(), &GARBAGE);
    assert_eq!(response.view().unwrap_err().code(), Code::Internal);
    assert_eq!(response.message().unwrap_err().code(), Code::Internal);
}

async fn a_request_that_is_no_message_ends_a_call_that_borrows_it(transport: Transport) {
    let (channel, _server) = connect(transport, Server::builder()).await;
    for method in ["Unary", "ServerStream"] {
        let path = format!("/probe.v1.Probe/{method}");
        let mut call = channel.unary_stream(path, Raw, GARBAGE);
        let response: Result<Option<Bytes>> = call.message().await;
        let error = response.unwrap_err();
        assert_eq!(error.code(), Code::Internal);
        assert!(error.message().starts_with("malformed message"), "{error}");
    }
}

async fn an_observer_refuses_what_is_no_message(transport: Transport) {
    let observing = async |mut call: ServerCall| {
        call.on_request(|_| Ok(()));
        call.proceed().await.result
    };
    let echo = Echo::new();
    let undecodable = Arc::clone(&echo.undecodable);
    let options = Server::builder().interceptor(observing);
    let (channel, _server) = connect_to(transport, options, echo).await;
    let error = send_garbage(&channel).await;
    assert_eq!(error.code(), Code::Internal, "{error}");
    assert!(undecodable.lock().unwrap().is_empty());
    let stub = ProbeStub::new(channel.with_interceptor(changing));
    let error = stub.unary(EncodedMessage::from(GARBAGE)).await.unwrap_err();
    assert_eq!(error.code(), Code::Internal, "{error}");
}

/// A mock takes and returns the forms of the stub, and interceptors meet messages before it too.
#[tokio::test]
async fn a_mock_has_the_forms_of_its_stub() {
    let mock = || {
        let respond = |request: &EncodedMessage<Request>| {
            let request = Received::from(request.clone()).message()?;
            Ok(Received::from(response(&request.payload, request.count)))
        };
        Mock::of(ProbeStub::new)
            .unary_unary(ProbeStub::unary, move |request, _context| async move {
                respond(&request)
            })
            .unary_stream(ProbeStub::server_stream, move |request, _context| {
                stream::iter([respond(&request), respond(&request)])
            })
            .stream_unary(
                ProbeStub::client_stream,
                |mut requests, _context| async move {
                    let mut payload = Vec::new();
                    while let Some(request) = requests.message().await? {
                        payload.extend(Received::from(request).view()?.payload);
                    }
                    Ok(Received::from(&Response { payload, index: 0 }))
                },
            )
            .stream_stream(ProbeStub::bidi, move |requests, _context| {
                requests.map(move |request| respond(&request?))
            })
    };
    let expected = each(&[&[b"x"], &[b"x", b"x"], &[b"xy"], &[b"x", b"y"]]);
    assert_eq!(payloads(&mock().stub()).await.unwrap(), expected);
    let channel = mock().channel().with_interceptor(changing);
    let answered = payloads(&ProbeStub::new(channel)).await.unwrap();
    assert_eq!(answered[0], [b"x-asked-answered"]);
}

#[test]
fn a_blocking_stub_has_the_same_forms() {
    let stub = ProbeBlockingStub::new(Channel::in_process(probe_handler(Echo::new())));
    let requests = || vec![encoded(b"x", 1), encoded(b"y", 1)];
    let payload = |response: Result<Received<Response>>| -> Result<Vec<u8>> {
        Ok(response?.view()?.payload.to_vec())
    };
    assert_eq!(payload(stub.unary(encoded(b"x", 1)).wait()).unwrap(), b"x");
    let sum = payload(stub.client_stream(requests()).wait());
    assert_eq!(sum.unwrap(), b"xy");
    let responses: Result<Vec<_>> = stub.server_stream(encoded(b"x", 2)).map(payload).collect();
    assert_eq!(responses.unwrap(), [b"x", b"x"]);
    let responses: Result<Vec<_>> = stub.bidi(requests()).map(payload).collect();
    assert_eq!(responses.unwrap(), [b"x", b"y"]);
}

//! Everything in a call passes through the proxy.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt, stream};
use proxy::Proxy;
use route_guide::routeguide::{
    Point, Rectangle, RouteGuideStub, RouteNote, add_route_guide_servicer_to_server,
};
use route_guide::{RouteGuide, features};
use stubwright::{
    Channel, Code, GenericHandler, Metadata, Raw, RequestStream, Result, Server, ServicerContext,
    Status,
};
use tokio::sync::mpsc;

/// Waits for a future, with a timeout.
async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("should complete within 20 seconds")
}

/// Starts a server. Returns a channel to it.
async fn started(server: &mut Server) -> Channel {
    let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
    server.start().unwrap();
    Channel::insecure(address.to_string()).unwrap()
}

/// Starts a generic handler behind a proxy. Returns the channel to the proxy, and the two servers.
async fn proxied(handler: impl GenericHandler) -> (Channel, [Server; 2]) {
    let mut backend = Server::new();
    backend.add_generic_handler(handler);
    let mut proxy = Server::new();
    proxy.add_generic_handler(Proxy::new(started(&mut backend).await));
    let channel = started(&mut proxy).await;
    (channel, [backend, proxy])
}

/// Makes calls of all four kinds to the route guide.
async fn all_kinds(stub: &RouteGuideStub) -> Result<()> {
    let at = Point {
        latitude: 407_838_351,
        longitude: -746_143_763,
    };
    assert!(!stub.get_feature(at).await?.name.is_empty());
    let whole = Rectangle {
        lo: Some(Point {
            latitude: -900_000_000,
            longitude: -1_800_000_000,
        }),
        hi: Some(Point {
            latitude: 900_000_000,
            longitude: 1_800_000_000,
        }),
    };
    let found: Vec<_> = stub.list_features(whole).try_collect().await?;
    let named = features().into_iter().filter(|one| !one.name.is_empty());
    assert_eq!(found.len(), named.count());
    let summary = stub.record_route(vec![at; 1000]).await?;
    assert_eq!(summary.point_count, 1000);
    let note = |message: &str| RouteNote {
        location: Some(at),
        message: message.into(),
    };
    let notes: Vec<_> = stub
        .route_chat([note("first"), note("second")])
        .try_collect()
        .await?;
    assert_eq!(notes.len(), 1);
    Ok(())
}

/// The proxy's process. It is killed when this is dropped.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test]
async fn the_program_forwards_all_kinds_of_calls() {
    let mut backend = Server::new();
    add_route_guide_servicer_to_server(RouteGuide::new(features()), &mut backend);
    let address = backend.add_insecure_port("127.0.0.1:0").await.unwrap();
    backend.start().unwrap();
    let program = Command::new(env!("CARGO_BIN_EXE_proxy"))
        .args(["--addr", "127.0.0.1:0", "--to", &address.to_string()])
        .stdout(Stdio::piped())
        .spawn();
    let mut program = Program(program.unwrap());
    let mut line = String::new();
    let mut output = BufReader::new(program.0.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("listening on ").unwrap();
    let stub = RouteGuideStub::new(Channel::insecure(address).unwrap());
    within(all_kinds(&stub)).await.unwrap();
}

/// Echoes the metadata that begins with `initial-` and `trailing-`, and each request. One particular request ends the
/// call with an error.
fn echo(
    mut requests: RequestStream<Bytes>,
    context: ServicerContext,
) -> impl Stream<Item = Result<Bytes>> + Send {
    stubwright::stream(async move |mut responses| {
        let (mut initial, mut trailing) = (Metadata::new(), Metadata::new());
        for (key, value) in context.invocation_metadata().iter() {
            if key.starts_with("initial-") {
                initial.append(key, value.to_bytes().unwrap())?;
            } else if key.starts_with("trailing-") {
                trailing.append(key, value.to_bytes().unwrap())?;
            }
        }
        context.send_initial_metadata(initial)?;
        context.set_trailing_metadata(trailing);
        while let Some(request) = requests.message().await? {
            if request == "fail" {
                return Err(Status::out_of_range("as asked: ü").with_details(vec![8, 11]));
            }
            responses.send(request).await;
        }
        Ok(())
    })
}

#[tokio::test]
async fn metadata_and_status_pass_in_both_directions() {
    let (channel, _servers) = proxied(echo).await;
    let requests = |last: &'static str| [Bytes::from("a"), Bytes::from(last)];
    let call = |last| {
        let call = channel.stream_stream("/any.Service/Any", Raw, requests(last));
        call.metadata("initial-text", "1")
            .metadata("initial-text", "2")
            .metadata("trailing-bytes-bin", [0, 255, 1])
    };
    let bytes = Bytes::from_static(&[0, 255, 1]);
    let mut well = call("b");
    let initial = within(well.initial_metadata()).await.unwrap();
    let values: Vec<_> = initial.get_all("initial-text").collect();
    assert_eq!(values.len(), 2);
    assert_eq!(values[1].as_str(), Some("2"));
    let responses: Vec<Bytes> = within((&mut well).try_collect()).await.unwrap();
    assert_eq!(responses, ["a", "b"]);
    let trailing = well.trailing_metadata().unwrap();
    assert_eq!(trailing.get_bin("trailing-bytes-bin"), Some(bytes.clone()));

    let mut failing = call("fail");
    assert_eq!(within(failing.message()).await.unwrap().unwrap(), "a");
    let status: Status = within(failing.message()).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange);
    assert_eq!(status.message(), "as asked: ü");
    assert_eq!(status.details(), &[8, 11][..]);
    assert_eq!(status.metadata().get_bin("trailing-bytes-bin"), Some(bytes));
}

#[tokio::test]
async fn each_message_is_forwarded_before_the_next_arrives() {
    let (channel, _servers) = proxied(echo).await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let requests = stream::poll_fn(move |context| receiver.poll_recv(context));
    let mut call = channel.stream_stream("/any.Service/Any", Raw, requests);
    for text in ["a", "b", "c"] {
        sender.send(Bytes::from(text)).unwrap();
        let response: Option<Bytes> = within(call.message()).await.unwrap();
        assert_eq!(response.unwrap(), text);
    }
    drop(sender);
    assert!(within(call.message()).await.unwrap().is_none());
}

/// Sends one response, reports the remaining time, waits forever, and reports when it is dropped.
fn waiting(events: mpsc::UnboundedSender<Option<Duration>>) -> impl GenericHandler {
    struct Dropped(mpsc::UnboundedSender<Option<Duration>>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.send(None).unwrap();
        }
    }
    move |_requests: RequestStream<Bytes>, context: ServicerContext| {
        let dropped = Dropped(events.clone());
        stubwright::stream(async move |mut responses| {
            if let Some(left) = context.time_remaining() {
                dropped.0.send(Some(left)).unwrap();
            }
            responses.send(Bytes::new()).await;
            std::future::pending().await
        })
    }
}

#[tokio::test]
async fn the_deadline_is_that_of_the_caller() {
    let (sender, mut events) = mpsc::unbounded_channel();
    let (channel, _servers) = proxied(waiting(sender)).await;
    let call = channel.unary_stream("/any.Service/Any", Raw, Bytes::new());
    let mut call = call.timeout(Duration::from_millis(300));
    let first: Option<Bytes> = within(call.message()).await.unwrap();
    assert!(first.is_some());
    let left = within(events.recv()).await.unwrap().unwrap();
    assert!(left <= Duration::from_millis(300), "{left:?}");
    let status = within(call.message()).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(within(events.recv()).await.unwrap(), None);
}

#[tokio::test]
async fn a_call_that_is_cancelled_is_cancelled_behind_the_proxy() {
    let (sender, mut events) = mpsc::unbounded_channel();
    let (channel, _servers) = proxied(waiting(sender)).await;
    let mut call = channel.unary_stream("/any.Service/Any", Raw, Bytes::new());
    let first: Option<Bytes> = within(call.message()).await.unwrap();
    assert!(first.is_some());
    drop(call);
    assert_eq!(within(events.recv()).await.unwrap(), None);
}

#[tokio::test]
async fn failed_requests_do_not_look_complete() {
    let (sender, mut ends) = mpsc::unbounded_channel();
    let mut backend = Server::new();
    backend.add_generic_handler(
        move |mut requests: RequestStream<Bytes>, _context: ServicerContext| {
            let sender = sender.clone();
            stubwright::stream(async move |_responses| {
                while requests.message().await?.is_some() {}
                sender.send("the requests have ended").unwrap();
                Ok(())
            })
        },
    );
    let mut proxy = Server::builder().max_receive_message_length(10).build();
    proxy.add_generic_handler(Proxy::new(started(&mut backend).await));
    let channel = started(&mut proxy).await;
    let requests = [Bytes::from("small"), Bytes::from("much too large")];
    let call = channel.stream_unary("/any.Service/Any", Raw, requests);
    let refused: Result<Bytes> = within(call).await;
    assert_eq!(refused.unwrap_err().code(), Code::ResourceExhausted);
    drop((proxy, backend));
    assert_eq!(within(ends.recv()).await, None);
}

#[tokio::test]
async fn a_missing_server_is_unavailable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let mut proxy = Server::new();
    proxy.add_generic_handler(Proxy::new(Channel::insecure(address).unwrap()));
    let channel = started(&mut proxy).await;
    let call = channel.unary_unary("/any.Service/Any", Raw, Bytes::new());
    let refused: Result<Bytes> = within(call).await;
    assert_eq!(refused.unwrap_err().code(), Code::Unavailable);
}

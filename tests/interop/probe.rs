//! A server and a client of the square service that test what the service itself does not use: all kinds of metadata,
//! statuses with details, and calls that are never answered.
//!
//! `plugin.py` builds it with the plugin's code, and `probe.py` runs it.

use std::error::Error;
use std::fs;
use std::future::pending;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use generated::protos::squarerpc_service::{
    Message, SquareServiceServicer, SquareServiceStub, add_square_service_servicer_to_server,
};
use stubwright::prost::Message as _;
use stubwright::prost::bytes::Bytes;
use stubwright::rpc::{BadRequest, ErrorInfo, RetryInfo, bad_request::FieldViolation};
use stubwright::{
    Channel, ChannelCredentials, Code, Metadata, Raw, RequestStream, Result, Server,
    ServerCredentials, ServicerContext, Status, Stream, stream,
};
use tokio::task::JoinSet;

/// A message with characters that `grpc-message` must escape.
const MESSAGE: &str = "nützlich: 100 %\n";
const DETAILS: &[u8] = b"\x08\x0a\x00\xff";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["serve"] => serve(None).await,
        ["serve", directory] => serve(Some(Path::new(directory))).await,
        ["call", address, check, rest @ ..] => {
            let channel = match rest {
                [] => Channel::insecure(address)?,
                [directory, ..] => Channel::secure(address, trust(Path::new(directory))?)?,
            };
            let stub = SquareServiceStub::new(channel.clone());
            match *check {
                "metadata" => metadata(&stub).await,
                "status" => status(&stub).await,
                "rich_status" => rich_status(&stub).await,
                "large" => large(&stub).await,
                "unimplemented" => unimplemented(&stub).await,
                "deadline" => deadline(&stub).await,
                "reconnect" => reconnect(&stub).await,
                "drop" => dropped(&stub).await,
                "cancel" => cancelled(&stub).await,
                "limits" => limits(&stub, &channel).await,
                "crowd" => crowd(&stub).await,
                "refused" => refused(&stub).await,
                other => Err(format!("unknown check {other}").into()),
            }
        }
        _ => Err("usage: probe serve [DIRECTORY] | probe call HOST:PORT CHECK [DIRECTORY]".into()),
    }
}

/// Serves, over TLS if there is a directory with certificates.
async fn serve(directory: Option<&Path>) -> Result<(), Box<dyn Error>> {
    let mut server = Server::new();
    add_square_service_servicer_to_server(Probe::default(), &mut server);
    let address = match directory {
        None => server.add_insecure_port("127.0.0.1:0").await?,
        Some(directory) => {
            let credentials = prove(directory)?;
            server.add_secure_port("127.0.0.1:0", credentials).await?
        }
    };
    server.start()?;
    println!("listening on {address}");
    server.wait_for_termination().await;
    Ok(())
}

/// Reads a server's credentials: its certificate, and the authorities of clients if their certificates are required.
fn prove(directory: &Path) -> Result<ServerCredentials, Box<dyn Error>> {
    let credentials = ServerCredentials::tls(
        fs::read(directory.join("server.pem"))?,
        fs::read(directory.join("server.key"))?,
    )?;
    match fs::read(directory.join("clients.pem")) {
        Ok(authorities) => Ok(credentials.require_client_certificate(authorities)?),
        Err(_) => Ok(credentials),
    }
}

/// Reads a client's credentials: its trusted roots, and its own certificate if it has one.
fn trust(directory: &Path) -> Result<ChannelCredentials, Box<dyn Error>> {
    let credentials =
        ChannelCredentials::tls().root_certificates(fs::read(directory.join("roots.pem"))?)?;
    match fs::read(directory.join("client.pem")) {
        Ok(chain) => {
            let key = fs::read(directory.join("client.key"))?;
            Ok(credentials.client_certificate(chain, key)?)
        }
        Err(_) => Ok(credentials),
    }
}

/// Never answers requests below zero. `sumSquare` returns the number of such calls that were cancelled.
#[derive(Default)]
struct Probe {
    given_up: Arc<AtomicU32>,
}

impl SquareServiceServicer for Probe {
    async fn square(&self, request: Message, context: &ServicerContext) -> Result<Message> {
        echo(context)?;
        self.answer(request).await
    }

    fn range_square(
        &self,
        request: Message,
        context: &ServicerContext,
    ) -> impl Stream<Item = Result<Message>> + Send {
        stream(async move |mut responses| {
            echo(context)?;
            responses.send(Message { message: 0.0 }).await;
            responses.send(self.answer(request).await?).await;
            Ok(())
        })
    }

    async fn sum_square(
        &self,
        _requests: RequestStream<Message>,
        _context: &ServicerContext,
    ) -> Result<Message> {
        let given_up = f64::from(self.given_up.load(Ordering::SeqCst));
        Ok(Message { message: given_up })
    }

    // A request stream in another task sees the end of its call.
    fn streamrange_square(
        &self,
        mut requests: RequestStream<Message>,
        _context: &ServicerContext,
    ) -> impl Stream<Item = Result<Message>> + Send {
        let given_up = Arc::clone(&self.given_up);
        tokio::spawn(async move {
            let end = loop {
                match requests.message().await {
                    Ok(Some(_)) => {}
                    end => break end,
                }
            };
            if matches!(end, Err(status) if status.code() == Code::Cancelled) {
                given_up.fetch_add(1, Ordering::SeqCst);
            }
        });
        stream(async move |mut responses| {
            responses.send(Message { message: 0.0 }).await;
            pending().await
        })
    }
}

impl Probe {
    async fn answer(&self, request: Message) -> Result<Message> {
        if request.message < 0.0 {
            let _counted = Counted(&self.given_up);
            pending::<()>().await;
        }
        Ok(request)
    }
}

/// Counts its drop.
struct Counted<'a>(&'a AtomicU32);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Echoes the caller's `initial..` pairs as initial metadata and its `trailing..` pairs as trailing metadata. Fails
/// if the metadata asks for it.
fn echo(context: &ServicerContext) -> Result<()> {
    let (mut initial, mut trailing) = (Metadata::new(), Metadata::new());
    for (key, value) in context.invocation_metadata().iter() {
        let value = value.to_bytes().unwrap_or_default();
        if key.starts_with("initial") {
            initial.append(key, value)?;
        } else if key.starts_with("trailing") {
            trailing.append(key, value)?;
        }
    }
    if context.invocation_metadata().get("fail") == Some("richly") {
        let (wrong, reason) = details();
        return Err(Status::invalid_argument(MESSAGE)
            .with_error_detail(wrong)
            .with_error_detail(reason));
    }
    if context.invocation_metadata().contains_key("fail") {
        return Err(Status::aborted(MESSAGE)
            .with_details(DETAILS)
            .with_metadata(trailing));
    }
    for identity in context.peer_identities() {
        trailing.append("identity", identity)?;
    }
    context.send_initial_metadata(initial)?;
    context.set_trailing_metadata(trailing);
    Ok(())
}

/// Returns the same typed details as `probe.py`.
fn details() -> (BadRequest, ErrorInfo) {
    let violation = FieldViolation {
        field: "message".into(),
        description: "it is even".into(),
        ..FieldViolation::default()
    };
    let wrong = BadRequest {
        field_violations: vec![violation],
    };
    let reason = ErrorInfo {
        reason: "EVEN".into(),
        domain: "example.com".into(),
        metadata: [("number".into(), "2".into())].into(),
    };
    (wrong, reason)
}

// The client. Its server behaves as the one above, with two differences: it does not implement `sumSquare`, and its
// responses are as large as the metadata asks.

async fn metadata(stub: &SquareServiceStub) -> Result<(), Box<dyn Error>> {
    let all: Vec<u8> = (0..=255).collect();
    let (response, call) = stub
        .square(Message { message: 2.0 })
        .metadata("initial", "one")
        .metadata("initial", "two, three")
        .metadata("initial-bin", &all)
        .metadata("trailing", "~ !")
        .metadata("trailing-bin", b"")
        .with_call()
        .await?;
    assert_eq!(response.message, 4.0);
    assert_echo(&call.initial_metadata, &call.trailing_metadata, &all);

    let mut responses = stub
        .range_square(Message { message: 0.0 })
        .metadata("initial", "one")
        .metadata("initial", "two, three")
        .metadata("initial-bin", &all)
        .metadata("trailing", "~ !")
        .metadata("trailing-bin", b"");
    let initial = responses.initial_metadata().await?.clone();
    while responses.message().await?.is_some() {}
    let trailing = responses.trailing_metadata().ok_or("the call has ended")?;
    assert_echo(&initial, &trailing, &all);
    Ok(())
}

fn assert_echo(initial: &Metadata, trailing: &Metadata, all: &[u8]) {
    let texts: Vec<_> = initial
        .get_all("initial")
        .filter_map(|value| value.as_str())
        .collect();
    assert_eq!(texts, ["one", "two, three"]);
    assert_eq!(initial.get_bin("initial-bin").as_deref(), Some(all));
    assert_eq!(trailing.get("trailing"), Some("~ !"));
    assert_eq!(trailing.get_bin("trailing-bin").as_deref(), Some(&b""[..]));
}

async fn status(stub: &SquareServiceStub) -> Result<(), Box<dyn Error>> {
    let call = stub
        .square(Message { message: 2.0 })
        .metadata("fail", "yes");
    let status = call
        .metadata("trailing", "too")
        .await
        .expect_err("it fails");
    assert_eq!(status.code(), Code::Aborted);
    assert_eq!(status.message(), MESSAGE);
    assert_eq!(status.details(), DETAILS);
    assert_eq!(status.metadata().get("trailing"), Some("too"));
    Ok(())
}

async fn rich_status(stub: &SquareServiceStub) -> Result<(), Box<dyn Error>> {
    let call = stub
        .square(Message { message: 2.0 })
        .metadata("fail", "richly");
    let status = call.await.expect_err("it fails");
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status.message(), MESSAGE);
    let (wrong, reason) = details();
    assert_eq!(status.error_detail(), Some(wrong));
    assert_eq!(status.error_detail(), Some(reason));
    assert_eq!(status.error_detail::<RetryInfo>(), None);
    assert_eq!(status.error_details().len(), 2);
    Ok(())
}

async fn large(stub: &SquareServiceStub) -> Result<(), Box<dyn Error>> {
    let response = stub
        .square(Message { message: 2.0 })
        .metadata("mebibytes", "3")
        .await?;
    assert_eq!(response.message, 4.0);
    let call = stub
        .square(Message { message: 2.0 })
        .metadata("mebibytes", "5");
    let status = call.await.expect_err("the message is too large");
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    Ok(())
}

async fn unimplemented(stub: &SquareServiceStub) -> Result<(), Box<dyn Error>> {
    let numbers = (0..12).map(|number| Message {
        message: f64::from(number),
    });
    let status = stub.sum_square(numbers).await.expect_err("the method is not implemented");
    assert_eq!(status.code(), Code::Unimplemented);
    Ok(())
}

async fn deadline(stub: &SquareServiceStub) -> Result<(), Box<dyn Error>> {
    let timeout = Duration::from_millis(300);
    let started = Instant::now();
    let call = stub.square(Message { message: -1.0 }).timeout(timeout);
    let status = call.await.expect_err("the call is never answered");
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");

    let mut responses = stub
        .range_square(Message { message: -1.0 })
        .timeout(timeout);
    assert!(responses.message().await?.is_some());
    let status = responses.message().await.expect_err("the call never ends");
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    assert!(started.elapsed() >= timeout * 2 && started.elapsed() < Duration::from_secs(5));
    Ok(())
}

async fn dropped(stub: &SquareServiceStub) -> Result<(), Box<dyn Error>> {
    let call = stub.square(Message { message: -1.0 });
    let call = tokio::time::timeout(Duration::from_millis(300), async { call.await });
    assert!(call.await.is_err(), "the call is never answered");

    let mut responses = stub.range_square(Message { message: -1.0 });
    assert!(responses.message().await?.is_some());
    drop(responses);
    // A later call shows that the connection still works, and lets the two cancellations be sent.
    let response = stub.square(Message { message: 2.0 }).await?;
    assert_eq!(response.message, 4.0);
    Ok(())
}

/// Cancels a call before it begins, during it, and after its end.
async fn cancelled(stub: &SquareServiceStub) -> Result<(), Box<dyn Error>> {
    let mut responses = stub.range_square(Message { message: 2.0 });
    responses.cancel();
    let status = responses.message().await.expect_err("the call is cancelled");
    assert_eq!(status.code(), Code::Cancelled, "{status}");

    let mut responses = stub.range_square(Message { message: -1.0 });
    assert!(responses.message().await?.is_some());
    responses.cancel();
    let status = responses.message().await.expect_err("the call is cancelled");
    assert_eq!(status.code(), Code::Cancelled, "{status}");
    assert_eq!(responses.message().await?, None);

    let mut responses = stub.range_square(Message { message: 2.0 });
    while responses.message().await?.is_some() {}
    responses.cancel();
    assert_eq!(responses.code(), Some(Code::Ok));
    Ok(())
}

/// Checks the server's limit of 4 MiB and our own.
async fn limits(stub: &SquareServiceStub, channel: &Channel) -> Result<(), Box<dyn Error>> {
    // The number 2, and zeros in an unknown field.
    let request = |mebibytes: u8| {
        let mut request = vec![0x09, 0, 0, 0, 0, 0, 0, 0, 0x40, 0x12];
        request.extend([0x80, 0x80, 0x80 | mebibytes << 6, mebibytes >> 1]);
        request.resize(request.len() + (usize::from(mebibytes) << 20), 0);
        Bytes::from(request)
    };
    let call = |mebibytes| {
        let method = "/squarerpc_service.SquareService/square";
        channel.unary_unary::<Bytes, Bytes, _>(method, Raw, request(mebibytes))
    };
    let response: Bytes = call(3).await?;
    assert_eq!(Message::decode(response)?.message, 4.0);
    let status = call(5).await.expect_err("the request is over the server's limit");
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    let call = call(3).max_send_message_length(2 << 20);
    let status = call.await.expect_err("the response is over the caller's limit");
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");

    let response = stub
        .square(Message { message: 2.0 })
        .metadata("mebibytes", "5")
        .max_receive_message_length(6 << 20)
        .await?;
    assert_eq!(response.message, 4.0);
    Ok(())
}

/// Makes calls that are all open before the server answers the first.
async fn crowd(stub: &SquareServiceStub) -> Result<(), Box<dyn Error>> {
    const CALLS: u32 = 10_000;
    let started = Instant::now();
    let mut calls = JoinSet::new();
    for number in 0..CALLS {
        let number = f64::from(number);
        let call = stub.square(Message { message: number });
        calls.spawn(async move {
            let response = call.await?;
            Ok::<_, Status>(response.message == number * number)
        });
    }
    while let Some(call) = calls.join_next().await {
        assert!(call??, "a wrong square");
    }
    let seconds = started.elapsed().as_secs_f64();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.unwrap_or("unknown").trim();
    println!("{CALLS} calls at a time over one channel: {seconds:.1} s, at most {peak} of memory");
    Ok(())
}

/// Makes a call without a connection. The error must have the reason.
async fn refused(stub: &SquareServiceStub) -> Result<(), Box<dyn Error>> {
    let status = stub.square(Message { message: 2.0 }).await;
    let status = status.expect_err("the connection is refused");
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    println!("{}", status.message());
    Ok(())
}

/// Makes calls while the server closes each connection after a while. No call may fail.
async fn reconnect(stub: &SquareServiceStub) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(2) {
        let response = stub.square(Message { message: 2.0 }).await?;
        assert_eq!(response.message, 4.0);
    }
    Ok(())
}

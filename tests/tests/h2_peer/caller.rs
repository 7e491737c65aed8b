//! Our server, and a client of the `h2` crate.

use std::net::SocketAddr;

use bytes::Bytes;
use h2::SendStream;
use h2::client::{Builder, ResponseFuture, SendRequest};
use http::{HeaderMap, Request};
use stubwright::{Server, ServerBuilder};
use stubwright_tests::pb::probe::v1::add_probe_servicer_to_server;
use stubwright_tests::{Event, Probe};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::wire::{read_all, within};

/// A server with the probe, and the events of its calls.
pub struct Served {
    pub server: Server,
    pub address: SocketAddr,
    events: mpsc::UnboundedReceiver<Event>,
}

impl Served {
    pub async fn new() -> Served {
        Served::with(Server::builder()).await
    }

    pub async fn with(builder: ServerBuilder) -> Served {
        let (probe, events) = Probe::new();
        let mut server = builder.build();
        add_probe_servicer_to_server(probe, &mut server);
        let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
        server.start().unwrap();
        Served {
            server,
            address,
            events,
        }
    }

    pub async fn event(&mut self) -> Event {
        within(self.events.recv()).await.unwrap()
    }

    /// Returns an event that has happened already, without waiting.
    pub fn past_event(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }
}

/// A connection of an `h2` client.
pub struct Caller {
    requests: SendRequest<Bytes>,
    pub connection: JoinHandle<Result<(), h2::Error>>,
}

/// A complete response.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: HeaderMap,
    pub body: Vec<u8>,
    /// The trailers, or the head if nothing follows it.
    pub end: HeaderMap,
}

impl Caller {
    pub async fn new(address: SocketAddr) -> Caller {
        Caller::with(address, &Builder::new()).await
    }

    pub async fn with(address: SocketAddr, builder: &Builder) -> Caller {
        let socket = TcpStream::connect(address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        let (requests, connection) = within(builder.handshake(socket)).await.unwrap();
        Caller {
            requests,
            connection: tokio::spawn(connection),
        }
    }

    /// Opens a call to a method of the probe, once the server's limit allows it.
    pub async fn open(
        &mut self,
        method: &str,
        metadata: &[(&str, &str)],
    ) -> (ResponseFuture, SendStream<Bytes>) {
        let mut request = Request::post(format!("http://probe.test/probe.v1.Probe/{method}"))
            .version(http::Version::HTTP_2)
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for (name, value) in metadata {
            request = request.header(*name, *value);
        }
        self.send(request.body(()).unwrap()).await.unwrap()
    }

    pub async fn send(
        &mut self,
        request: Request<()>,
    ) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
        let mut ready = within(self.requests.clone().ready()).await?;
        ready.send_request(request, false)
    }

    /// Makes a complete call.
    pub async fn call(
        &mut self,
        method: &str,
        metadata: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let (response, mut requests) = self.open(method, metadata).await;
        requests.send_data(body.into(), true).unwrap();
        answer(response).await
    }

    /// Announces that no more calls follow. The connection ends after the open ones.
    pub fn go_away(self) -> JoinHandle<Result<(), h2::Error>> {
        self.connection
    }
}

/// Reads the complete response of a call.
pub async fn answer(response: ResponseFuture) -> Answer {
    let (head, mut body) = within(response).await.unwrap().into_parts();
    let (body, trailers) = within(read_all(&mut body)).await.unwrap();
    Answer {
        status: head.status.as_u16(),
        end: trailers.unwrap_or_else(|| head.headers.clone()),
        head: head.headers,
        body,
    }
}

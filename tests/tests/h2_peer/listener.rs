//! A server of the `h2` crate, for our client.

use std::net::SocketAddr;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::{Builder, Connection, SendResponse};
use http::{HeaderMap, Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::wire::read_all;

/// The server, and its address.
pub struct Listener {
    listener: TcpListener,
    pub address: SocketAddr,
    builder: Builder,
}

/// A connection of our client, driven by a task.
pub struct Accepted {
    calls: mpsc::UnboundedReceiver<Call>,
    orders: mpsc::UnboundedSender<Order>,
}

/// A call of our client.
pub struct Call {
    pub request: Request<RecvStream>,
    pub respond: SendResponse<Bytes>,
}

enum Order {
    GoAway,
}

impl Listener {
    pub async fn new() -> Listener {
        Listener::with(Builder::new()).await
    }

    pub async fn with(builder: Builder) -> Listener {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Listener {
            address: listener.local_addr().unwrap(),
            listener,
            builder,
        }
    }

    pub async fn accept(&self) -> Accepted {
        self.try_accept()
            .await
            .expect("the client should speak HTTP/2")
    }

    /// Waits for the next connection. Returns `None` if it is not HTTP/2.
    pub async fn try_accept(&self) -> Option<Accepted> {
        let (socket, _) = self.listener.accept().await.unwrap();
        socket.set_nodelay(true).unwrap();
        let connection = self.builder.handshake(socket).await.ok()?;
        let (sender, calls) = mpsc::unbounded_channel();
        let (orders, receiver) = mpsc::unbounded_channel();
        tokio::spawn(drive(connection, sender, receiver));
        Some(Accepted { calls, orders })
    }
}

impl Accepted {
    /// Waits for the next call.
    pub async fn call(&mut self) -> Call {
        self.calls
            .recv()
            .await
            .expect("the connection should be open")
    }

    /// Waits for the next call. Returns `None` if the connection ends.
    pub async fn next_call(&mut self) -> Option<Call> {
        self.calls.recv().await
    }

    /// Starts a graceful shutdown.
    pub fn go_away(&self) {
        self.orders.send(Order::GoAway).unwrap();
    }
}

/// Drives a connection to its end.
async fn drive(
    mut connection: Connection<TcpStream, Bytes>,
    calls: mpsc::UnboundedSender<Call>,
    mut orders: mpsc::UnboundedReceiver<Order>,
) {
    loop {
        tokio::select! {
            accepted = connection.accept() => match accepted {
                Some(Ok((request, respond))) => drop(calls.send(Call { request, respond })),
                _ => return,
            },
            Some(Order::GoAway) = orders.recv() => connection.graceful_shutdown(),
        }
    }
}

impl Call {
    /// Reads the complete request.
    pub async fn body(&mut self) -> Vec<u8> {
        read_all(self.request.body_mut()).await.unwrap().0
    }

    /// Answers with messages and a status.
    pub fn answer(&mut self, body: impl Into<Bytes>, status: &str) {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", status.parse().unwrap());
        self.answer_with(&[], body, trailers);
    }

    /// Answers with a head, messages and trailers.
    pub fn answer_with(
        &mut self,
        head: &[(&str, &str)],
        body: impl Into<Bytes>,
        trailers: HeaderMap,
    ) {
        let response = grpc_head(200, head);
        let mut stream = self.respond.send_response(response, false).unwrap();
        stream.send_data(body.into(), false).unwrap();
        stream.send_trailers(trailers).unwrap();
    }

    /// Answers with a head only.
    pub fn answer_head(&mut self, status: u16, head: &[(&str, &str)]) {
        let response = grpc_head(status, head);
        self.respond.send_response(response, true).unwrap();
    }
}

pub fn grpc_head(status: u16, fields: &[(&str, &str)]) -> Response<()> {
    let mut response = Response::builder()
        .status(status)
        .header("content-type", "application/grpc");
    for (name, value) in fields {
        response = response.header(*name, *value);
    }
    response.body(()).unwrap()
}

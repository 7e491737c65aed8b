//! Opens connections, makes a unary call on each, and keeps them open, so that the memory of idle connections can be
//! read from the server: `idle ADDRESS CONNECTIONS`.
//!
//! It prints a line when all connections are open, and ends at the end of its standard input.

use bytes::{Bytes, BytesMut};
use h2::client::{self, SendRequest};
use http::Request;
use tokio::net::TcpStream;

type Error = Box<dyn std::error::Error>;

/// A message of 36 bytes, with its prefix.
const MESSAGE: &[u8] = b"\x00\x00\x00\x00\x24\x0a\x22\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let args: Vec<String> = std::env::args().collect();
    let [_, address, connections] = &args[..] else {
        return Err("usage: idle ADDRESS CONNECTIONS".into());
    };
    let mut held = Vec::new();
    for _ in 0..connections.parse()? {
        held.push(called(address).await?);
    }
    println!("held {}", held.len());
    tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await??;
    Ok(())
}

/// Connects and makes a call. Returns the connection.
async fn called(address: &str) -> Result<SendRequest<Bytes>, Error> {
    let socket = TcpStream::connect(address).await?;
    let (mut requests, connection) = client::handshake(socket).await?;
    tokio::spawn(connection);
    let request = Request::post(format!("http://{address}/bench.Bench/Unary"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())?;
    requests = requests.ready().await?;
    let (response, mut body) = requests.send_request(request, false)?;
    body.send_data(Bytes::from_static(MESSAGE), true)?;
    let mut response = response.await?.into_body();
    let mut message = BytesMut::new();
    while let Some(chunk) = response.data().await {
        message.extend_from_slice(&chunk?);
    }
    if message != MESSAGE {
        return Err("the response is not the request's message".into());
    }
    Ok(requests)
}

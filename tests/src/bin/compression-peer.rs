//! A server and a client of the probe for the interop run, which counts the bytes between them and Python's gRPC.

use std::error::Error;

use futures_util::TryStreamExt;
use stubwright::{Channel, Compression, Server};
use stubwright_tests::Probe;
use stubwright_tests::pb::probe::v1::{ProbeStub, Request, add_probe_servicer_to_server};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["serve"] => serve().await,
        ["call", address, size] => call(address, size.parse()?).await,
        _ => Err("usage: compression-peer serve | compression-peer call HOST:PORT SIZE".into()),
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    // Events of the calls are not needed here.
    let (probe, _) = Probe::new();
    let mut server = Server::builder().compression(Compression::Gzip).build();
    add_probe_servicer_to_server(probe, &mut server);
    let address = server.add_insecure_port("127.0.0.1:0").await?;
    server.start()?;
    println!("listening on {address}");
    server.wait_for_termination().await;
    Ok(())
}

/// Makes one unary call and one with five messages. The payloads are zeros, and must come back.
async fn call(address: &str, size: usize) -> Result<(), Box<dyn Error>> {
    let request = Request {
        payload: vec![0; size],
        ..Request::default()
    };
    let channel = Channel::builder()
        .compression(Compression::Gzip)
        .build_insecure(address)?;
    let stub = ProbeStub::new(channel);
    let response = stub.unary(request.clone()).await?;
    assert_eq!(response.payload.len(), size);
    let responses: Vec<_> = stub.bidi(vec![request; 5]).try_collect().await?;
    assert_eq!(responses.len(), 5);
    assert!(responses.iter().all(|one| one.payload.len() == size));
    Ok(())
}

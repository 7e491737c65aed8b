//! A client that makes unary calls with connectrpc, in gRPC's protocol. Each connection is an HTTP/2 connection.

use bench_options::{ClientOptions, Meter};
use connectrpc::client::{ClientConfig, Http2Connection};
use connectrpc::{ConnectError, Protocol};

mod proto {
    connectrpc::include_generated!();
}

use proto::bench::{BenchClient, Payload};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = ClientOptions::from_args();
    options.runtime().block_on(async {
        let mut clients = Vec::new();
        for _ in 0..options.connections {
            let uri: http::Uri = format!("http://{}", options.address).parse()?;
            let connection = Http2Connection::connect_plaintext(uri.clone()).await?;
            let config = ClientConfig::new(uri).with_protocol(Protocol::Grpc);
            let client = BenchClient::new(connection.shared(options.streams), config);
            client.unary(payload()).await?;
            clients.push(client);
        }
        let meter = Meter::start();
        let mut tasks = Vec::new();
        for client in &clients {
            for _ in 0..options.streams {
                let (client, each) = (client.clone(), options.each);
                tasks.push(tokio::spawn(async move {
                    for _ in 0..each {
                        client.unary(payload()).await?;
                    }
                    Ok::<_, ConnectError>(())
                }));
            }
        }
        let calls = tasks.len() * options.each;
        for task in tasks {
            task.await??;
        }
        meter.report(calls);
        Ok(())
    })
}

/// Returns a message of 36 bytes, 41 with the prefix.
fn payload() -> Payload {
    Payload {
        body: vec![7; 34],
        ..Payload::default()
    }
}

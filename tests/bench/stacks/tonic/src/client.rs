//! A client that makes unary calls with tonic.

use bench_options::{ClientOptions, Meter};
use tonic::Status;

mod proto {
    tonic::include_proto!("bench");
}

use proto::Payload;
use proto::bench_client::BenchClient;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = ClientOptions::from_args();
    options.runtime().block_on(async {
        let mut clients = Vec::new();
        for _ in 0..options.connections {
            let mut client = BenchClient::connect(format!("http://{}", options.address)).await?;
            client.unary(payload()).await?;
            clients.push(client);
        }
        let meter = Meter::start();
        let mut tasks = Vec::new();
        for client in &clients {
            for _ in 0..options.streams {
                let (mut client, each) = (client.clone(), options.each);
                tasks.push(tokio::spawn(async move {
                    for _ in 0..each {
                        client.unary(payload()).await?;
                    }
                    Ok::<_, Status>(())
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
        count: 0,
    }
}

//! A client that makes unary calls with Stubwright.

use bench_options::{ClientOptions, Meter};
use stubwright::{Channel, Result, Status};

stubwright::include_protos!();

use bench::{BenchStub, Payload};

fn main() -> Result<()> {
    let options = ClientOptions::from_args();
    options.runtime().block_on(async {
        let mut stubs = Vec::new();
        for _ in 0..options.connections {
            let stub = BenchStub::new(Channel::insecure(options.address.to_string())?);
            stub.unary(payload()).await?;
            stubs.push(stub);
        }
        let meter = Meter::start();
        let mut tasks = Vec::new();
        for stub in &stubs {
            for _ in 0..options.streams {
                let (stub, each) = (stub.clone(), options.each);
                tasks.push(tokio::spawn(async move {
                    for _ in 0..each {
                        stub.unary(payload()).await?;
                    }
                    Ok::<_, Status>(())
                }));
            }
        }
        let calls = tasks.len() * options.each;
        for task in tasks {
            task.await.expect("no panic")?;
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

//! Three servers, and a client that calls them continuously. One of the servers is killed and started again. No call
//! fails.

mod client;
mod server;

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use client::Client;
use server::Replica;

// The module `replicas`, named after the package of `proto/replicas.proto`.
stubwright::include_protos!();

const USAGE: &str = "\
usage: resilient_client [serve NAME HOST:PORT]

Without arguments it runs three servers, each in a process of its own, and calls them.";

/// Number of calls in each part of the run.
const CALLS: usize = 300;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        [] => run().await,
        ["serve", name, address] => server::serve(name, address).await,
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("resilient_client: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let mut replicas = Vec::new();
    for name in ["a", "b", "c"] {
        replicas.push(Replica::start(name, "127.0.0.1:0").await?);
    }
    let addresses: Vec<&str> = replicas.iter().map(|replica| &*replica.address).collect();
    let client = Client::new(&addresses)?;
    // All three must be connected before one is killed.
    client.until(&["a", "b", "c"]).await?;
    report("three servers run", &client.call(CALLS).await?);

    // Calls that are open on the killed server, or reach it before its end is known, are retried on another.
    let calls = client.start(CALLS);
    tokio::time::sleep(Duration::from_millis(50)).await;
    replicas[1].kill().await?;
    report("b is killed during calls", &calls.await??);
    report("two servers run", &client.call(CALLS).await?);

    let address = replicas[1].address.clone();
    replicas[1] = Replica::start("b", &address).await?;
    client.until(&["b"]).await?;
    report("b is back", &client.call(CALLS).await?);
    println!("no call has failed");
    Ok(())
}

/// Prints the servers that have answered. The number of responses of each is random, because calls run concurrently.
fn report(what: &str, answers: &BTreeMap<String, usize>) {
    let count: usize = answers.values().sum();
    let names: Vec<&str> = answers.keys().map(String::as_str).collect();
    println!("{what}: {count} calls, answered by {}", names.join(", "));
}

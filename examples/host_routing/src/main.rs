//! Two backends behind nginx, which routes calls by host, and a client with one connection to nginx.

mod backend;
mod client;
mod proxy;

use std::error::Error;
use std::process::ExitCode;

// The module `backends`, named after the package of `proto/backends.proto`.
stubwright::include_protos!();

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("host_routing: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let directory = proxy::Directory::new()?;
    let _blue = backend::serve("blue", directory.path()).await?;
    let _green = backend::serve("green", directory.path()).await?;
    let _nginx = proxy::start(directory.path())?;

    let proxy = format!("unix:{}", directory.path().join("proxy.sock").display());
    client::by_call(&proxy).await?;
    client::by_channel(&proxy).await?;
    client::of_nobody(&proxy).await?;
    Ok(())
}

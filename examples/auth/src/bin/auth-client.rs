//! Asks the vault: without a token, with a wrong one, with its own, and without TLS.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use auth::TOKEN;
use auth::auth::v1::{OpenRequest, VaultStub};
use stubwright::{Channel, ChannelCredentials};

const USAGE: &str = "\
usage: auth-client --addr HOST:PORT --certificates DIRECTORY --token TOKEN

  --addr HOST:PORT          the server
  --certificates DIRECTORY  where ca.pem is, the authority to trust
  --token TOKEN             what to prove oneself with";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [
        "--addr",
        address,
        "--certificates",
        directory,
        "--token",
        token,
    ] = arguments[..]
    else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match ask(address, Path::new(directory), token).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("auth-client: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn ask(address: &str, directory: &Path, token: &str) -> Result<(), Box<dyn Error>> {
    let authority = fs::read(directory.join("ca.pem"))?;
    let credentials = ChannelCredentials::tls().root_certificates(authority)?;
    let stub = VaultStub::new(Channel::secure(address, credentials)?);

    if let Err(status) = stub.open(OpenRequest {}).await {
        println!("without a token: {status}");
    }
    if let Err(status) = stub.open(OpenRequest {}).metadata(TOKEN, "guessed").await {
        println!("with a wrong one: {status}");
    }
    let reply = stub.open(OpenRequest {}).metadata(TOKEN, token).await?;
    println!("as {}: {}", reply.user, reply.secret);

    // A channel that does not encrypt gets nowhere, and a token sent on it would be anybody's.
    let open = VaultStub::new(Channel::insecure(address)?);
    if let Err(status) = open.open(OpenRequest {}).await {
        println!("without TLS: {}", status.code());
    }
    Ok(())
}

//! Calls the vault without a token, with a wrong token, with the right token, and without TLS.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use auth::auth::v1::{OpenRequest, VaultStub};
use auth::token;
use stubwright::{Channel, ChannelCredentials};

const USAGE: &str = "\
usage: auth-client --addr HOST:PORT --certificates DIRECTORY --token TOKEN

  --addr HOST:PORT          the server
  --certificates DIRECTORY  the directory of ca.pem, the trusted root
  --token TOKEN             the token of the caller";

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
        own,
    ] = arguments[..]
    else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match ask(address, Path::new(directory), own).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("auth-client: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn ask(address: &str, directory: &Path, own: &str) -> Result<(), Box<dyn Error>> {
    let authority = fs::read(directory.join("ca.pem"))?;
    let trust = ChannelCredentials::tls().root_certificates(authority)?;

    // Without call credentials, and with those of a single call.
    let stub = VaultStub::new(Channel::secure(address, trust.clone())?);
    if let Err(status) = stub.open(OpenRequest {}).await {
        println!("without a token: {status}");
    }
    if let Err(status) = stub
        .open(OpenRequest {})
        .credentials(token("guessed"))
        .await
    {
        println!("with a wrong token: {status}");
    }

    // Call credentials in the channel's credentials: all of its calls send the token.
    let channel = Channel::secure(address, trust.call_credentials(token(own)))?;
    let reply = VaultStub::new(channel).open(OpenRequest {}).await?;
    println!("as {}: {}", reply.user, reply.secret);

    // Without encryption anybody could read the token, so it is not sent.
    let open = VaultStub::new(Channel::insecure(address)?.with_credentials(token(own)));
    if let Err(status) = open.open(OpenRequest {}).await {
        println!("without TLS: {}", status.code());
    }
    Ok(())
}

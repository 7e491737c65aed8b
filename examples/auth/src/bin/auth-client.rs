//! Asks the vault: without a token, with a wrong one, with its own, and without TLS.

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

    // Without call credentials, and with those of one call.
    let stub = VaultStub::new(Channel::secure(address, trust.clone())?);
    if let Err(status) = stub.open(OpenRequest {}).await {
        println!("without a token: {status}");
    }
    if let Err(status) = stub
        .open(OpenRequest {})
        .credentials(token("guessed"))
        .await
    {
        println!("with a wrong one: {status}");
    }

    // Composed with the channel's credentials: all its calls have the token.
    let channel = Channel::secure(address, trust.call_credentials(token(own)))?;
    let reply = VaultStub::new(channel).open(OpenRequest {}).await?;
    println!("as {}: {}", reply.user, reply.secret);

    // A token that is sent without encryption would be anybody's: it is not sent.
    let open = VaultStub::new(Channel::insecure(address)?.with_credentials(token(own)));
    if let Err(status) = open.open(OpenRequest {}).await {
        println!("without TLS: {}", status.code());
    }
    Ok(())
}

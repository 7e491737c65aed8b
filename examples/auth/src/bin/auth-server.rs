//! Serves the vault over TLS until it is interrupted or terminated.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use auth::auth::v1::add_vault_servicer_to_server;
use auth::{Tokens, Vault};
use stubwright::{Server, ServerCredentials, shutdown_signal};

const USAGE: &str = "\
usage: auth-server --addr HOST:PORT --certificates DIRECTORY

  --addr HOST:PORT          the address to listen on; port 0 means any free port
  --certificates DIRECTORY  the directory of server.pem and server.key";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ["--addr", address, "--certificates", directory] = arguments[..] else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match serve(address, Path::new(directory)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("auth-server: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(address: &str, directory: &Path) -> Result<(), Box<dyn Error>> {
    let certificate = fs::read(directory.join("server.pem"))?;
    let key = fs::read(directory.join("server.key"))?;
    let credentials = ServerCredentials::tls(certificate, key)?;

    let tokens = Tokens::new(&[("ada-42", "ada"), ("grace-43", "grace")]);
    let mut server = Server::builder().interceptor(tokens).build();
    add_vault_servicer_to_server(Vault, &mut server);
    // The interceptor protects reflection and health too. A caller without a token learns nothing.
    server.add_reflection();
    server.add_health();

    let address = server.add_secure_port(address, credentials).await?;
    let shutdown = shutdown_signal()?;
    println!("listening on {address}");
    server.serve_until(shutdown, Duration::from_secs(5)).await?;
    Ok(())
}

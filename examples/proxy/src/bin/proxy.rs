//! Forwards calls to another gRPC server until it is interrupted or terminated.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use proxy::Proxy;
use stubwright::{Channel, Server, shutdown_signal};

const USAGE: &str = "\
usage: proxy --addr HOST:PORT --to HOST:PORT

  --addr HOST:PORT  the address to listen on; port 0 means any free port
  --to HOST:PORT    the server to forward calls to";

/// Maximum size of a message that is forwarded. The two ends have their own limits. This one keeps a caller from
/// filling the proxy's memory.
const MAX_MESSAGE_LENGTH: usize = 64 << 20;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ["--addr", address, "--to", target] = arguments[..] else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match serve(address, target).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("proxy: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(address: &str, target: &str) -> Result<(), Box<dyn Error>> {
    let channel = Channel::builder()
        .max_receive_message_length(MAX_MESSAGE_LENGTH)
        .build_insecure(target)?;
    let mut server = Server::builder()
        .max_receive_message_length(MAX_MESSAGE_LENGTH)
        .build();
    server.add_generic_handler(Proxy::new(channel));
    let address = server.add_insecure_port(address).await?;
    let shutdown = shutdown_signal()?;
    println!("listening on {address}");
    server.serve_until(shutdown, Duration::from_secs(5)).await?;
    Ok(())
}

//! Serves conversations until it is interrupted or terminated.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use chat::ChatServicer;
use chat::chat::add_chat_service_servicer_to_server;
use stubwright::{Server, shutdown_signal};

const USAGE: &str = "\
usage: chat-server --addr HOST:PORT

  --addr HOST:PORT  the address to listen on; port 0 means any free port";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let ["--addr", address] = arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match serve(address).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chat-server: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(address: &str) -> io::Result<()> {
    let servicer = ChatServicer {
        thinks: Duration::from_millis(200),
    };
    let mut server = Server::new();
    add_chat_service_servicer_to_server(servicer, &mut server);
    // Clients can ask for the server's services and their health.
    server.add_reflection();
    server.add_health();
    let address = server.add_insecure_port(address).await?;
    let shutdown = shutdown_signal()?;
    println!("listening on {address}");
    server.serve_until(shutdown, Duration::from_secs(5)).await
}

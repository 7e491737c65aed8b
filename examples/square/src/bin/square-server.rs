//! Serves the square service until it is interrupted or terminated.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use square::squarerpc_service::add_square_service_servicer_to_server;
use square::{Answers, Squares};
use stubwright::{Server, shutdown_signal};

const USAGE: &str = "\
usage: square-server --addr ADDRESS [--collect]

  --addr ADDRESS  the address to listen on: HOST:PORT (port 0 means any free port) or unix:PATH
  --collect       streamrangeSquare answers after the last request, instead of after each";

#[tokio::main]
async fn main() -> ExitCode {
    let Some((address, answers)) = arguments(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match serve(&address, answers).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("square-server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn arguments(mut arguments: impl Iterator<Item = String>) -> Option<(String, Answers)> {
    let mut address = None;
    let mut answers = Answers::Each;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--addr" => address = Some(arguments.next()?),
            "--collect" => answers = Answers::Collected,
            _ => return None,
        }
    }
    Some((address?, answers))
}

async fn serve(address: &str, answers: Answers) -> io::Result<()> {
    let mut server = Server::new();
    add_square_service_servicer_to_server(Squares::new(answers), &mut server);
    // Clients can ask for the server's services and their health.
    server.add_reflection();
    server.add_health();
    let address = listen(&mut server, address).await?;
    let shutdown = shutdown_signal()?;
    // The port is bound, so clients may connect from now on.
    println!("listening on {address}");
    server.serve_until(shutdown, Duration::from_secs(5)).await
}

/// Adds a port, or a unix socket on systems that have them. Returns the address for clients.
async fn listen(server: &mut Server, address: &str) -> io::Result<String> {
    #[cfg(unix)]
    if let Some(path) = address.strip_prefix("unix:") {
        server.add_unix_port(path).await?;
        return Ok(address.to_owned());
    }
    let address = server.add_insecure_port(address).await?;
    Ok(address.to_string())
}

//! Serves the square service until it is interrupted or terminated.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use square::squarerpc_service::add_square_service_servicer_to_server;
use square::{Answers, Squares};
use stubwright::{Server, shutdown_signal};

const USAGE: &str = "\
usage: square-server --addr ADDRESS [--collect]

  --addr ADDRESS  where to listen: HOST:PORT, where the port 0 takes a free one, or unix:PATH
  --collect       streamrangeSquare answers when the last request has come, instead of each as it comes";

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
    // What the server has can be asked for, and how it does.
    server.add_reflection();
    server.add_health();
    let address = listen(&mut server, address).await?;
    let shutdown = shutdown_signal()?;
    // The port is bound, so that clients may connect from now on.
    println!("listening on {address}");
    server.serve_until(shutdown, Duration::from_secs(5)).await
}

/// Adds a port, or a unix socket where there is such a thing; returns the address by which clients find it.
async fn listen(server: &mut Server, address: &str) -> io::Result<String> {
    #[cfg(unix)]
    if let Some(path) = address.strip_prefix("unix:") {
        server.add_unix_port(path).await?;
        return Ok(address.to_owned());
    }
    let address = server.add_insecure_port(address).await?;
    Ok(address.to_string())
}

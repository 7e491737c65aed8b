//! Serves pings until it is interrupted or terminated.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use ping::app::ping::v1::add_ping_service_servicer_to_server;
use ping::{Handler, PingServicer, log_calls};
use stubwright::health::ServingStatus;
use stubwright::{Server, shutdown_signal};

const USAGE: &str = "\
usage: ping-server --addr HOST:PORT

  --addr HOST:PORT  the address to listen on; port 0 means any free port";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [flag, address] = arguments.as_slice() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    if flag != "--addr" {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }
    match serve(address).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ping-server: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(address: &str) -> io::Result<()> {
    let mut server = Server::builder()
        .interceptor(log_calls)
        // Keepalive detects a client that has vanished, and its calls are cancelled.
        .keepalive_time(Duration::from_secs(10))
        .keepalive_timeout(Duration::from_secs(10))
        // Clients may send a PING every second. After three that come too early, their connection is closed.
        .min_ping_interval_without_data(Duration::from_secs(1))
        .max_ping_strikes(3)
        .keepalive_permit_without_calls(true)
        .build();
    // Ten pings run at a time, and ten more wait.
    let servicer = PingServicer::new(Handler::new(10, 10));
    add_ping_service_servicer_to_server(servicer, &mut server);
    let health = server.add_health();
    health.set("app.ping.v1.PingService", ServingStatus::Serving);
    server.add_reflection();

    let address = server.add_insecure_port(address).await?;
    let shutdown = shutdown_signal()?;
    println!("listening on {address}");
    // Open calls have five seconds to complete after the signal.
    server.serve_until(shutdown, Duration::from_secs(5)).await
}

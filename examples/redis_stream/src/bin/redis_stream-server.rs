//! Serves the streams of a Redis server until it is interrupted or terminated.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use redis_stream::RedisStreamServicer;
use redis_stream::redis_stream::add_redis_stream_service_servicer_to_server;
use stubwright::{Server, shutdown_signal};

const USAGE: &str = "\
usage: redis_stream-server --addr HOST:PORT --redis ADDRESS

  --addr HOST:PORT  the address to listen on; port 0 means any free port
  --redis ADDRESS   the address of Redis: HOST:PORT or unix:PATH";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ["--addr", address, "--redis", redis] = arguments[..] else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match serve(address, redis).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("redis_stream-server: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(address: &str, redis: &str) -> io::Result<()> {
    let servicer = RedisStreamServicer {
        redis: redis.to_owned(),
    };
    let mut server = Server::new();
    add_redis_stream_service_servicer_to_server(servicer, &mut server);
    // Clients can ask for the server's services and their health.
    server.add_reflection();
    server.add_health();
    let address = server.add_insecure_port(address).await?;
    let shutdown = shutdown_signal()?;
    println!("listening on {address}");
    // Subscriptions never end, so they have no grace period.
    server.serve_until(shutdown, Duration::ZERO).await
}

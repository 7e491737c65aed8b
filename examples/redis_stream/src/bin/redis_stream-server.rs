//! Serves the streams of a Redis until it is interrupted or terminated.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use redis_stream::RedisStreamServicer;
use redis_stream::redis_stream::add_redis_stream_service_servicer_to_server;
use stubwright::{Server, shutdown_signal};

const USAGE: &str = "\
usage: redis_stream-server --addr HOST:PORT --redis ADDRESS

  --addr HOST:PORT  where to listen; the port 0 takes a free one
  --redis ADDRESS   where Redis is: HOST:PORT or unix:PATH";

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
    // What the server has can be asked for, and how it does.
    server.add_reflection();
    server.add_health();
    let address = server.add_insecure_port(address).await?;
    let shutdown = shutdown_signal()?;
    println!("listening on {address}");
    // Subscriptions have no end of their own: they are given no grace.
    server.serve_until(shutdown, Duration::ZERO).await
}

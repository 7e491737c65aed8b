//! Subscribes to a stream, and prints some of its entries as they arrive.

use std::process::ExitCode;

use redis_stream::redis_stream::{RedisStreamServiceStub, SubRequest};
use stubwright::{Channel, Result};

const USAGE: &str = "\
usage: redis_stream-client --addr HOST:PORT --stream KEY --from ID --count N

  --addr HOST:PORT  the server
  --stream KEY      the stream to read
  --from ID         the entry after which to begin; 0 is before the first entry, '' after the last
  --count N         the number of entries to wait for";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let read = match arguments[..] {
        [
            "--addr",
            address,
            "--stream",
            stream,
            "--from",
            id,
            "--count",
            count,
        ] => count.parse().ok().map(|count| (address, stream, id, count)),
        _ => None,
    };
    let Some((address, stream, id, count)) = read else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match subscribe(address, stream, id, count).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(status) => {
            eprintln!("redis_stream-client: {status}");
            ExitCode::FAILURE
        }
    }
}

async fn subscribe(address: &str, stream: &str, id: &str, count: usize) -> Result<()> {
    let stub = RedisStreamServiceStub::new(Channel::insecure(address)?);
    let mut entries = stub.sub(SubRequest {
        stream: stream.into(),
        last_id: id.into(),
    });
    entries.initial_metadata().await?;
    println!("subscribed to {stream}");
    for _ in 0..count {
        let Some(entry) = entries.message().await? else {
            return Ok(());
        };
        for field in &entry.fields {
            let value = String::from_utf8_lossy(&field.value);
            println!("{}: {} = {value}", entry.id, field.name);
        }
    }
    // Dropping the stream cancels the subscription.
    Ok(())
}

//! Calls a ping server with a valid request, an invalid one, a short deadline, and too many calls.

use std::process::ExitCode;
use std::time::Duration;

use ping::app::ping::v1::{PingRequest, PingServiceStub};
use ping::log_outgoing;
use stubwright::rpc::{BadRequest, RetryInfo};
use stubwright::{Channel, Code, Metadata, Result, Status};

const USAGE: &str = "usage: ping-client --addr HOST:PORT";

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
    match call(address).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(status) => {
            eprintln!("ping-client: {status}");
            ExitCode::FAILURE
        }
    }
}

async fn call(address: &str) -> Result<()> {
    let channel = Channel::builder()
        .interceptor(log_outgoing)
        // Keepalive detects a server that has vanished while calls are open.
        .keepalive_time(Duration::from_secs(10))
        .keepalive_timeout(Duration::from_secs(10))
        .build_insecure(address)?;
    let stub = PingServiceStub::new(channel);
    with_metadata(&stub).await?;
    wrongly(&stub).await;
    in_haste(&stub).await;
    too_often(&stub).await
}

/// Makes a call that sends and receives metadata.
async fn with_metadata(stub: &PingServiceStub) -> Result<()> {
    let call = stub
        .ping(request(5))
        .metadata("request-id", "abc-42")
        .timeout(Duration::from_secs(5));
    let (reply, call) = call.with_call().await?;
    print("initial metadata", &call.initial_metadata);
    println!("reply: {}", reply.msg);
    print("trailing metadata", &call.trailing_metadata);
    Ok(())
}

/// Makes a call that is refused, and prints the details of the error.
async fn wrongly(stub: &PingServiceStub) {
    if let Err(status) = stub.ping(request(-1)).await {
        println!("a negative delay: {status}");
        let wrong: BadRequest = status.error_detail().unwrap_or_default();
        for field in wrong.field_violations {
            println!("  {}: {}", field.field, field.description);
        }
    }
}

/// Makes a call whose timeout is too short.
async fn in_haste(stub: &PingServiceStub) {
    let call = stub.ping(request(1000)).timeout(Duration::from_millis(50));
    if let Err(status) = call.await {
        println!("too little time: {}", status.code());
    }
}

/// Makes more calls than the server accepts at a time.
async fn too_often(stub: &PingServiceStub) -> Result<()> {
    // All calls are started before the first is awaited.
    let calls: Vec<_> = (0..25)
        .map(|_| tokio::spawn(IntoFuture::into_future(stub.ping(request(500)))))
        .collect();
    let mut answered = 0;
    let mut refused: Option<Status> = None;
    for call in calls {
        match call.await.map_err(std::io::Error::from)? {
            Ok(_) => answered += 1,
            Err(status) if status.code() == Code::ResourceExhausted => refused = Some(status),
            Err(status) => return Err(status),
        }
    }
    println!("25 pings at once: {answered} answered");
    if let Some(status) = refused {
        let retry: RetryInfo = status.error_detail().unwrap_or_default();
        let delay = retry.retry_delay.unwrap_or_default();
        println!("the others: {status}; retry in {} s", delay.seconds);
    }
    Ok(())
}

fn request(delay: i32) -> PingRequest {
    PingRequest {
        target: "example.org".into(),
        delay,
    }
}

fn print(name: &str, metadata: &Metadata) {
    for (key, value) in metadata.iter() {
        println!("{name}: {key} = {}", value.as_str().unwrap_or("(bytes)"));
    }
}

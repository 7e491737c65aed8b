//! Calls a square service in all four kinds without async, as gRPC Python's synchronous client does.

use std::iter::successors;
use std::process::ExitCode;

use square::squarerpc_service::{Message, SquareServiceBlockingStub};
use stubwright::{Channel, Result};

const USAGE: &str = "\
usage: square-blocking-client --addr ADDRESS

  --addr ADDRESS  the server: HOST:PORT or unix:PATH";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let ["--addr", address] = arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match call(address) {
        Ok(()) => ExitCode::SUCCESS,
        Err(status) => {
            eprintln!("square-blocking-client: {status}");
            ExitCode::FAILURE
        }
    }
}

fn call(address: &str) -> Result<()> {
    let channel = Channel::insecure(address)?;
    let stub = SquareServiceBlockingStub::new(channel);

    // Unary.
    let response = stub.square(Message { message: 12.3 }).wait()?;
    println!("square(12.3) = {:.2}", response.message);

    // Server streaming: the call is an iterator over its responses.
    for response in stub.range_square(Message { message: 3.0 }) {
        println!("rangeSquare(3): {}", response?.message);
    }

    // Client streaming: takes an iterator.
    let response = stub.sum_square(numbers(11.0)).wait()?;
    println!("sumSquare(0..12) = {}", response.message);

    // Bidirectional: takes an iterator and is one.
    for response in stub.streamrange_square(numbers(3.0)) {
        println!("streamrangeSquare(0..4): {}", response?.message);
    }

    // Futures: calls that run at the same time.
    let calls: Vec<_> = numbers(2.0)
        .map(|number| stub.square(number).start())
        .collect();
    for mut call in calls {
        println!("square, as a future: {}", call.wait()?.message);
    }

    // Metadata and the other details of a call.
    let call = stub.square(Message { message: 2.0 });
    let (response, call) = call.metadata("request-id", "abc-42").with_call().wait()?;
    let id = call.initial_metadata.get("request-id").unwrap_or("none");
    println!(
        "square(2) = {}, {:?}, request id {id}",
        response.message,
        call.code()
    );
    Ok(())
}

/// Returns the messages 0 to `last`.
fn numbers(last: f64) -> impl Iterator<Item = Message> + Send {
    let numbers = successors(Some(0.0), |number| Some(number + 1.0));
    let numbers = numbers.take_while(move |number| *number <= last);
    numbers.map(|message| Message { message })
}

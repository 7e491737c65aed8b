//! Calls a square service in all four kinds.

use std::process::ExitCode;
use std::time::Duration;

use square::calls;
use square::squarerpc_service::SquareServiceStub;
use stubwright::{Channel, Code, Result};

const USAGE: &str = "\
usage: square-client --addr ADDRESS

  --addr ADDRESS  the server: HOST:PORT or unix:PATH";

/// Time without a response after which the server is assumed to collect its responses.
const PATIENCE: Duration = Duration::from_secs(2);

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
            eprintln!("square-client: {status}");
            ExitCode::FAILURE
        }
    }
}

async fn call(address: &str) -> Result<()> {
    let stub = SquareServiceStub::new(Channel::insecure(address)?);
    let square = calls::square(&stub, 12.3).await?;
    println!("square(12.3) = {square:.2}");
    let squares = calls::range_square(&stub, 12.0).await?;
    println!("rangeSquare(12) = {squares:?}");
    let sum = calls::sum_square(&stub, 0..12).await?;
    println!("sumSquare(0..12) = {sum}");

    match calls::streamrange_square_in_turn(&stub, 0..12, PATIENCE).await {
        Ok(squares) => {
            println!("streamrangeSquare(0..12), each answered as it comes = {squares:?}");
            println!("the first response came before the second request was sent");
        }
        Err(status) if status.code() == Code::DeadlineExceeded => {
            println!("no response came before the second request");
            let squares = calls::streamrange_square(&stub, 0..12).await?;
            println!("streamrangeSquare(0..12), answered at the end = {squares:?}");
        }
        Err(status) => return Err(status),
    }
    Ok(())
}

//! The client: one function for each kind of call.

use std::ops::Range;
use std::time::Duration;

use stubwright::{Result, sending};

use crate::squarerpc_service::{Message, SquareServiceStub};

/// Unary: returns the square of a number.
pub async fn square(stub: &SquareServiceStub, number: f64) -> Result<f64> {
    let square = stub.square(Message { message: number }).await?;
    Ok(square.message)
}

/// Server streaming: returns the squares of 0 to `last`.
pub async fn range_square(stub: &SquareServiceStub, last: f64) -> Result<Vec<f64>> {
    let mut responses = stub.range_square(Message { message: last });
    let mut squares = Vec::new();
    while let Some(square) = responses.message().await? {
        squares.push(square.message);
    }
    Ok(squares)
}

/// Client streaming: returns the sum of the squares of `numbers`.
pub async fn sum_square(stub: &SquareServiceStub, numbers: Range<u32>) -> Result<f64> {
    let requests = numbers.map(message);
    let sum = stub.sum_square(requests).await?;
    Ok(sum.message)
}

/// Bidirectional: sends all `numbers`, and then reads their squares. This works with a server that collects.
pub async fn streamrange_square(stub: &SquareServiceStub, numbers: Range<u32>) -> Result<Vec<f64>> {
    let requests = numbers.map(message);
    let mut responses = stub.streamrange_square(requests);
    let mut squares = Vec::new();
    while let Some(square) = responses.message().await? {
        squares.push(square.message);
    }
    Ok(squares)
}

/// Bidirectional, in turns: sends a number only when the square of the last one has arrived. If it succeeds, the server
/// answers each request at once.
///
/// # Errors
/// Returns DEADLINE_EXCEEDED after `timeout` if the server waits for the end of the requests, which never comes.
pub async fn streamrange_square_in_turn(
    stub: &SquareServiceStub,
    numbers: Range<u32>,
    timeout: Duration,
) -> Result<Vec<f64>> {
    // The call starts now, and its requests are sent one by one.
    let (requests, mut responses) =
        sending(|requests| stub.streamrange_square(requests).timeout(timeout));
    let mut squares = Vec::new();
    for number in numbers {
        requests.send(message(number)).await?;
        let Some(square) = responses.message().await? else {
            return Ok(squares);
        };
        squares.push(square.message);
    }
    // Ends the requests, and with them the call.
    requests.close();
    while let Some(square) = responses.message().await? {
        squares.push(square.message);
    }
    Ok(squares)
}

fn message(number: u32) -> Message {
    Message {
        message: f64::from(number),
    }
}

//! The client's side of the service: one function for each form of call.

use std::ops::Range;
use std::time::Duration;

use stubwright::{Result, sending};

use crate::squarerpc_service::{Message, SquareServiceStub};

/// Unary: one number, its square.
pub async fn square(stub: &SquareServiceStub, number: f64) -> Result<f64> {
    let square = stub.square(Message { message: number }).await?;
    Ok(square.message)
}

/// Server streaming: the squares of 0 to `last`.
pub async fn range_square(stub: &SquareServiceStub, last: f64) -> Result<Vec<f64>> {
    let mut responses = stub.range_square(Message { message: last });
    let mut squares = Vec::new();
    while let Some(square) = responses.message().await? {
        squares.push(square.message);
    }
    Ok(squares)
}

/// Client streaming: the sum of the squares of `numbers`.
pub async fn sum_square(stub: &SquareServiceStub, numbers: Range<u32>) -> Result<f64> {
    let requests = numbers.map(message);
    let sum = stub.sum_square(requests).await?;
    Ok(sum.message)
}

/// Bidirectional: sends all `numbers` and then reads their squares, which is how to call a server that collects.
pub async fn streamrange_square(stub: &SquareServiceStub, numbers: Range<u32>) -> Result<Vec<f64>> {
    let requests = numbers.map(message);
    let mut responses = stub.streamrange_square(requests);
    let mut squares = Vec::new();
    while let Some(square) = responses.message().await? {
        squares.push(square.message);
    }
    Ok(squares)
}

/// Bidirectional, as a conversation: sends a number only when the square of the one before has come. That it ends well
/// proves that the server answers each request as it comes.
///
/// # Errors
/// DEADLINE_EXCEEDED after `timeout` from a server that waits for the end of the requests, which never comes.
pub async fn streamrange_square_in_turn(
    stub: &SquareServiceStub,
    numbers: Range<u32>,
    timeout: Duration,
) -> Result<Vec<f64>> {
    // The call is started, and its requests are sent one by one.
    let (mut requests, mut responses) =
        sending(|requests| stub.streamrange_square(requests).timeout(timeout));
    let mut squares = Vec::new();
    for number in numbers {
        requests.send(message(number)).await?;
        let Some(square) = responses.message().await? else {
            return Ok(squares);
        };
        squares.push(square.message);
    }
    // The requests end here, and so does the call.
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

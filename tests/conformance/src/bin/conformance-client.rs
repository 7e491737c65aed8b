//! The client under test. It reads the calls to make from its standard input, makes several at a time, and writes
//! their results to its standard output.

use std::error::Error;
use std::sync::Arc;

use stubwright_conformance::pb::connectrpc::conformance::v1::client_compat_response::Result as Outcome;
use stubwright_conformance::pb::connectrpc::conformance::v1::{
    ClientCompatRequest, ClientCompatResponse, ClientErrorResult,
};
use stubwright_conformance::{delimited, invoke};
use tokio::io::{stdin, stdout};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;

/// Number of concurrent calls.
///
/// The suite allows 500 ms for a deadline to reach its server, TLS handshake included. More calls would delay each
/// other on a busy machine and fail.
const CALLS: usize = 4;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut input = stdin();
    let output = Arc::new(Mutex::new(stdout()));
    let room = Arc::new(Semaphore::new(CALLS));
    let mut calls = JoinSet::new();
    while let Some(request) = delimited::read::<ClientCompatRequest>(&mut input).await? {
        let permit = Arc::clone(&room).acquire_owned().await?;
        let output = Arc::clone(&output);
        calls.spawn(async move {
            let result = match invoke(&request).await {
                Ok(response) => Outcome::Response(response),
                Err(message) => Outcome::Error(ClientErrorResult { message }),
            };
            let response = ClientCompatResponse {
                test_name: request.test_name,
                result: Some(result),
            };
            drop(permit);
            delimited::write(&mut *output.lock().await, &response).await
        });
    }
    for written in calls.join_all().await {
        written?;
    }
    Ok(())
}

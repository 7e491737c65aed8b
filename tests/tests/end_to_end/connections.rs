//! Connections that are not made by a channel's target alone.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stubwright::{Channel, Code};
use stubwright_tests::pb::probe::v1::{ProbeStub, Request};
use tokio::net::TcpStream;

use crate::transports::{Link, within};

#[tokio::test]
async fn a_connector_makes_the_connections_and_is_told_where_they_lead() {
    let link = Link::tcp().await;
    let (_, address) = link.server.as_ref().unwrap();
    let address = *address;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    let connect = move |target| {
        noted.lock().unwrap().push(target);
        TcpStream::connect(address)
    };
    let channel = Channel::builder().connector(connect);
    let stub = ProbeStub::new(channel.insecure("backend.example:5000").unwrap());
    for _ in 0..2 {
        within(stub.unary(Request::default())).await.unwrap();
    }
    assert_eq!(*asked.lock().unwrap(), ["backend.example:5000"]);
}

#[tokio::test]
async fn the_error_of_a_connector_is_what_calls_fail_with() {
    let channel = Channel::builder()
        .connector(|_| async { Err::<TcpStream, _>(io::Error::other("no way out")) });
    let stub = ProbeStub::new(channel.insecure("backend.example:5000").unwrap());
    let error = within(stub.unary(Request::default())).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    let said = "cannot connect to backend.example:5000: no way out";
    assert_eq!(error.message(), said);
}

#[tokio::test]
async fn a_channel_over_an_open_connection_ends_with_it() {
    let link = Link::tcp().await;
    let (server, address) = link.server.as_ref().unwrap();
    let channel = Channel::over(TcpStream::connect(address).await.unwrap());
    let stub = ProbeStub::new(channel);
    for _ in 0..2 {
        within(stub.unary(Request::default())).await.unwrap();
    }
    within(server.stop(Duration::ZERO)).await;
    // The news of the end takes its time.
    let closed = async {
        loop {
            let error = stub.unary(Request::default()).await.unwrap_err();
            assert_eq!(error.code(), Code::Unavailable);
            if error.message().contains("no way to another") {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    within(closed).await;
}

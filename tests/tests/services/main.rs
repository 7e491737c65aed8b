//! Services that every server may have: health and reflection.

mod health;
mod reflection;
mod twins;

use std::future::Future;
use std::time::Duration;

use stubwright::{Channel, Server};

/// Starts a server on a free port. Returns a channel to it.
async fn started(mut server: Server) -> (Server, Channel) {
    let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
    server.start().unwrap();
    let channel = Channel::insecure(address.to_string()).unwrap();
    (server, channel)
}

/// Waits for a future. No future here takes a second, but a machine may be busy.
async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("it should end in time")
}

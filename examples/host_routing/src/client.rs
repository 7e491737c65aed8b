//! The client, which selects a backend by the authority of its calls.

use std::collections::BTreeSet;
use std::time::Duration;

use stubwright::{Channel, Result};

use crate::backend::CONNECTION;
use crate::backends::v1::{BackendsStub, WhoAreYouRequest};

/// Timeout of a call. The first call waits until the proxy has started.
const PATIENCE: Duration = Duration::from_secs(20);

/// Calls all hosts over one channel. Each call has an authority of its own.
pub async fn by_call(proxy: &str) -> Result<()> {
    println!("one channel, each call with an authority of its own:");
    let stub = BackendsStub::new(Channel::insecure(proxy)?);
    let mut connections = BTreeSet::new();
    for host in ["blue.example", "green.example", "blue.example"] {
        let call = stub
            .who_are_you(WhoAreYouRequest {})
            .authority(host)
            .wait_for_ready(true)
            .timeout(PATIENCE);
        let (response, call) = call.with_call().await?;
        println!("  {host} is answered by {}", response.name);
        let number = call.trailing_metadata.get(CONNECTION);
        connections.extend(number.map(str::to_owned));
    }
    println!("  all over {} connection", connections.len());
    Ok(())
}

/// Calls each host over a channel whose default authority is the host.
pub async fn by_channel(proxy: &str) -> Result<()> {
    println!("a channel for each host:");
    for host in ["blue.example", "green.example"] {
        let channel = Channel::builder().authority(host).build_insecure(proxy)?;
        let stub = BackendsStub::new(channel);
        let response = stub
            .who_are_you(WhoAreYouRequest {})
            .timeout(PATIENCE)
            .await?;
        println!("  {host} is answered by {}", response.name);
    }
    Ok(())
}

/// Calls a host that the proxy does not know.
pub async fn of_nobody(proxy: &str) -> Result<()> {
    let stub = BackendsStub::new(Channel::insecure(proxy)?);
    let call = stub
        .who_are_you(WhoAreYouRequest {})
        .authority("red.example")
        .timeout(PATIENCE);
    match call.await {
        Ok(response) => println!("red.example is answered by {}", response.name),
        Err(status) => println!("red.example has no backend: {}", status.code()),
    }
    Ok(())
}

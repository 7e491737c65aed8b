//! Four servers in two groups, and a channel whose calls go to the groups in shares.

mod policy;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use stubwright::balancing::register_policy;
use stubwright::prost::Message;
use stubwright::{
    Address, Channel, Prost, RequestStream, Result, Server, ServiceConfig, ServicerContext, stream,
};

use crate::policy::{Group, WeightedTarget};

const CONFIG: &str = r#"{
    "loadBalancingConfig": [{"weighted_target": {"targets": {
        "stable": {"weight": 3, "childPolicy": [{"round_robin": {}}]},
        "canary": {"weight": 1, "childPolicy": [{"round_robin": {}}]}
    }}}]
}"#;

/// The number of calls to count.
const CALLS: usize = 400;

#[tokio::main]
async fn main() -> Result<()> {
    register_policy(&WeightedTarget);
    let mut servers = Vec::new();
    let mut addresses = Vec::new();
    for (name, group) in [
        ("stable-1", "stable"),
        ("stable-2", "stable"),
        ("canary-1", "canary"),
        ("canary-2", "canary"),
    ] {
        let (server, address) = serve(name).await?;
        servers.push(server);
        let address = Address::new(address.to_string())?;
        addresses.push(address.with_attribute(Group(group.to_owned())));
    }
    let channel = Channel::builder()
        .service_config(ServiceConfig::from_json_strict(CONFIG)?)
        .resolver(addresses)
        .build_insecure("localhost")?;
    // Until all servers are connected, those that are have all calls.
    let mut seen = BTreeMap::new();
    while seen.len() < servers.len() {
        *seen.entry(ask(&channel).await?).or_insert(0) += 1;
    }
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..CALLS {
        *counted.entry(ask(&channel).await?).or_default() += 1;
    }
    for (name, calls) in counted {
        println!("{name}: {calls} of {CALLS} calls");
    }
    Ok(())
}

/// Asks a server for its name.
async fn ask(channel: &Channel) -> Result<String> {
    channel
        .unary_unary::<(), String, _>("/names.Names/Who", Prost, ())
        .await
}

/// Starts a server that says its name. Returns it with its address.
async fn serve(name: &'static str) -> Result<(Server, SocketAddr)> {
    let mut server = Server::new();
    server.add_generic_handler(
        move |mut requests: RequestStream<_>, _context: ServicerContext| {
            stream(async move |mut responses| {
                while requests.message().await?.is_some() {
                    responses.send(name.to_owned().encode_to_vec().into()).await;
                }
                Ok(())
            })
        },
    );
    let address = server.add_insecure_port("127.0.0.1:0").await?;
    server.start()?;
    Ok((server, address))
}

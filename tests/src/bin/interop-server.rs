//! The server of gRPC's public interoperability tests, with the flags of the other languages' servers. It listens on
//! the loopback interface, also serves health and reflection, and runs until it is killed.

use std::error::Error;
use std::fs;

use stubwright::health::ServingStatus;
use stubwright::{Server, ServerCredentials};
use stubwright_tests::interop::{Flags, Interop};
use stubwright_tests::pb::grpc::testing::add_test_service_servicer_to_server;

const FLAGS: [&str; 4] = ["port", "use_tls", "tls_cert_file", "tls_key_file"];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let flags = Flags::parse(std::env::args().skip(1), &FLAGS)?;
    let mut server = Server::new();
    add_test_service_servicer_to_server(Interop, &mut server);
    server.add_reflection();
    let health = server.add_health();
    health.set("grpc.testing.TestService", ServingStatus::Serving);

    let address = format!("127.0.0.1:{}", flags.get("port").unwrap_or("0"));
    let address = if flags.is_set("use_tls")? {
        let file = |flag| match flags.get(flag) {
            Some(path) => fs::read(path).map_err(|error| format!("{path}: {error}")),
            None => Err(format!("--use_tls needs --{flag}")),
        };
        let credentials = ServerCredentials::tls(file("tls_cert_file")?, file("tls_key_file")?)?;
        server.add_secure_port(address, credentials).await?
    } else {
        server.add_insecure_port(address).await?
    };
    server.start()?;
    println!("listening on {address}");
    server.wait_for_termination().await;
    Ok(())
}

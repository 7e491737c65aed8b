//! Every case of gRPC's public interoperability tests, with our client and our server, with and without TLS.

use std::net::SocketAddr;
use std::path::PathBuf;

use stubwright::{Server, ServerCall, ServerCredentials, Status};
use stubwright_tests::certificates::Authority;
use stubwright_tests::interop::client::{CASES, FLAGS, Failure, Target, run};
use stubwright_tests::interop::{Flags, Interop};
use stubwright_tests::pb::grpc::testing::add_test_service_servicer_to_server;

/// Flags with long limits for busy machines.
const PATIENT: &str =
    "--soak_per_iteration_max_acceptable_latency_ms=60000 --soak_overall_timeout_seconds=600";

fn server() -> Server {
    let mut server = Server::new();
    add_test_service_servicer_to_server(Interop, &mut server);
    server
}

fn target(flags: &str) -> Result<Target, Failure> {
    let flags = flags.split_whitespace().map(str::to_owned);
    Target::from_flags(&Flags::parse(flags, FLAGS)?)
}

async fn run_all(target: &Target) {
    let mut failures = Vec::new();
    for case in CASES {
        failures.extend(run(case, target).await.err());
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[tokio::test]
async fn over_plaintext() {
    let mut server = server();
    let at = listening(&mut server).await;
    run_all(&target(&format!("{at} {PATIENT}")).unwrap()).await;
}

#[tokio::test]
async fn over_tls_to_another_name() {
    let authority = Authority::new("interop");
    let issued = authority.issue(&["interop.test.example"]);
    let file = Removed::new(authority.pem());
    let mut server = server();
    let credentials = ServerCredentials::tls(issued.chain, issued.key).unwrap();
    let address = server.add_secure_port("127.0.0.1:0", credentials);
    let at = at(address.await.unwrap());
    server.start().unwrap();
    let flags = format!(
        "{at} --server_host_override=interop.test.example --use_tls --use_test_ca=true --ca_file={} {PATIENT}",
        file.0.display()
    );
    run_all(&target(&flags).unwrap()).await;
}

/// The server requires some metadata, and the service config limits the size of responses.
#[tokio::test]
async fn metadata_and_service_config_of_flags_apply_to_every_call() {
    let guarded = async |mut call: ServerCall| {
        let metadata = call.context().invocation_metadata();
        match (metadata.get("who"), metadata.get("where")) {
            (Some("me"), Some("here:there")) => call.proceed().await.result,
            _ => Err(Status::permission_denied("some metadata is missing")),
        }
    };
    let mut server = Server::builder().interceptor(guarded).build();
    add_test_service_servicer_to_server(Interop, &mut server);
    let at = listening(&mut server).await;

    let guest = target(&at).unwrap();
    let metadata = "--additional_metadata=who:me;where:here:there";
    let known = target(&format!("{at} {metadata}")).unwrap();
    for case in ["empty_unary", "ping_pong"] {
        let failure = run(case, &guest).await.unwrap_err().to_string();
        assert!(failure.contains("PERMISSION_DENIED"), "{failure}");
        run(case, &known).await.unwrap();
    }

    let config = r#"{"methodConfig":[{"name":[{}],"maxResponseMessageBytes":1000}]}"#;
    let small = format!("{at} {metadata} --service_config_json={config}");
    let small = target(&small).unwrap();
    let failure = run("large_unary", &small).await.unwrap_err().to_string();
    assert!(failure.contains("RESOURCE_EXHAUSTED"), "{failure}");
    run("empty_unary", &small).await.unwrap();
}

/// Starts a server. Returns the flags with its address.
async fn listening(server: &mut Server) -> String {
    let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
    server.start().unwrap();
    at(address)
}

fn at(address: SocketAddr) -> String {
    let (host, port) = (address.ip(), address.port());
    format!("--server_host={host} --server_port={port}")
}

/// A file that is removed when the test ends.
struct Removed(PathBuf);

impl Removed {
    fn new(text: &str) -> Removed {
        let path = std::env::temp_dir().join(format!("stubwright-interop-{}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Removed(path)
    }
}

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

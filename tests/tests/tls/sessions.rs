//! What the auth context of either side tells of a session of TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};
use stubwright::{
    AuthContext, CallEnd, Channel, ChannelCredentials, Result, SecurityLevel, Server,
    ServerCredentials, ServicerContext, TlsVersion,
};
use stubwright_tests::certificates::Authority;
use stubwright_tests::pb::probe::v1::{
    ProbeServicer, ProbeStub, Request, Response, add_probe_servicer_to_server,
};

use crate::fixture::{server_credentials, trusting, within};

/// A servicer that describes the session as it sees it.
struct Describing;

impl ProbeServicer for Describing {
    async fn unary(&self, _request: Request, context: &ServicerContext) -> Result<Response> {
        Ok(Response {
            payload: described(context.auth_context()).into_bytes(),
            index: 0,
        })
    }
}

fn described(auth: &AuthContext) -> String {
    let reused: Vec<_> = auth.values("ssl_session_reused").collect();
    match auth.tls_session() {
        None => format!(
            "{:?} {:?}",
            auth.transport_security_type(),
            auth.security_level()
        ),
        Some(tls) => format!(
            "{} {} {:?} resumed={} reused={reused:?}",
            tls.version(),
            tls.cipher_suite(),
            tls.server_name(),
            tls.is_resumed()
        ),
    }
}

async fn serve(credentials: ServerCredentials) -> (Server, SocketAddr) {
    let mut server = Server::new();
    add_probe_servicer_to_server(Describing, &mut server);
    let address = server.add_secure_port("127.0.0.1:0", credentials);
    let address = address.await.unwrap();
    server.start().unwrap();
    (server, address)
}

/// Makes a call on a new channel. Returns what each side sees, which has to be the same, and the client's end.
async fn call(address: SocketAddr, credentials: ChannelCredentials) -> (String, CallEnd) {
    let channel = Channel::secure(address.to_string(), credentials).unwrap();
    let call = ProbeStub::new(channel).unary(Request::default());
    let (response, end) = within(call.with_call()).await.unwrap();
    let seen = String::from_utf8(response.payload).unwrap();
    assert_eq!(described(end.peer.auth_context()), seen);
    (seen, end)
}

/// A configuration that its channels share, and with it the sessions.
fn config(trust: &Authority, version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(trust.pem().as_bytes()).unwrap();
    roots.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

#[tokio::test]
async fn both_sides_know_version_cipher_suite_name_and_resumption() {
    let authority = Authority::new("authority");
    let issued = authority.issue(&["one.example"]);
    let (_server, address) = serve(server_credentials(&issued)).await;
    for (version, said) in [
        (&version::TLS13, "TLSv1.3 TLS_AES_256_GCM_SHA384"),
        (
            &version::TLS12,
            "TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        ),
    ] {
        let config = config(&authority, version);
        for resumed in [false, true] {
            let credentials = ChannelCredentials::from_rustls(Arc::clone(&config)).unwrap();
            let credentials = credentials.server_name("one.example");
            let (seen, end) = call(address, credentials).await;
            assert_eq!(
                seen,
                format!("{said} Some(\"one.example\") resumed={resumed} reused=[\"{resumed}\"]")
            );
            // The client knows the server by its certificate, also when it did not have to show it again.
            let auth = end.peer.auth_context();
            assert!(auth.peer_identities().eq(["one.example"]));
            assert_eq!(auth.security_level(), SecurityLevel::PrivacyAndIntegrity);
        }
    }
}

#[tokio::test]
async fn a_client_that_connects_to_an_ip_address_asks_for_no_name() {
    let authority = Authority::new("authority");
    let issued = authority.issue(&["127.0.0.1"]);
    let (_server, address) = serve(server_credentials(&issued)).await;
    let (_, end) = call(address, trusting(&authority)).await;
    let session = end.peer.auth_context().tls_session().unwrap();
    assert_eq!(session.server_name(), None);
    assert_eq!(session.version(), TlsVersion::Tls1_3);
}

#[tokio::test]
async fn both_sides_know_that_a_connection_is_local() {
    let (_server, address) = serve(ServerCredentials::local()).await;
    let (seen, _) = call(address, ChannelCredentials::local()).await;
    assert_eq!(seen, "Some(\"local\") None");
}

#[tokio::test]
async fn without_credentials_neither_side_knows_anything() {
    let mut server = Server::new();
    add_probe_servicer_to_server(Describing, &mut server);
    let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
    server.start().unwrap();
    let channel = Channel::insecure(address.to_string()).unwrap();
    let call = ProbeStub::new(channel).unary(Request::default());
    let (response, end) = within(call.with_call()).await.unwrap();
    assert_eq!(response.payload, b"None None");
    assert_eq!(described(end.peer.auth_context()), "None None");
}

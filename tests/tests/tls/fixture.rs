//! A server over TLS, and clients of it with and without the runtime.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use stubwright::{
    Channel, ChannelCredentials, Result, Server, ServerBuilder, ServerCredentials, ServicerContext,
    Status,
};
use stubwright_tests::certificates::{Authority, Issued};
use stubwright_tests::log;
use stubwright_tests::pb::probe::v1::{
    ProbeServicer, ProbeStub, Request, Response, add_probe_servicer_to_server,
};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A servicer that describes each caller's TLS identity.
pub struct Who;

impl ProbeServicer for Who {
    async fn unary(&self, _request: Request, context: &ServicerContext) -> Result<Response> {
        let auth = context.auth_context();
        let certificates = auth.peer_certificates().map(<[u8]>::len);
        let text = format!(
            "secure={} key={:?} identities={:?} certificates={} type={:?} name={:?} authority={}",
            auth.is_secure(),
            context.peer_identity_key(),
            context.peer_identities().collect::<Vec<_>>(),
            certificates.filter(|length| *length > 100).count(),
            auth.values("transport_security_type").collect::<Vec<_>>(),
            auth.values("x509_common_name").collect::<Vec<_>>(),
            context.authority(),
        );
        Ok(Response {
            payload: text.into_bytes(),
            index: 0,
        })
    }
}

/// Starts a server with one secure port on 127.0.0.1.
pub async fn serve(credentials: &ServerCredentials) -> (Server, SocketAddr) {
    serve_with(Server::builder(), credentials).await
}

pub async fn serve_with(
    options: ServerBuilder,
    credentials: &ServerCredentials,
) -> (Server, SocketAddr) {
    log::collect();
    let mut server = options.build();
    add_probe_servicer_to_server(Who, &mut server);
    let address = server.add_secure_port("127.0.0.1:0", credentials.clone());
    let address = address.await.unwrap();
    server.start().unwrap();
    (server, address)
}

pub fn server_credentials(issued: &Issued) -> ServerCredentials {
    ServerCredentials::tls(&issued.chain, &issued.key).unwrap()
}

pub fn trusting(authority: &Authority) -> ChannelCredentials {
    ChannelCredentials::tls()
        .root_certificates(authority.pem())
        .unwrap()
}

/// Makes a call. Returns the servicer's description of the caller.
pub async fn ask(channel: &Channel) -> Result<String> {
    let call = ProbeStub::new(channel.clone()).unary(Request::default());
    let response = within(call.into_future()).await?;
    Ok(String::from_utf8(response.payload).unwrap())
}

/// Makes a call with these credentials that must fail with UNAVAILABLE. Returns its message.
pub async fn refused(address: SocketAddr, credentials: ChannelCredentials) -> String {
    let channel = Channel::secure(address.to_string(), credentials).unwrap();
    let status: Status = ask(&channel).await.unwrap_err();
    assert_eq!(status.code(), stubwright::Code::Unavailable, "{status}");
    status.message().to_owned()
}

/// A client made of rustls only.
pub struct Dialer<'a> {
    pub trust: &'a Authority,
    pub alpn: &'a [&'a [u8]],
    pub identity: Option<&'a Issued>,
    pub versions: &'a [&'static SupportedProtocolVersion],
}

impl Dialer<'_> {
    /// Performs a handshake, and waits until the server sends something or closes the connection. Returns the
    /// client's address, and whether anything was received.
    pub async fn dial(&self, address: SocketAddr) -> (SocketAddr, io::Result<bool>) {
        let stream = TcpStream::connect(address).await.unwrap();
        let here = stream.local_addr().unwrap();
        let heard = async {
            let connector = TlsConnector::from(Arc::new(self.config()));
            let name = ServerName::try_from("127.0.0.1").unwrap();
            let mut stream: TlsStream<TcpStream> = connector.connect(name, stream).await?;
            Ok(stream.read(&mut [0; 64]).await? > 0)
        };
        (here, within(heard).await)
    }

    fn config(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(self.trust.pem().as_bytes()).unwrap();
        roots.add(root).unwrap();
        let builder =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_protocol_versions(self.versions)
                .unwrap()
                .with_root_certificates(roots);
        let mut config = match self.identity {
            None => builder.with_no_client_auth(),
            Some(Issued { chain, key }) => builder
                .with_client_auth_cert(
                    vec![CertificateDer::from_pem_slice(chain.as_bytes()).unwrap()],
                    PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
                )
                .unwrap(),
        };
        config.alpn_protocols = self.alpn.iter().map(|name| name.to_vec()).collect();
        config
    }
}

/// Waits for a future, with a timeout far beyond any test's.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("should complete within 20 seconds")
}

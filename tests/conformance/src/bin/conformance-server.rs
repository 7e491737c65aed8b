//! The server under test. It reads its configuration from its standard input, listens on the loopback interface,
//! writes its address to its standard output, and runs until it is killed.

use std::error::Error;

use stubwright::{Server, ServerCredentials};
use stubwright_conformance::pb::connectrpc::conformance::v1::{
    ServerCompatRequest, ServerCompatResponse, add_conformance_service_servicer_to_server,
};
use stubwright_conformance::{Conformance, delimited};
use tokio::io::{stdin, stdout};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Some(request) = delimited::read::<ServerCompatRequest>(&mut stdin()).await? else {
        return Err("the input has no request".into());
    };
    let mut builder = Server::builder();
    if request.message_receive_limit > 0 {
        builder =
            builder.max_receive_message_length(usize::try_from(request.message_receive_limit)?);
    }
    let mut server = builder.build();
    add_conformance_service_servicer_to_server(Conformance, &mut server);

    let mut pem_cert = Vec::new();
    let address = match &request.server_creds {
        Some(creds) if request.use_tls => {
            let mut credentials = ServerCredentials::tls(&creds.cert, &creds.key)?;
            if !request.client_tls_cert.is_empty() {
                credentials = credentials.require_client_certificate(&request.client_tls_cert)?;
            }
            pem_cert.clone_from(&creds.cert);
            server.add_secure_port("127.0.0.1:0", credentials).await?
        }
        None if request.use_tls => return Err("TLS needs a certificate".into()),
        _ => server.add_insecure_port("127.0.0.1:0").await?,
    };
    server.start()?;
    let response = ServerCompatResponse {
        host: address.ip().to_string(),
        port: address.port().into(),
        pem_cert,
    };
    delimited::write(&mut stdout(), &response).await?;
    server.wait_for_termination().await;
    Ok(())
}

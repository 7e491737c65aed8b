//! Call credentials: the metadata they add, and the connections over which it is sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use stubwright::{
    AuthMetadataContext, CallCredentials, Channel, ChannelCredentials, ClientCall, Code, Metadata,
    Result, Server, ServerCredentials, ServiceConfig, Status, credentials,
};
use stubwright_tests::Probe;
use stubwright_tests::certificates::Authority;
use stubwright_tests::pb::probe::v1::{
    Action, ProbeStub, Request, add_probe_servicer_to_server, probe_handler,
};
use tokio::sync::mpsc;

use crate::fixture::{self, server_credentials, trusting, within};

/// Starts a TLS server that echoes metadata. Returns its target and credentials for it.
async fn secure() -> (Server, String, ChannelCredentials) {
    let authority = Authority::new("authority");
    let issued = authority.issue(&["127.0.0.1"]);
    let (server, address) = serve(server_credentials(&issued)).await;
    (server, address, trusting(&authority))
}

async fn serve(credentials: ServerCredentials) -> (Server, String) {
    let mut server = Server::new();
    add_probe_servicer_to_server(Probe::new().0, &mut server);
    let address = server.add_secure_port("127.0.0.1:0", credentials);
    let address = address.await.unwrap().to_string();
    server.start().unwrap();
    (server, address)
}

fn pair(key: &str, value: &str) -> Metadata {
    let mut metadata = Metadata::new();
    metadata.append(key, value).unwrap();
    metadata
}

/// Creates credentials that add the pair `initial-token`.
fn token(value: &'static str) -> impl CallCredentials {
    move |_: AuthMetadataContext| async move { Ok(pair("initial-token", value)) }
}

/// Creates credentials that add a token with a different number each time, and a counter of their uses.
fn counted() -> (impl CallCredentials + Clone, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let credentials = move |_: AuthMetadataContext| {
        let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
        // The token is not ready at once.
        async move {
            tokio::task::yield_now().await;
            Ok(pair("x-token", &number.to_string()))
        }
    };
    (credentials, asked)
}

/// Makes a call. Returns the tokens that arrived at the server.
async fn tokens(channel: &Channel, own: Option<&'static str>) -> Result<Vec<String>> {
    let mut call = ProbeStub::new(channel.clone()).unary(Request::default());
    if let Some(own) = own {
        call = call.credentials(token(own));
    }
    let (_, call) = within(call.with_call().into_future()).await?;
    let tokens = call.initial_metadata.get_all("initial-token");
    Ok(tokens
        .filter_map(|token| token.as_str().map(str::to_owned))
        .collect())
}

#[tokio::test]
async fn credentials_of_a_channel_a_handle_and_a_call_are_sent_together() {
    let (_server, address, trust) = secure().await;
    let trust = trust.call_credentials(credentials::composite(token("1"), token("2")));
    let channel = Channel::secure(&address, trust.call_credentials(token("3"))).unwrap();
    assert_eq!(tokens(&channel, None).await.unwrap(), ["1", "2", "3"]);
    let handle = channel.with_credentials(token("4"));
    let all = tokens(&handle, Some("5")).await.unwrap();
    assert_eq!(all, ["1", "2", "3", "4", "5"]);
    let intercepted = handle.with_interceptor(async |mut call: ClientCall| {
        call.add_credentials(token("6"));
        call.proceed().await.result
    });
    let all = tokens(&intercepted, Some("5")).await.unwrap();
    assert_eq!(all, ["1", "2", "3", "4", "5", "6"]);
    assert_eq!(tokens(&channel, None).await.unwrap(), ["1", "2", "3"]);
}

#[tokio::test]
async fn credentials_receive_the_service_and_the_method() {
    let (_server, address, trust) = secure().await;
    let (sender, mut asked) = mpsc::unbounded_channel();
    let noting = move |context: AuthMetadataContext| {
        sender.send(context).unwrap();
        async { Ok(Metadata::new()) }
    };
    let channel = Channel::secure(&address, trust.call_credentials(noting.clone())).unwrap();
    tokens(&channel, None).await.unwrap();
    let context = asked.try_recv().unwrap();
    let url = format!("https://{address}/probe.v1.Probe");
    assert_eq!(
        (context.service_url(), context.method_name()),
        (&*url, "Unary")
    );

    let local = Channel::in_process(probe_handler(Probe::new().0)).with_credentials(noting);
    tokens(&local, None).await.unwrap();
    let context = asked.try_recv().unwrap();
    assert_eq!(context.service_url(), "http://localhost/probe.v1.Probe");
}

#[tokio::test]
async fn an_access_token_is_a_bearer_token() {
    let known = async |token: String| match &*token {
        "sesame" => Ok(()),
        _ => Err(Status::unauthenticated("not known")),
    };
    let checking = stubwright::interceptors::bearer_token(known);
    let mut server = Server::builder().interceptor(checking).build();
    add_probe_servicer_to_server(Probe::new().0, &mut server);
    let stub = ProbeStub::new(server.in_process_channel());
    let call = async |token: &str| {
        let call = stub.unary(Request::default());
        let ended = call.credentials(credentials::access_token(token)).await;
        ended.map_or_else(|status| status.code(), |_| Code::Ok)
    };
    assert_eq!(call("sesame").await, Code::Ok);
    assert_eq!(call("other").await, Code::Unauthenticated);
    assert_eq!(call("not\nascii").await, Code::Internal);
}

#[tokio::test]
async fn without_encryption_credentials_are_not_used() {
    let mut server = Server::new();
    let (probe, mut events) = Probe::new();
    add_probe_servicer_to_server(probe, &mut server);
    let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
    server.start().unwrap();
    let channel = Channel::insecure(address.to_string()).unwrap();
    let (credentials, asked) = counted();
    let call = ProbeStub::new(channel.clone()).unary(Request::default());
    let refused = within(call.credentials(credentials).into_future()).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    let message = refused.message();
    assert!(message.contains("ChannelCredentials::tls"), "{message}");
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    assert!(events.try_recv().is_err());
    // The server does not even have to be reachable.
    let nowhere = Channel::insecure("nowhere.invalid:1").unwrap();
    let refused = tokens(&nowhere, Some("1")).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    assert!(tokens(&channel, None).await.unwrap().is_empty());
}

#[tokio::test]
async fn local_credentials_are_for_servers_on_this_machine() {
    let (server, address) = serve(ServerCredentials::local()).await;
    let local = || ChannelCredentials::local().call_credentials(token("1"));
    let channel = Channel::secure(&address, local()).unwrap();
    assert_eq!(tokens(&channel, Some("2")).await.unwrap(), ["1", "2"]);
    // A connection that is not known to be on this machine is not used.
    let (near, _far) = tokio::io::duplex(1024);
    let near = std::sync::Mutex::new(Some(near));
    let channel = Channel::builder()
        .connector(move |_| {
            let near = near.lock().unwrap().take();
            async { near.ok_or_else(|| std::io::Error::other("there was but one")) }
        })
        .build_secure("elsewhere.example:443", local())
        .unwrap();
    let refused = tokens(&channel, None).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    let message = refused.message();
    assert!(message.contains("local credentials are for"), "{message}");
    // A connection to a loopback address is used.
    let channel = Channel::builder()
        .connector(move |_| tokio::net::TcpStream::connect(address.clone()))
        .build_secure("elsewhere.example:443", local())
        .unwrap();
    assert_eq!(tokens(&channel, None).await.unwrap(), ["1"]);
    drop(server);
    let error = ChannelCredentials::local()
        .root_certificates("")
        .unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    let error = ServerCredentials::local().reload("", "").unwrap_err();
    assert_ne!(error.code(), Code::Unknown);
}

#[tokio::test]
async fn servicers_see_that_a_port_is_local() {
    let (_server, address) = fixture::serve(&ServerCredentials::local()).await;
    let channel = Channel::insecure(address.to_string()).unwrap();
    let said = fixture::ask(&channel).await.unwrap();
    let expected = "secure=false key=None identities=[] certificates=0 type=[\"local\"] name=[]";
    assert!(said.starts_with(expected), "{said}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_is_local() {
    let path = std::env::temp_dir().join(format!("stubwright-local-{}.sock", std::process::id()));
    let mut server = Server::new();
    add_probe_servicer_to_server(Probe::new().0, &mut server);
    server.add_unix_port(&path).await.unwrap();
    server.start().unwrap();
    let target = format!("unix:{}", path.display());
    let local = ChannelCredentials::local().call_credentials(token("1"));
    let channel = Channel::secure(target, local).unwrap();
    assert_eq!(tokens(&channel, None).await.unwrap(), ["1"]);
}

#[tokio::test]
async fn a_call_fails_with_the_error_of_its_credentials() {
    let (_server, address, trust) = secure().await;
    let secure = Channel::secure(&address, trust).unwrap();
    let local = Channel::in_process(probe_handler(Probe::new().0));
    for channel in [secure, local] {
        for (given, ended) in [
            (Code::Unavailable, Code::Unavailable),
            (Code::Unauthenticated, Code::Unauthenticated),
            (Code::PermissionDenied, Code::PermissionDenied),
            (Code::NotFound, Code::Internal),
            (Code::DataLoss, Code::Internal),
        ] {
            let failing = move |_: AuthMetadataContext| async move {
                Err::<Metadata, _>(Status::new(given, "no token today"))
            };
            let failed = tokens(&channel.with_credentials(failing), None).await;
            let failed = failed.unwrap_err();
            assert_eq!(failed.code(), ended);
            assert!(failed.message().contains("no token today"), "{failed}");
        }
        let panicking = |_: AuthMetadataContext| async { panic!("no token ever") };
        let failed = tokens(&channel.with_credentials(panicking), None).await;
        let failed = failed.unwrap_err();
        assert_eq!(failed.code(), Code::Internal);
        assert_eq!(failed.message(), "the call credentials of Unary panicked");
        assert!(tokens(&channel, None).await.unwrap().is_empty());
    }
}

fn channel_with(config: &str, address: &str, trust: ChannelCredentials) -> Channel {
    let config = format!(r#"{{"methodConfig": [{{"name": [{{}}], {config}}}]}}"#);
    Channel::builder()
        .service_config(ServiceConfig::from_json(&config).unwrap())
        .build_secure(address, trust)
        .unwrap()
}

#[tokio::test]
async fn each_attempt_asks_for_new_credentials() {
    let (_server, address, trust) = secure().await;
    let (credentials, asked) = counted();
    let trust = trust.call_credentials(credentials);
    let policy = r#""retryPolicy": {"maxAttempts": 3, "initialBackoff": "0.01s", "maxBackoff": "0.01s",
        "backoffMultiplier": 1, "retryableStatusCodes": ["ABORTED"]}"#;
    let channel = channel_with(policy, &address, trust.clone());
    let call = ProbeStub::new(channel).unary(Request {
        action: Action::Fail.into(),
        code: Code::Aborted.number() as i32,
        ..Request::default()
    });
    let failed = within(call.into_future()).await.unwrap_err();
    assert_eq!(failed.code(), Code::Aborted);
    assert_eq!(asked.swap(0, Ordering::SeqCst), 3);

    let policy = r#""hedgingPolicy": {"maxAttempts": 2, "hedgingDelay": "0.01s"}"#;
    let channel = channel_with(policy, &address, trust);
    let call = ProbeStub::new(channel).unary(Request {
        action: Action::Hang.into(),
        ..Request::default()
    });
    let call = call.timeout(Duration::from_secs(20)).into_future();
    let call = tokio::spawn(call);
    within(async {
        while asked.load(Ordering::SeqCst) < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    call.abort();
}

#[tokio::test]
async fn a_policy_retries_failed_credentials() {
    let (_server, address, trust) = secure().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let trust = trust.call_credentials(move |_: AuthMetadataContext| {
        let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            match number {
                1 => Err(Status::unavailable("the issuer is busy")),
                _ => Ok(pair("initial-token", &number.to_string())),
            }
        }
    });
    let policy = r#""retryPolicy": {"maxAttempts": 3, "initialBackoff": "0.01s", "maxBackoff": "0.01s",
        "backoffMultiplier": 1, "retryableStatusCodes": ["UNAVAILABLE"]}"#;
    let channel = channel_with(policy, &address, trust);
    assert_eq!(tokens(&channel, None).await.unwrap(), ["2"]);
}

#[tokio::test]
async fn the_time_of_credentials_counts_for_the_deadline() {
    let (_server, address, trust) = secure().await;
    let secure = Channel::secure(&address, trust).unwrap();
    let local = Channel::in_process(probe_handler(Probe::new().0));
    for channel in [secure, local] {
        let (sender, mut dropped) = mpsc::channel::<()>(1);
        let hanging = move |_: AuthMetadataContext| {
            let sender = sender.clone();
            async move {
                let _held = sender;
                std::future::pending().await
            }
        };
        let stub = ProbeStub::new(channel.with_credentials(hanging));
        let call = stub.unary(Request::default());
        let call = call.timeout(Duration::from_millis(20)).into_future();
        let late = within(call).await.unwrap_err();
        assert_eq!(late.code(), Code::DeadlineExceeded);
        let mut call = stub.server_stream(Request::default());
        tokio::select! {
            _ = call.message() => panic!("there were no credentials"),
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
        drop((call, stub));
        // The future of the credentials was dropped.
        assert_eq!(within(dropped.recv()).await, None);
    }
}

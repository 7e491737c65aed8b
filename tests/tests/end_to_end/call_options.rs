//! The options of calls, for code that is generic over calls and stubs, and what a call takes to its interceptors.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{TryStreamExt, stream};
use stubwright::{
    CallOptions, Channel, ClientCall, Code, Compression, PeerAddress, Raw, Stub, blocking,
};
use stubwright_tests::pb::probe::v1::{Action, ProbeStub, Request};

use crate::transports::{Link, over_every_transport, within};

over_every_transport!(
    options_are_set_for_calls_of_any_kind,
    a_stub_makes_stubs_with_other_defaults,
    a_caller_gives_values_to_its_interceptors,
    requests_of_another_type_than_compress_if_takes_fail_the_call,
);

fn hanging() -> Request {
    Request {
        action: Action::Hang.into(),
        ..Request::default()
    }
}

fn hurried<C: CallOptions>(call: C) -> C {
    call.timeout(Duration::from_millis(30))
        .metadata("initial-a", "1")
}

async fn options_are_set_for_calls_of_any_kind(link: Link) {
    let requests = || stream::iter([hanging()]);
    let stub = &link.stub;
    let ended = [
        hurried(stub.unary(hanging())).await.map(drop),
        hurried(stub.client_stream(requests())).await.map(drop),
        hurried(stub.server_stream(hanging()))
            .try_for_each(async |_| Ok(()))
            .await,
        hurried(stub.bidi(requests()))
            .try_for_each(async |_| Ok(()))
            .await,
    ];
    for result in ended {
        assert_eq!(result.unwrap_err().code(), Code::DeadlineExceeded);
    }
    // Those that block have the same options.
    drop(hurried(blocking::UnaryCall::from(stub.unary(hanging()))));
    let call = stub.server_stream(hanging());
    drop(hurried(blocking::StreamingCall::from(call)));
}

fn marked<S: Stub>(stub: &S) -> S {
    stub.with_metadata_from([("initial-a", "1")])
}

async fn a_stub_makes_stubs_with_other_defaults(link: Link) {
    let stub = marked(&link.stub);
    let (_, end) = stub.unary(Request::default()).with_call().await.unwrap();
    assert_eq!(end.initial_metadata.get("initial-a"), Some("1"));
    let (_, end) = link
        .stub
        .unary(Request::default())
        .with_call()
        .await
        .unwrap();
    assert!(end.initial_metadata.is_empty());

    let quick = link.stub.with_timeout(Duration::from_millis(30));
    let late = quick.unary(hanging()).await.unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded);

    // The channel of a stub is that of others, too.
    let other = ProbeStub::from_channel(link.stub.channel().clone());
    other.unary(Request::default()).await.unwrap();
}

struct Tenant(&'static str);

async fn a_caller_gives_values_to_its_interceptors(link: Link) {
    let naming = async |mut call: ClientCall| {
        let tenant = call.extensions().get::<Tenant>();
        let name = tenant.map_or("nobody", |tenant| tenant.0);
        call.metadata_mut().append("initial-tenant", name)?;
        // For inner interceptors.
        call.extensions().insert(7_u8);
        call.proceed().await.result
    };
    let inner = async |mut call: ClientCall| {
        assert_eq!(call.extensions().get::<u8>().as_deref(), Some(&7));
        call.proceed().await.result
    };
    let channel = link.channel.with_interceptor(inner);
    let stub = ProbeStub::new(channel.with_interceptor(naming));
    let call = stub.unary(Request::default()).extension(Tenant("first"));
    let (_, end) = call.extension(Tenant("second")).with_call().await.unwrap();
    assert_eq!(end.initial_metadata.get("initial-tenant"), Some("second"));
    let (_, end) = stub.unary(Request::default()).with_call().await.unwrap();
    assert_eq!(end.initial_metadata.get("initial-tenant"), Some("nobody"));
}

async fn requests_of_another_type_than_compress_if_takes_fail_the_call(link: Link) {
    let call = link.stub.unary(Request::default());
    let call = call
        .compression(Compression::Identity)
        .compress_if(|_: &String| true);
    assert_eq!(call.await.unwrap_err().code(), Code::InvalidArgument);
    let call = link.stub.bidi([Request::default()]);
    let mut call = call.compress_if(|_: &String| true);
    let failed = call.message().await.unwrap_err();
    assert_eq!(failed.code(), Code::InvalidArgument);
}

/// Returns the peer that the end of a call names.
async fn answering_peer(channel: &Channel) -> PeerAddress {
    let method = "/probe.v1.Probe/Unary";
    let call = channel.unary_unary::<Bytes, Bytes, _>(method, Raw, Bytes::new());
    let (_, end) = within(call.with_call().into_future()).await.unwrap();
    end.peer.address().clone()
}

#[tokio::test]
async fn a_caller_learns_which_peer_has_answered() {
    let tcp = Link::tcp().await;
    let address = tcp.server.as_ref().unwrap().1.unwrap();
    assert_eq!(
        answering_peer(&tcp.channel).await,
        PeerAddress::Tcp(address)
    );
    let intercepted = async |mut call: ClientCall| {
        let end = call.proceed().await;
        assert!(matches!(end.peer.address(), PeerAddress::Tcp(_)));
        end.result
    };
    let channel = tcp.channel.with_interceptor(intercepted);
    assert_eq!(answering_peer(&channel).await, PeerAddress::Tcp(address));

    let mut failed = tcp.stub.unary(Request {
        action: Action::Fail.into(),
        code: Code::Aborted.number() as i32,
        ..Request::default()
    });
    drop((&mut failed).await);
    let end = failed.end().unwrap();
    assert_eq!(end.peer.as_str(), format!("ipv4:{address}"));

    let in_process = Link::in_process();
    assert_eq!(
        answering_peer(&in_process.channel).await,
        PeerAddress::InProcess
    );
    let unreached = ProbeStub::new(Channel::insecure("127.0.0.1:1").unwrap());
    let mut call = unreached.unary(Request::default());
    drop((&mut call).await);
    assert_eq!(call.end().unwrap().peer.address(), &PeerAddress::Unknown);
}

#[cfg(unix)]
#[tokio::test]
async fn a_caller_learns_the_path_of_a_unix_socket() {
    use crate::transports::Transport;

    let unix = Transport::Unix.link(stubwright::Server::builder()).await;
    let PeerAddress::Unix(path) = answering_peer(&unix.channel).await else {
        panic!("the peer is a unix socket");
    };
    assert_eq!(path.extension().unwrap(), "sock");
}

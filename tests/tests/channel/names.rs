//! Hostile input, rows 60, 70, 78 and 79: addresses as users write them, and addresses of peers. Over real sockets.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use stubwright::{Channel, ChannelCredentials, Code, Result, Server, ServerCredentials};
use stubwright_tests::Probe;
use stubwright_tests::pb::probe::v1::{ProbeStub, Request, add_probe_servicer_to_server};
use tokio::net::{TcpStream, UnixSocket, lookup_host};

use crate::script::within;

fn server() -> Server {
    let mut server = Server::new();
    add_probe_servicer_to_server(Probe::new().0, &mut server);
    server
}

/// Starts a server at an address. Returns `None` if the machine has no such address.
async fn serve(address: &str) -> Option<(Server, SocketAddr)> {
    let mut server = server();
    let Ok(address) = server.add_insecure_port(address).await else {
        println!("skipped: this machine has no {address}");
        return None;
    };
    server.start().unwrap();
    Some((server, address))
}

/// Returns the peer and the authority that the servicer sees.
async fn seen(channel: Channel) -> Result<(String, String)> {
    let call = ProbeStub::new(channel)
        .unary(Request::default())
        .metadata("describe", "1");
    let (_, call) = within(call.with_call()).await?;
    let seen = |key| call.trailing_metadata.get(key).unwrap().to_owned();
    Ok((seen("peer"), seen("authority")))
}

fn refused(target: &str) -> String {
    let error = Channel::insecure(target).unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument, "{target}");
    error.message().to_owned()
}

/// Returns the target that a channel's connector receives, and the authority of its calls.
async fn told(target: &str) -> (String, String) {
    let (_server, address) = serve("127.0.0.1:0").await.unwrap();
    let asked = Arc::new(Mutex::new(String::new()));
    let noted = Arc::clone(&asked);
    let connect = move |told: String| {
        *noted.lock().unwrap() = told;
        TcpStream::connect(address)
    };
    let channel = Channel::builder().connector(connect).build_insecure(target);
    let (_, authority) = seen(channel.unwrap()).await.unwrap();
    let told = asked.lock().unwrap().clone();
    (told, authority)
}

#[tokio::test]
async fn row_60_addresses_have_zones() {
    let Some((_server, address)) = serve("[::1]:0").await else {
        return;
    };
    let port = address.port();
    for target in [
        format!("[::1%lo]:{port}"),
        format!("[::1%25lo]:{port}"),
        format!("ipv6:[::1%25lo]:{port}"),
        format!("ipv6:[::1%lo]:{port},[::1]:1"),
        format!("dns:///[::1%25lo]:{port}"),
    ] {
        let (peer, authority) = seen(Channel::insecure(&target).unwrap()).await.unwrap();
        assert!(peer.starts_with("ipv6:[::1]:"), "{target}: {peer}");
        // The zone has a meaning only on this machine (RFC 6874, 4), so it is not sent.
        assert_eq!(authority, format!("[::1]:{port}"), "{target}");
    }
    let (_server, zoned) = serve("[::1%lo]:0").await.unwrap();
    let target = format!("[::1]:{}", zoned.port());
    seen(Channel::insecure(target).unwrap()).await.unwrap();
}

#[tokio::test]
async fn row_60_a_zone_that_is_none_is_said() {
    let channel = Channel::insecure("[fe80::1%nowhere]:5000").unwrap();
    let error = seen(channel).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    let said =
        "cannot connect to [fe80::1%nowhere]:5000: there is no network interface \"nowhere\"";
    assert!(error.message().starts_with(said), "{error}");
    let error = server().add_insecure_port("[fe80::1%nowhere]:0").await;
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("no network interface \"nowhere\""),
        "{error}"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn row_60_abstract_unix_sockets() {
    // A name with a NUL, which only an abstract socket can have.
    let name = format!("stubwright/{}\0x", std::process::id());
    let target = format!("unix-abstract:{}", name.replace('\0', "%00"));
    let mut server = server();
    server.add_unix_abstract_port(&name).await.unwrap();
    let taken = server.add_unix_abstract_port(&name).await.unwrap_err();
    assert!(
        taken
            .to_string()
            .starts_with(&format!("cannot bind {target}: ")),
        "{taken}"
    );
    server.start().unwrap();
    for target in [
        target.clone(),
        target.replace("unix-abstract:", "unix-abstract://"),
    ] {
        let (peer, authority) = seen(Channel::insecure(target).unwrap()).await.unwrap();
        assert_eq!((peer.as_str(), authority.as_str()), ("unix:", "localhost"));
    }
    // A client that has bound its own end has a name.
    let own = format!("\0stubwright-client-{}%", std::process::id());
    let connect = {
        let (own, server) = (own.clone(), format!("\0{name}"));
        move |_| {
            let socket = UnixSocket::new_stream().unwrap();
            socket.bind(&own).unwrap();
            socket.connect(server.clone())
        }
    };
    let channel = Channel::builder()
        .connector(connect)
        .build_insecure(&target);
    let (peer, _) = seen(channel.unwrap()).await.unwrap();
    let own = own.replace('\0', "").replace('%', "%25");
    assert_eq!(peer, format!("unix-abstract:{own}"));
    // The name is free once the server is gone.
    within(server.stop(std::time::Duration::ZERO)).await;
    drop(server);
    let error = seen(Channel::insecure(&target).unwrap()).await.unwrap_err();
    assert!(error.message().contains(&target), "{error}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn row_60_abstract_unix_sockets_do_not_leave_the_machine() {
    let name = format!("stubwright-local-{}", std::process::id());
    let listener = tokio::net::UnixListener::bind(format!("\0{name}")).unwrap();
    let mut server = server();
    let listener = stubwright::Listener::from(listener);
    server.add_listener(listener.secured(ServerCredentials::local()));
    server.start().unwrap();
    let target = format!("unix-abstract:{name}");
    let channel = Channel::secure(target, ChannelCredentials::local()).unwrap();
    seen(channel).await.unwrap();
}

#[test]
fn row_60_a_url_is_refused_with_what_to_write() {
    for (target, said) in [
        (
            "http://localhost:5000",
            "leave out http:// and write only localhost:5000; ",
        ),
        (
            "HTTPS://example.org/path",
            "leave out HTTPS:// and write only example.org: credentials decide whether connections use TLS",
        ),
        ("dns:///http://a:1", "leave out http:// and write only a:1"),
        ("tcp://localhost:5000", "unknown scheme tcp"),
        ("unix-abstract:", "must be followed by the name of a socket"),
    ] {
        let error = refused(target);
        assert!(error.contains(said), "{error}");
    }
}

#[tokio::test]
async fn row_60_what_a_server_cannot_bind_is_said() {
    for (address, said) in [
        (
            "http://[::]:5000",
            "leave out http:// and write only [::]:5000",
        ),
        ("unix:/run/x", "add_unix_port binds"),
        ("unix-abstract:x", "add_unix_abstract_port binds"),
        ("localhost", "the port is missing"),
        (
            ":5000",
            "for all addresses of this machine, write [::]:5000",
        ),
    ] {
        let error = server().add_insecure_port(address).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        let error = error.to_string();
        assert!(
            error.starts_with(&format!("cannot bind {address}: ")),
            "{error}"
        );
        assert!(error.contains(said), "{error}");
    }
}

#[tokio::test]
async fn row_78_a_target_without_a_port_is_443() {
    for (target, address, authority) in [
        ("backend.example", "backend.example:443", "backend.example"),
        (
            "dns:backend.example",
            "backend.example:443",
            "backend.example",
        ),
        (
            "dns:///backend.example.",
            "backend.example.:443",
            "backend.example.",
        ),
        (
            "DNS:///backend.example",
            "backend.example:443",
            "backend.example",
        ),
        (
            "passthrough:///backend.example",
            "backend.example:443",
            "backend.example",
        ),
        ("127.0.0.1", "127.0.0.1:443", "127.0.0.1"),
        ("ipv4:127.0.0.1", "127.0.0.1:443", "127.0.0.1"),
        ("[2001:db8::1]", "[2001:db8::1]:443", "[2001:db8::1]"),
        ("ipv6:2001:db8::1", "[2001:db8::1]:443", "[2001:db8::1]"),
        ("2001:db8::1", "[2001:db8::1]:443", "[2001:db8::1]"),
        (
            "backend.example:5000",
            "backend.example:5000",
            "backend.example:5000",
        ),
    ] {
        let (told, seen) = told(target).await;
        assert_eq!(
            (told.as_str(), seen.as_str()),
            (address, authority),
            "{target}"
        );
    }
}

#[tokio::test]
async fn row_70_ipv4_is_ipv4_on_a_socket_of_both_families() {
    let Some((_server, address)) = serve("[::]:0").await else {
        return;
    };
    let target = format!("127.0.0.1:{}", address.port());
    let (peer, _) = seen(Channel::insecure(target).unwrap()).await.unwrap();
    let peer: SocketAddr = peer.strip_prefix("ipv4:").unwrap_or(&peer).parse().unwrap();
    assert!(peer.is_ipv4() && peer.ip().is_loopback(), "{peer}");
    let target = format!("[::1]:{}", address.port());
    let (peer, _) = seen(Channel::insecure(target).unwrap()).await.unwrap();
    assert!(peer.starts_with("ipv6:[::1]:"), "{peer}");
}

#[tokio::test]
async fn row_79_localhost_is_all_of_its_addresses_on_one_port() {
    let mut bindable = Vec::new();
    for address in lookup_host("localhost:0").await.unwrap() {
        if tokio::net::TcpListener::bind(address).await.is_ok() {
            bindable.push(address.ip());
        }
    }
    if bindable.len() < 2 {
        println!("localhost is one address on this machine: that there may be more is not tested");
    }
    let (_server, address) = serve("localhost:0").await.unwrap();
    assert!(address.port() > 0);
    for ip in bindable {
        let target = SocketAddr::new(ip, address.port()).to_string();
        let (peer, _) = seen(Channel::insecure(target).unwrap()).await.unwrap();
        let family = if matches!(ip, IpAddr::V4(_)) {
            "ipv4:"
        } else {
            "ipv6:"
        };
        assert!(peer.starts_with(family), "{peer}");
    }
}

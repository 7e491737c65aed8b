//! What the suite runs over.

use std::net::SocketAddr;
use std::time::Duration;

use stubwright::{Channel, ChannelCredentials, Server, ServerCredentials};
use stubwright_tests::certificates::Authority;
use stubwright_tests::pb::probe::v1::{ProbeStub, add_probe_servicer_to_server, probe_handler};
use stubwright_tests::{Event, Probe};
use tokio::sync::mpsc;

/// A servicer behind a transport, and a stub in front of it.
pub struct Link {
    pub stub: ProbeStub,
    pub events: mpsc::UnboundedReceiver<Event>,
    /// Over sockets: the server, which lives as long as the link.
    pub server: Option<(Server, SocketAddr)>,
}

impl Link {
    pub async fn tcp() -> Link {
        Link::with_server(Server::new()).await
    }

    /// A server that moves every handler to a task.
    pub async fn tcp_spawned() -> Link {
        Link::with_server(Server::builder().inline_polling(false).build()).await
    }

    pub async fn with_server(mut server: Server) -> Link {
        let (probe, events) = Probe::new();
        add_probe_servicer_to_server(probe, &mut server);
        let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
        server.start().await.unwrap();
        let channel = Channel::insecure(address.to_string()).unwrap();
        Link {
            stub: ProbeStub::new(channel),
            events,
            server: Some((server, address)),
        }
    }

    /// TCP with TLS on it.
    pub async fn tls() -> Link {
        let authority = Authority::new("authority");
        let issued = authority.issue(&["127.0.0.1"]);
        let credentials = ServerCredentials::tls(issued.chain, issued.key).unwrap();
        let (probe, events) = Probe::new();
        let mut server = Server::new();
        add_probe_servicer_to_server(probe, &mut server);
        let address = server.add_secure_port("127.0.0.1:0", credentials);
        let address = address.await.unwrap();
        server.start().await.unwrap();
        let trust = ChannelCredentials::tls()
            .root_certificates(authority.pem())
            .unwrap();
        let channel = Channel::secure(address.to_string(), trust).unwrap();
        Link {
            stub: ProbeStub::new(channel),
            events,
            server: Some((server, address)),
        }
    }

    pub async fn in_process() -> Link {
        let (probe, events) = Probe::new();
        Link {
            stub: ProbeStub::new(Channel::in_process(probe_handler(probe))),
            events,
            server: None,
        }
    }

    /// The next event of the servicer; a test that waits for one that does not come fails.
    pub async fn event(&mut self) -> Event {
        within(self.events.recv()).await.unwrap()
    }
}

/// Waits for what has to come; the limit is far beyond what anything here takes.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("nothing happened for 20 seconds")
}

/// Runs each case over every transport: a test per case and transport.
macro_rules! over_every_transport {
    ($($case:ident),* $(,)?) => {
        over_every_transport!(@ tcp, "multi_thread", $($case)*);
        over_every_transport!(@ tcp_spawned, "multi_thread", $($case)*);
        over_every_transport!(@ tls, "multi_thread", $($case)*);
        over_every_transport!(@ in_process, "current_thread", $($case)*);
        mod tcp_on_one_thread {
            $(#[tokio::test]
            async fn $case() {
                let link = $crate::transports::Link::tcp().await;
                $crate::transports::within(super::$case(link)).await;
            })*
        }
    };
    (@ $transport:ident, $flavor:literal, $($case:ident)*) => {
        mod $transport {
            $(#[tokio::test(flavor = $flavor)]
            async fn $case() {
                let link = $crate::transports::Link::$transport().await;
                $crate::transports::within(super::$case(link)).await;
            })*
        }
    };
}

pub(crate) use over_every_transport;

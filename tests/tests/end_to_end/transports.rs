//! What the suite runs over.

use std::net::SocketAddr;
#[cfg(unix)]
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::sync::atomic::{AtomicU32, Ordering};
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
    /// Not in-process: the server, which lives as long as the link, and its address over TCP.
    pub server: Option<(Server, Option<SocketAddr>)>,
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
            server: Some((server, Some(address))),
        }
    }

    #[cfg(unix)]
    pub async fn unix() -> Link {
        let (probe, events) = Probe::new();
        let mut server = Server::new();
        add_probe_servicer_to_server(probe, &mut server);
        let path = socket_path();
        server.add_unix_port(&path).await.unwrap();
        server.start().await.unwrap();
        Link {
            stub: ProbeStub::new(unix_channel(&path)),
            events,
            server: Some((server, None)),
        }
    }

    /// The two ends of a pipe, which are open before the server and the channel are there.
    pub async fn opened() -> Link {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let (probe, events) = Probe::new();
        let mut server = Server::new();
        add_probe_servicer_to_server(probe, &mut server);
        server.add_connection(far).await.unwrap();
        server.start().await.unwrap();
        Link {
            stub: ProbeStub::new(Channel::over(near)),
            events,
            server: Some((server, None)),
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
            server: Some((server, Some(address))),
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

    /// The server of a link over TCP, and its address.
    pub fn take_server(&mut self) -> (Server, SocketAddr) {
        let (server, address) = self.server.take().unwrap();
        (server, address.unwrap())
    }

    /// The next event of the servicer; a test that waits for one that does not come fails.
    pub async fn event(&mut self) -> Event {
        within(self.events.recv()).await.unwrap()
    }
}

/// A path for a socket, which no other test has. The server removes its file.
#[cfg(unix)]
pub fn socket_path() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("stubwright-{}-{number}.sock", std::process::id());
    std::env::temp_dir().join(name)
}

/// A channel to the socket at a path.
#[cfg(unix)]
pub fn unix_channel(path: &Path) -> Channel {
    Channel::insecure(format!("unix:{}", path.display())).unwrap()
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
        #[cfg(unix)]
        over_every_transport!(@ unix, "multi_thread", $($case)*);
        over_every_transport!(@ opened, "multi_thread", $($case)*);
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

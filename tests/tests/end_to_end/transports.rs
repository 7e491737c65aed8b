//! What the suite runs over.

use std::net::SocketAddr;
#[cfg(unix)]
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use stubwright::{
    Channel, ChannelCredentials, InlinePolling, Server, ServerBuilder, ServerCredentials,
};
use stubwright_tests::certificates::Authority;
use stubwright_tests::pb::probe::v1::{ProbeStub, add_probe_servicer_to_server, probe_handler};
use stubwright_tests::{Event, Probe};
use tokio::sync::mpsc;

/// How a stub reaches its servicer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Tcp,
    /// With a server that moves every handler to a task.
    TcpSpawned,
    /// TCP with TLS on it.
    Tls,
    #[cfg(unix)]
    Unix,
    /// The two ends of a pipe, which are open before the server and the channel are there.
    Opened,
    InProcess,
}

/// A servicer behind a transport, and a stub in front of it.
pub struct Link {
    pub stub: ProbeStub,
    pub channel: Channel,
    pub events: mpsc::UnboundedReceiver<Event>,
    /// Not in-process: the server, which lives as long as the link, and its address over TCP.
    pub server: Option<(Server, Option<SocketAddr>)>,
}

impl Transport {
    /// A link to a server with these options.
    pub async fn link(self, options: ServerBuilder) -> Link {
        let server = self.server(options);
        self.link_to(server).await
    }

    /// A server for this transport, with these options and without services.
    pub fn server(self, options: ServerBuilder) -> Server {
        match self {
            Transport::TcpSpawned => options.inline_polling(InlinePolling::Never).build(),
            _ => options.build(),
        }
    }

    /// A link to a server that has the servicer besides what it has already.
    pub async fn link_to(self, mut server: Server) -> Link {
        let (probe, events) = Probe::new();
        add_probe_servicer_to_server(probe, &mut server);
        let (channel, address) = self.channel(&mut server).await;
        let server = match self {
            Transport::InProcess => None,
            _ => {
                server.start().await.unwrap();
                Some((server, address))
            }
        };
        Link {
            stub: ProbeStub::new(channel.clone()),
            channel,
            events,
            server,
        }
    }

    /// A channel to a server that has not been started, and its address over TCP.
    async fn channel(self, server: &mut Server) -> (Channel, Option<SocketAddr>) {
        match self {
            Transport::Tcp | Transport::TcpSpawned => {
                let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
                let channel = Channel::insecure(address.to_string()).unwrap();
                (channel, Some(address))
            }
            Transport::Tls => {
                let authority = Authority::new("authority");
                let issued = authority.issue(&["127.0.0.1"]);
                let credentials = ServerCredentials::tls(issued.chain, issued.key).unwrap();
                let address = server.add_secure_port("127.0.0.1:0", credentials);
                let address = address.await.unwrap();
                let trust = ChannelCredentials::tls()
                    .root_certificates(authority.pem())
                    .unwrap();
                let channel = Channel::secure(address.to_string(), trust).unwrap();
                (channel, Some(address))
            }
            #[cfg(unix)]
            Transport::Unix => {
                let path = socket_path();
                server.add_unix_port(&path).await.unwrap();
                (unix_channel(&path), None)
            }
            Transport::Opened => {
                let (near, far) = tokio::io::duplex(64 * 1024);
                server.add_connection(far).await.unwrap();
                (Channel::over(near), None)
            }
            Transport::InProcess => (server.in_process_channel(), None),
        }
    }
}

/// What a case is given to run over a transport.
pub trait Given {
    async fn given(transport: Transport) -> Self;
}

/// A server with options of the case's own.
impl Given for Transport {
    async fn given(transport: Transport) -> Transport {
        transport
    }
}

/// A server with default options.
impl Given for Link {
    async fn given(transport: Transport) -> Link {
        if transport == Transport::InProcess {
            return Link::in_process();
        }
        transport.link(Server::builder()).await
    }
}

impl Link {
    pub async fn tcp() -> Link {
        Transport::Tcp.link(Server::builder()).await
    }

    /// Handlers without a server.
    pub fn in_process() -> Link {
        let (probe, events) = Probe::new();
        let channel = Channel::in_process(probe_handler(probe));
        Link {
            stub: ProbeStub::new(channel.clone()),
            channel,
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

/// Runs a case over a transport.
pub async fn run<G: Given>(case: impl AsyncFnOnce(G), transport: Transport) {
    let given = G::given(transport).await;
    within(case(given)).await;
}

/// Runs each case over every transport: a test per case and transport. A case takes a [`Link`] to a server with default
/// options, or a [`Transport`] to make one with others.
macro_rules! over_every_transport {
    ($($case:ident),* $(,)?) => {
        over_every_transport!(@ tcp, Tcp, "multi_thread", $($case)*);
        over_every_transport!(@ tcp_on_one_thread, Tcp, "current_thread", $($case)*);
        over_every_transport!(@ tcp_spawned, TcpSpawned, "multi_thread", $($case)*);
        over_every_transport!(@ tls, Tls, "multi_thread", $($case)*);
        #[cfg(unix)]
        over_every_transport!(@ unix, Unix, "multi_thread", $($case)*);
        over_every_transport!(@ opened, Opened, "multi_thread", $($case)*);
        over_every_transport!(@ in_process, InProcess, "current_thread", $($case)*);
    };
    (@ $module:ident, $transport:ident, $flavor:literal, $($case:ident)*) => {
        mod $module {
            $(#[tokio::test(flavor = $flavor)]
            async fn $case() {
                let transport = $crate::transports::Transport::$transport;
                $crate::transports::run(super::$case, transport).await;
            })*
        }
    };
}

pub(crate) use over_every_transport;

//! The transports that the suite runs over.

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

/// The connection between a stub and its servicer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Tcp,
    /// TCP, with a server that runs every handler in a task of its own.
    TcpSpawned,
    /// TCP with TLS.
    Tls,
    #[cfg(unix)]
    Unix,
    /// The two ends of a pipe, opened before the server and the channel exist.
    Opened,
    InProcess,
}

/// A servicer, and a stub that reaches it over a transport.
pub struct Link {
    pub stub: ProbeStub,
    pub channel: Channel,
    pub events: mpsc::UnboundedReceiver<Event>,
    /// The server, which lives as long as the link, and its address if it has TCP. In-process links have none.
    pub server: Option<(Server, Option<SocketAddr>)>,
}

impl Transport {
    /// Links to a server with these options.
    pub async fn link(self, options: ServerBuilder) -> Link {
        let server = self.server(options);
        self.link_to(server).await
    }

    /// Creates a server for this transport with these options and no services.
    pub fn server(self, options: ServerBuilder) -> Server {
        match self {
            Transport::TcpSpawned => options.inline_polling(InlinePolling::Never).build(),
            _ => options.build(),
        }
    }

    /// Adds the servicer to a server and links to it.
    pub async fn link_to(self, mut server: Server) -> Link {
        let (probe, events) = Probe::new();
        add_probe_servicer_to_server(probe, &mut server);
        let (channel, address) = self.channel(&mut server).await;
        let server = match self {
            Transport::InProcess => None,
            _ => {
                server.start().unwrap();
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

    /// Starts a server whose services have been added, and connects a channel to it.
    pub async fn connect(self, server: &mut Server) -> Channel {
        let (channel, _) = self.channel(server).await;
        if self != Transport::InProcess {
            server.start().unwrap();
        }
        channel
    }

    /// Creates a channel to a server that is not started yet. Also returns the address if it is TCP.
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
                server.add_connection(far).unwrap();
                (Channel::over(near), None)
            }
            Transport::InProcess => (server.in_process_channel(), None),
        }
    }
}

/// The argument of a case.
pub trait Given {
    async fn given(transport: Transport) -> Self;
}

/// Lets a case create a server with its own options.
impl Given for Transport {
    async fn given(transport: Transport) -> Transport {
        transport
    }
}

/// Links to a server with default options.
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

    /// Links to handlers without a server.
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

    /// Takes the server of a TCP link, and its address.
    pub fn take_server(&mut self) -> (Server, SocketAddr) {
        let (server, address) = self.server.take().unwrap();
        (server, address.unwrap())
    }

    /// Waits for the next event of the servicer. Fails the test if none arrives.
    pub async fn event(&mut self) -> Event {
        within(self.events.recv()).await.unwrap()
    }
}

/// Returns a unique path for a socket. The server removes the file.
#[cfg(unix)]
pub fn socket_path() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("stubwright-{}-{number}.sock", std::process::id());
    std::env::temp_dir().join(name)
}

/// Creates a channel to the socket at a path.
#[cfg(unix)]
pub fn unix_channel(path: &Path) -> Channel {
    Channel::insecure(format!("unix:{}", path.display())).unwrap()
}

/// Waits for a future, with a timeout far beyond any test's.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("should complete within 20 seconds")
}

/// Runs a case over a transport.
pub async fn run<G: Given>(case: impl AsyncFnOnce(G), transport: Transport) {
    let given = G::given(transport).await;
    within(case(given)).await;
}

/// Makes one test of each case and transport.
///
/// A case takes a [`Link`] to a server with default options, or a [`Transport`] to create a link with other options.
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

//! The server: services, ports, and the connections that come in on them.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

#[cfg(feature = "tls")]
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::connection::connection;
use super::connections::{Arrival, Connections};
use super::credentials::{Demand, ServerCredentials};
use super::dispatch::MethodTable;
use super::generic::GenericHandler;
use super::handlers::Handlers;
#[cfg(feature = "client")]
use super::inside::InsideCalls;
use super::listener::Listener;
use super::options::{Options, ServerBuilder};
#[cfg(feature = "client")]
use crate::Channel;
#[cfg(any(target_os = "linux", target_os = "android"))]
use crate::base::unix_name;
use crate::base::{clock, log};
use crate::call::{Order, Peer};
#[cfg(feature = "health")]
use crate::services::health::Health;
#[cfg(feature = "reflection")]
use crate::services::reflection;
#[cfg(feature = "tls")]
use crate::transport::tls;
use crate::transport::{Io, Socket};

/// A gRPC server.
///
/// Services are registered and ports are added first; [`start`](Server::start) accepts connections. What
/// [`stop`](Server::stop) does not end in time, and a server that is dropped, is cut off.
pub struct Server {
    /// Shared with what serves them: connections, and channels within the process.
    methods: Arc<MethodTable>,
    listeners: Vec<Listener>,
    opened: Mutex<Opened>,
    connections: Arc<Connections>,
    /// Shared with the channels within the process.
    #[cfg(feature = "client")]
    inside: Arc<InsideCalls>,
    phase: watch::Sender<Phase>,
    #[cfg(feature = "health")]
    health: Option<Health>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Ports and services may be added.
    Setup,
    Serving,
    /// No new connections.
    Stopping,
    Stopped,
}

/// What becomes of connections that are open before they come to the server.
enum Opened {
    /// They wait for its start.
    Waiting(Vec<(Box<dyn Io>, Peer)>),
    Served(Arrivals),
}

impl Server {
    /// A server with default options, without services and ports.
    pub fn new() -> Server {
        Server::with_options(Options::default())
    }

    /// Options for a server.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// Registers the methods of a service; generated code calls it from `add_x_servicer_to_server`. A method that is
    /// registered already is replaced. Services are registered before [`start`](Server::start): what comes later is not
    /// served.
    pub fn add_handlers(&mut self, handlers: Handlers) {
        Arc::make_mut(&mut self.methods).add(handlers);
    }

    /// Lets clients ask how the server and its services do: `grpc.health.v1.Health`. What it returns sets the statuses; from
    /// the start the server as a whole is SERVING, and [`stop`](Server::stop) sets everything to NOT_SERVING and ends the
    /// watches. A second call returns the same.
    #[cfg(feature = "health")]
    pub fn add_health(&mut self) -> Health {
        if let Some(health) = &self.health {
            return health.clone();
        }
        let health = Health::new();
        self.add_handlers(health.handlers());
        self.health = Some(health.clone());
        health
    }

    /// Lets clients ask which services the server has and what their messages look like, so that tools such as `buf curl` and
    /// `grpcurl` need no `.proto` files: `grpc.reflection.v1.ServerReflection` and its older form `v1alpha`.
    ///
    /// It tells of every service, whether it is registered before or after, from the descriptors in its generated code; a
    /// service that was generated without them is listed by its name alone. gRPC Python's
    /// `reflection.enable_server_reflection`.
    ///
    /// What a file imports is found among the files of its own service, so that several services may each have a `common.proto`.
    /// Names that mean different things in two services are logged, here and at the [`start`](Server::start), when the feature
    /// `tracing` is on: some clients can use one of the two at a time.
    #[cfg(feature = "reflection")]
    pub fn add_reflection(&mut self) {
        let services = self.methods.services.clone();
        self.add_handlers(reflection::handlers(services));
    }

    /// Answers the calls of all methods that no service here has; another takes its place. Without one they end with
    /// UNIMPLEMENTED. Like a service it is registered before [`start`](Server::start). gRPC Python's `add_generic_rpc_handlers`.
    pub fn add_generic_handler(&mut self, handler: impl GenericHandler) {
        Arc::make_mut(&mut self.methods).add_generic(handler);
    }

    /// Adds a port for connections without encryption: `host:port`, as in `[::]:5000`, `0.0.0.0:5000` or
    /// `localhost:5000`. The port 0 takes a free one; the address that is returned has it. The port is bound at once,
    /// and connections wait there until [`start`](Server::start).
    ///
    /// A name with several addresses, as `localhost` may have, is bound on all of them, on one port, and the first that is bound
    /// is returned. Addresses of it that cannot be bound are logged (feature `tracing`) if others can. `[::]` takes connections
    /// over IPv4 too, unless the system is set up otherwise, and is `0.0.0.0` where there is no IPv6.
    ///
    /// # Errors
    /// The text is no address with a port, the name cannot be looked up, or no address can be bound: it is in use, not this
    /// machine's, or not allowed.
    pub async fn add_insecure_port(&mut self, address: impl AsRef<str>) -> io::Result<SocketAddr> {
        let (listeners, address) = Listener::bind(address.as_ref()).await?;
        self.listeners.extend(listeners);
        Ok(address)
    }

    /// Adds a port for connections that are secured, over TLS or because they come from this machine, as [`add_insecure_port`](Server::add_insecure_port) does for connections
    /// without encryption. Over TLS a client has to negotiate HTTP/2 by ALPN, and to be done with its handshake within the server's
    /// [`handshake_timeout`](ServerBuilder::handshake_timeout). A client that is refused is logged with the reason when the
    /// feature `tracing` is on. gRPC's `add_secure_port`.
    ///
    /// # Errors
    /// The text is no address with a port, the name cannot be looked up, or no address can be bound: it is in use, not this
    /// machine's, or not allowed.
    pub async fn add_secure_port(
        &mut self,
        address: impl AsRef<str>,
        credentials: ServerCredentials,
    ) -> io::Result<SocketAddr> {
        let (listeners, address) = Listener::bind(address.as_ref()).await?;
        let secured = listeners
            .into_iter()
            .map(|listener| listener.secured(credentials.clone()));
        self.listeners.extend(secured);
        Ok(address)
    }

    /// Adds a unix socket, at a path in the file system, for connections without encryption: clients name it `unix:path`. The
    /// file is made now, with the permissions that the process gives its files, and removed when the server stops or is
    /// dropped. A file that a server left which did not get to remove it is replaced.
    ///
    /// # Errors
    /// A server listens there already, another file is there, the directory is missing or not allowed, or the path is longer
    /// than the system takes (108 bytes on Linux).
    #[cfg(unix)]
    pub async fn add_unix_port(&mut self, path: impl AsRef<Path>) -> io::Result<()> {
        self.add_listener(Listener::bind_unix(path.as_ref()).await?);
        Ok(())
    }

    /// Adds a unix socket in the abstract namespace, which has a name and no file, for connections without encryption: clients name
    /// it `unix-abstract:name`. The name is any bytes; in that of a client what is not printable is percent-encoded. It is free again
    /// when the server stops or is dropped.
    ///
    /// # Errors
    /// A server listens there already, or the name is longer than 107 bytes.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub async fn add_unix_abstract_port(&mut self, name: impl AsRef<[u8]>) -> io::Result<()> {
        let path = unix_name::abstract_path(name.as_ref());
        self.add_listener(Listener::bind_unix(&path).await?);
        Ok(())
    }

    /// Adds a socket that is bound already: a [`TcpListener`](tokio::net::TcpListener) or `UnixListener` of tokio's, for
    /// connections without encryption, or a [`Listener`] made of one with what it is secured by.
    pub fn add_listener(&mut self, listener: impl Into<Listener>) {
        self.listeners.push(listener.into());
    }

    /// Serves a connection that is open already, from the server's start on: a socket, or anything else that carries bytes both
    /// ways. It may come before the start, where it counts as a port, and after it. The other end is a client that speaks
    /// HTTP/2 from its first byte, as [`Channel::over`](crate::Channel::over) does; what a connection is secured by is known
    /// to whoever opened it, and not to servicers. Its peer is `unknown:` unless it is a socket of tokio's.
    ///
    /// # Errors
    /// The server has been stopped.
    pub async fn add_connection<I>(&self, connection: I) -> io::Result<()>
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let peer = Peer::of(&connection);
        let connection = Box::new(connection);
        match &mut *self.opened.lock().unwrap_or_else(PoisonError::into_inner) {
            Opened::Waiting(connections) => connections.push((connection, peer)),
            Opened::Served(arrivals) if *self.phase.borrow() == Phase::Serving => {
                arrivals.serve(connection, peer, clock::now());
            }
            Opened::Served(_) => return Err(io::Error::other("the server has been stopped")),
        }
        Ok(())
    }

    /// A channel to the services that are registered so far, within this process: no sockets and no HTTP/2, the same
    /// messages, metadata, deadlines and statuses, and the interceptors of the server. It needs no port and no
    /// [`start`](Server::start). A [`stop`](Server::stop) ends its calls as it ends others; when the server is merely dropped, they
    /// go on. gRPC's `InProcessChannel`.
    #[cfg(feature = "client")]
    pub fn in_process_channel(&self) -> Channel {
        Channel::to_server(Arc::clone(&self.methods), Arc::clone(&self.inside))
    }

    /// Accepts connections on all ports.
    ///
    /// # Errors
    /// The server has no port and no connection, or was started before; or
    /// [`method_options`](ServerBuilder::method_options) names what is not registered.
    pub async fn start(&mut self) -> io::Result<()> {
        if *self.phase.borrow() != Phase::Setup {
            return Err(io::Error::other("the server was started before"));
        }
        let opened = self.opened.get_mut();
        let opened = opened.unwrap_or_else(PoisonError::into_inner);
        let waiting = match opened {
            Opened::Waiting(connections) => std::mem::take(connections),
            Opened::Served(_) => Vec::new(),
        };
        if self.listeners.is_empty() && waiting.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the server has no port: add one with add_insecure_port",
            ));
        }
        let unknown = self.methods.unknown_names();
        if !unknown.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "method_options of {}: no method or service with such a name is registered",
                    unknown.join(", ")
                ),
            ));
        }
        #[cfg(feature = "reflection")]
        self.methods.services.check();
        self.phase.send_replace(Phase::Serving);
        let arrivals = Arrivals {
            methods: Arc::clone(&self.methods),
            connections: Arc::clone(&self.connections),
            phase: self.phase.subscribe(),
        };
        for listener in self.listeners.drain(..) {
            let arrival = Arrival::new(&self.connections);
            tokio::spawn(arrivals.clone().run(listener, arrival));
        }
        for (connection, peer) in waiting {
            arrivals.serve(connection, peer, clock::now());
        }
        *opened = Opened::Served(arrivals);
        Ok(())
    }

    /// Starts, serves until `shutdown` is ready, and stops with `grace`: the whole life of a server whose program has nothing
    /// else to do. With the feature `signal`, `shutdown_signal()` waits for the system's word.
    ///
    /// ```
    /// # async fn serve(mut server: stubwright::Server) -> std::io::Result<()> {
    /// use std::time::Duration;
    ///
    /// let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    /// # drop(stop);
    /// server.serve_until(stopped, Duration::from_secs(5)).await
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`start`](Server::start).
    pub async fn serve_until(&mut self, shutdown: impl Future, grace: Duration) -> io::Result<()> {
        self.start().await?;
        shutdown.await;
        self.stop(grace).await;
        Ok(())
    }

    /// Stops: at once no connection and no call is taken any more; calls that are open have `grace` to end, then they
    /// are cut off and their clients see UNAVAILABLE. Returns when the last connection is closed, which is before the
    /// grace is over if nothing is left to do. Zero cuts off at once.
    pub async fn stop(&self, grace: Duration) {
        if matches!(*self.phase.borrow(), Phase::Stopped) {
            return;
        }
        self.phase.send_replace(Phase::Stopping);
        #[cfg(feature = "health")]
        if let Some(health) = &self.health {
            health.stop();
        }
        self.connections.order(Order::Drain);
        #[cfg(feature = "client")]
        self.inside.drain();
        if !grace.is_zero() {
            // Past the grace there is nothing left to wait for softly.
            drop(tokio::time::timeout(grace, self.done()).await);
        }
        self.connections.order(Order::Close);
        #[cfg(feature = "client")]
        self.inside.close();
        self.connections.empty().await;
        self.phase.send_replace(Phase::Stopped);
    }

    /// Waits until the server has been stopped, by a [`stop`](Server::stop) that runs elsewhere.
    pub async fn wait_for_termination(&self) {
        let mut phase = self.phase.subscribe();
        // The sender lives as long as the server, so the wait cannot fail.
        drop(phase.wait_for(|phase| *phase == Phase::Stopped).await);
    }

    /// Waits until no connection and no call is left.
    async fn done(&self) {
        self.connections.empty().await;
        #[cfg(feature = "client")]
        self.inside.empty().await;
    }

    fn with_options(options: Options) -> Server {
        Server {
            methods: Arc::new(MethodTable::new(options)),
            listeners: Vec::new(),
            opened: Mutex::new(Opened::Waiting(Vec::new())),
            connections: Arc::default(),
            #[cfg(feature = "client")]
            inside: Arc::default(),
            phase: watch::Sender::new(Phase::Setup),
            #[cfg(feature = "health")]
            health: None,
        }
    }
}

// Not beside the options, which know nothing of the server that they are for.
impl ServerBuilder {
    /// A server with these options, without services and ports.
    #[must_use]
    pub fn build(self) -> Server {
        Server::with_options(self.options)
    }
}

impl Default for Server {
    fn default() -> Server {
        Server::new()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.connections.order(Order::Close);
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("phase", &*self.phase.borrow())
            .field("connections", &self.connections.count())
            .finish_non_exhaustive()
    }
}

/// The connections that come in on one port.
#[derive(Clone)]
struct Arrivals {
    methods: Arc<MethodTable>,
    connections: Arc<Connections>,
    phase: watch::Receiver<Phase>,
}

impl Arrivals {
    /// Takes connections until the server stops.
    async fn run(self, listener: Listener, arrival: Arrival) {
        let mut phase = self.phase.clone();
        let mut stopping = pin!(phase.wait_for(|phase| *phase != Phase::Serving));
        while let Some((connection, peer)) = unless(stopping.as_mut(), listener.accept()).await {
            let demand = listener.credentials.as_ref().map(ServerCredentials::demand);
            match demand {
                None => self.serve(connection, peer, clock::now()),
                Some(Demand::Local) => match peer.local_auth() {
                    Some(auth) => self.serve(connection, peer.with_auth(auth), clock::now()),
                    None => log::not_local(&peer, &listener.to_string()),
                },
                // In a task of its own: a client that takes its time keeps nobody else waiting. How many there are at a
                // time is not limited, for then a few silent ones would be enough to keep everybody out.
                #[cfg(feature = "tls")]
                Some(Demand::Tls(config)) => {
                    let port = listener.to_string();
                    let handshake = self.clone().shake_hands(connection, port, peer, config);
                    let arrival = Arrival::new(&self.connections);
                    tokio::spawn(async move {
                        handshake.await;
                        drop(arrival);
                    });
                }
            }
        }
        // The port is free before a stop returns.
        drop(listener);
        drop(arrival);
    }

    /// Serves a connection over TLS once it has come about; a server that stops waits for none.
    #[cfg(feature = "tls")]
    async fn shake_hands(
        self,
        connection: Box<dyn Io>,
        port: String,
        peer: Peer,
        config: Arc<ServerConfig>,
    ) {
        let arrived = clock::now();
        let mut phase = self.phase.clone();
        let stopping = pin!(phase.wait_for(|phase| *phase != Phase::Serving));
        let limit = self.methods.options.http2.handshake_timeout;
        let handshake = tls::accept(connection, &port, &peer, config, limit);
        if let Some(Some((connection, auth))) = unless(stopping, handshake).await {
            self.serve(connection, peer.with_auth(auth), arrived);
        }
    }

    fn serve(&self, io: Box<dyn Io>, peer: Peer, arrived: Instant) {
        let socket = Socket::new(io);
        let methods = Arc::clone(&self.methods);
        let (connection, link) = connection(socket, peer, methods, arrived);
        let connections = Arc::clone(&self.connections);
        let key = connections.add(link);
        tokio::spawn(async move {
            connection.await;
            connections.remove(key);
        });
    }
}

/// The output of a future, or `None` once `stop` is ready.
async fn unless<F: Future>(mut stop: Pin<&mut impl Future>, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| {
        if stop.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        future.as_mut().poll(context).map(Some)
    })
    .await
}

//! The server: its services, its ports, and the connections that it accepts.

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

#[cfg(feature = "tls-no-provider")]
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::connection::connection;
use super::connections::{Arrival, Connections};
use super::credentials::{Demand, ServerCredentials};
use super::dispatch::MethodTable;
use super::generic::GenericHandler;
use super::handlers::Handlers;
#[cfg(feature = "client")]
use super::in_process::InProcessCalls;
use super::listener::Listener;
use super::options::{Options, ServerBuilder};
use super::port_error::PortError;
#[cfg(any(target_os = "linux", target_os = "android"))]
use crate::base::unix_name;
use crate::base::{clock, log};
use crate::call::{Order, Peer};
#[cfg(feature = "health")]
use crate::services::health::Health;
#[cfg(feature = "reflection")]
use crate::services::reflection;
#[cfg(feature = "tls-no-provider")]
use crate::transport::tls;
use crate::transport::{Io, Socket};

/// A gRPC server.
///
/// Register services and add ports first, then call [`start`](Server::start) to accept connections. [`stop`](Server::stop) gives
/// open calls some time to end, and then cuts them off. Dropping the server cuts off the calls of its connections at once.
pub struct Server {
    /// Shared with connections and in-process channels.
    methods: Arc<MethodTable>,
    listeners: Vec<Listener>,
    opened: Mutex<Opened>,
    connections: Arc<Connections>,
    /// Shared with in-process channels.
    #[cfg(feature = "client")]
    in_process: Arc<InProcessCalls>,
    phase: watch::Sender<Phase>,
    #[cfg(feature = "health")]
    health: Option<Health>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Ports and services may be added.
    Setup,
    Serving,
    /// Connections are no longer accepted.
    Stopping,
    Stopped,
}

/// Connections that were opened elsewhere and added to the server.
enum Opened {
    /// The connections wait for the server's start.
    Waiting(Vec<(Box<dyn Io>, Peer)>),
    Served(Arrivals),
}

impl Server {
    /// Creates a server that has the default options, no services and no ports.
    pub fn new() -> Server {
        Server::with_options(Options::default())
    }

    /// Returns a builder, which sets the options of a server and creates it.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// Registers the methods of one or more services. A new handler replaces the registered handler of the same method. Register
    /// all services before [`start`](Server::start), because the server does not serve services that are added later.
    ///
    /// The generated function `add_x_servicer_to_server` of a service `X` calls this. [`Handlers`] shows how to add methods without
    /// generated code. gRPC Python's `add_registered_method_handlers`.
    #[doc(alias = "add_registered_method_handlers")]
    pub fn add_handlers(&mut self, handlers: Handlers) {
        Arc::make_mut(&mut self.methods).add(handlers);
    }

    /// Adds the health service `grpc.health.v1.Health`, which tells clients the status of the server and of its services. Returns
    /// the [`Health`] that sets these statuses. At first, only the server as a whole has a status, which is SERVING.
    /// [`stop`](Server::stop) sets all statuses to NOT_SERVING, and ends the `Watch` calls of clients. If the service was added
    /// before, this returns the same [`Health`].
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

    /// Adds server reflection, from which tools such as `buf curl` and `grpcurl` learn the services and their messages without
    /// `.proto` files. It consists of the services `grpc.reflection.v1.ServerReflection` and
    /// `grpc.reflection.v1alpha.ServerReflection`. gRPC Python's `reflection.enable_server_reflection`.
    ///
    /// Reflection covers all services of the server, whether they are registered before or after this call. It reads the
    /// descriptors in their generated code. If a service was generated without descriptors, reflection lists only its name.
    ///
    /// Reflection looks up the imports of a file among the files of the same service, so several services may each have a
    /// `common.proto`. If a name has different meanings in two services, some clients can use only one of these services. With the
    /// feature `tracing`, this function and [`start`](Server::start) log such names.
    #[doc(alias = "enable_server_reflection")]
    #[cfg(feature = "reflection")]
    pub fn add_reflection(&mut self) {
        let services = self.methods.services.clone();
        self.add_handlers(reflection::handlers(services));
    }

    /// Adds a handler for methods that are not registered. For each call, the server asks these handlers in the order in which they
    /// were added, and the first whose [`GenericHandler::handles`] returns `true` gets the call. A closure gets every call that it
    /// is asked about. If no handler accepts a call, the call ends with UNIMPLEMENTED. Add handlers before
    /// [`start`](Server::start), as with services. gRPC Python's `add_generic_rpc_handlers`.
    #[doc(alias = "add_generic_rpc_handlers")]
    pub fn add_generic_handler(&mut self, handler: impl GenericHandler) {
        Arc::make_mut(&mut self.methods).add_generic(handler);
    }

    /// Adds a port for unencrypted connections. The address is `host:port`, for example `[::]:5000`, `0.0.0.0:5000` or
    /// `localhost:5000`. Port 0 picks a free port. Returns the bound address, with the actual port. The port is bound immediately,
    /// and connections wait until [`start`](Server::start).
    ///
    /// If the host is a name with several addresses, such as `localhost`, all of them are bound with the same port, and the first
    /// bound address is returned. If only some of the addresses can be bound, the others are logged with the feature `tracing`, and
    /// this function succeeds. `[::]` also accepts IPv4 connections, unless the system is configured otherwise, and becomes
    /// `0.0.0.0` on systems without IPv6.
    ///
    /// # Errors
    /// Fails if the text is not an address with a port, if the name cannot be resolved, or if no address can be bound because it
    /// is in use, not local, or not permitted.
    pub async fn add_insecure_port(
        &mut self,
        address: impl AsRef<str>,
    ) -> Result<SocketAddr, PortError> {
        let (listeners, address) = Listener::bind(address.as_ref()).await?;
        self.listeners.extend(listeners);
        Ok(address)
    }

    /// Adds a port for connections that satisfy `credentials`: TLS connections, or with [`ServerCredentials::local`] connections
    /// from this machine. The address and the returned address are the same as for
    /// [`add_insecure_port`](Server::add_insecure_port). gRPC's `add_secure_port`.
    ///
    /// Over TLS, a client must negotiate HTTP/2 by ALPN, and complete its handshake within the
    /// [`handshake_timeout`](ServerBuilder::handshake_timeout). Failed handshakes are logged with their reason, with the feature
    /// `tracing`.
    ///
    /// # Errors
    /// Fails if the text is not an address with a port, if the name cannot be resolved, or if no address can be bound because it
    /// is in use, not local, or not permitted.
    pub async fn add_secure_port(
        &mut self,
        address: impl AsRef<str>,
        credentials: ServerCredentials,
    ) -> Result<SocketAddr, PortError> {
        let (listeners, address) = Listener::bind(address.as_ref()).await?;
        let secured = listeners
            .into_iter()
            .map(|listener| listener.secured(credentials.clone()));
        self.listeners.extend(secured);
        Ok(address)
    }

    /// Adds a unix socket in the file system for unencrypted connections. Clients use the target `unix:path`. The file is created
    /// immediately, with the process's default permissions, and removed when the server stops or is dropped. A file that a
    /// crashed server left is replaced.
    ///
    /// # Errors
    /// Fails if another server listens at the path, if the path is a file of another kind, if the directory is missing or not
    /// writable, or if the path exceeds the system's limit (108 bytes on Linux).
    #[cfg(unix)]
    pub async fn add_unix_port(&mut self, path: impl AsRef<Path>) -> Result<(), PortError> {
        self.add_listener(Listener::bind_unix(path.as_ref()).await?);
        Ok(())
    }

    /// Adds a unix socket in the abstract namespace, which has a name but no file, for unencrypted connections. Clients use the
    /// target `unix-abstract:name`. The name may be any bytes. In a target, unprintable bytes are percent-encoded. The name is
    /// free again when the server stops or is dropped.
    ///
    /// # Errors
    /// Fails if another server listens at the name, or if the name is longer than 107 bytes.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub async fn add_unix_abstract_port(
        &mut self,
        name: impl AsRef<[u8]>,
    ) -> Result<(), PortError> {
        let path = unix_name::abstract_path(name.as_ref());
        self.add_listener(Listener::bind_unix(&path).await?);
        Ok(())
    }

    /// Adds a socket that is already bound. A tokio [`TcpListener`](tokio::net::TcpListener) or `UnixListener` accepts unencrypted
    /// connections. To accept secured connections, create a [`Listener`] from the socket, and give it credentials by
    /// [`Listener::secured`].
    #[doc(alias = "grpc.so_reuseport")]
    #[doc(alias = "grpc.socket_mutator")]
    #[doc(alias = "grpc.socket_factory")]
    #[doc(alias = "grpc.tcp_receive_buffer_size")]
    #[doc(alias = "grpc.dscp")]
    pub fn add_listener(&mut self, listener: impl Into<Listener>) {
        self.listeners.push(listener.into());
    }

    /// Adds a connection that is already open: a socket, or any other stream of bytes in both directions. The server serves the
    /// connection once it has been started. A server with such a connection needs no port. The client must send HTTP/2 from the
    /// first byte, as [`Channel::over`](crate::Channel::over) does.
    ///
    /// The calls of the connection have an empty [`AuthContext`](crate::AuthContext). Their peer is the address of a tokio socket,
    /// and `unknown:` for other streams.
    ///
    /// # Errors
    /// Fails if the server has been stopped, or if the server has been started and the caller is outside of a tokio runtime.
    pub fn add_connection<I>(&self, connection: I) -> io::Result<()>
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let peer = Peer::of(&connection);
        let connection = Box::new(connection);
        match &mut *self.opened.lock().unwrap_or_else(PoisonError::into_inner) {
            Opened::Waiting(connections) => connections.push((connection, peer)),
            Opened::Served(arrivals) if *self.phase.borrow() == Phase::Serving => {
                Handle::try_current().map_err(io::Error::other)?;
                arrivals.serve(connection, peer, clock::now());
            }
            Opened::Served(_) => return Err(io::Error::other("the server was stopped")),
        }
        Ok(())
    }

    /// Returns the methods, and the record of in-process calls.
    #[cfg(feature = "client")]
    pub(crate) fn in_process(&self) -> (Arc<MethodTable>, Arc<InProcessCalls>) {
        (Arc::clone(&self.methods), Arc::clone(&self.in_process))
    }

    /// Starts accepting connections on all ports, in tasks of the current tokio runtime.
    ///
    /// # Errors
    /// Fails in these cases:
    /// - The caller is outside of a tokio runtime.
    /// - The server was started before.
    /// - The server has no port and no connection.
    /// - A method was added to [`Handlers`] by a name that is not of the form `/package.Service/Method`.
    /// - [`method_options`](ServerBuilder::method_options) names a method or a service that is not registered.
    pub fn start(&mut self) -> io::Result<()> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        if *self.phase.borrow() != Phase::Setup {
            return Err(io::Error::other("the server was already started"));
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
        let invalid = self.methods.invalid_names();
        if !invalid.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "the handlers of {} have no valid name: methods are named /package.Service/Method",
                    invalid.join(", ")
                ),
            ));
        }
        let unknown = self.methods.unknown_names();
        if !unknown.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "method_options of {}: no method or service with this name is registered",
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
            runtime.spawn(arrivals.clone().run(listener, arrival));
        }
        for (connection, peer) in waiting {
            arrivals.serve(connection, peer, clock::now());
        }
        *opened = Opened::Served(arrivals);
        Ok(())
    }

    /// Starts the server, waits for `shutdown` to complete, and stops it with `grace`. With the feature `signal`,
    /// `shutdown_signal()` completes when the system asks the program to end.
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
    /// Fails like [`start`](Server::start).
    pub async fn serve_until(&mut self, shutdown: impl Future, grace: Duration) -> io::Result<()> {
        self.start()?;
        shutdown.await;
        self.stop(grace).await;
        Ok(())
    }

    /// Stops the server. The server accepts no more connections and calls from now on. Open calls may take until the end of
    /// `grace`. Calls that are still open then are cut off, and their clients get UNAVAILABLE. A grace of zero cuts off all calls
    /// at once. Returns once the last connection is closed, which may be before the end of `grace`.
    ///
    /// Handlers are not told of a stop. [The guide](crate::manual::first_service#stopping) shows how a stream without end can end in
    /// order.
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
        self.in_process.drain();
        if !grace.is_zero() {
            // The result does not matter: the rest is cut off either way.
            drop(tokio::time::timeout(grace, self.done()).await);
        }
        self.connections.order(Order::Close);
        #[cfg(feature = "client")]
        self.in_process.close();
        self.connections.empty().await;
        self.phase.send_replace(Phase::Stopped);
    }

    /// Waits until the server has stopped. Another task must call [`stop`](Server::stop).
    pub async fn wait_for_termination(&self) {
        let mut phase = self.phase.subscribe();
        // The sender lives as long as the server, so the wait cannot fail.
        drop(phase.wait_for(|phase| *phase == Phase::Stopped).await);
    }

    /// Waits until no connection and no call is left.
    async fn done(&self) {
        self.connections.empty().await;
        #[cfg(feature = "client")]
        self.in_process.empty().await;
    }

    fn with_options(options: Options) -> Server {
        Server {
            methods: Arc::new(MethodTable::new(options)),
            listeners: Vec::new(),
            opened: Mutex::new(Opened::Waiting(Vec::new())),
            connections: Arc::default(),
            #[cfg(feature = "client")]
            in_process: Arc::default(),
            phase: watch::Sender::new(Phase::Setup),
            #[cfg(feature = "health")]
            health: None,
        }
    }
}

// This method is not in options.rs, because the options don't know the server.
impl ServerBuilder {
    /// Creates a server that has these options, no services and no ports.
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

/// Accepts the connections of one port.
#[derive(Clone)]
struct Arrivals {
    methods: Arc<MethodTable>,
    connections: Arc<Connections>,
    phase: watch::Receiver<Phase>,
}

impl Arrivals {
    /// Accepts connections until the server stops.
    async fn run(self, listener: Listener, arrival: Arrival) {
        let mut phase = self.phase.clone();
        let mut stopping = pin!(phase.wait_for(|phase| *phase != Phase::Serving));
        let upkeep = &self.methods.options.upkeep;
        while let Some((connection, peer)) =
            unless(stopping.as_mut(), listener.accept(upkeep)).await
        {
            let demand = listener.credentials.as_ref().map(ServerCredentials::demand);
            match demand {
                None => self.serve(connection, peer, clock::now()),
                Some(Demand::Local) => match peer.local_auth() {
                    Some(auth) => self.serve(connection, peer.with_auth(auth), clock::now()),
                    None => log::not_local(&peer, &listener.to_string()),
                },
                // The handshake runs in a task of its own, so that a slow client does not delay others. The number of handshakes
                // is not limited, because with a limit a few silent clients could keep everyone out.
                #[cfg(feature = "tls-no-provider")]
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
        // The port must be free before `stop` returns.
        drop(listener);
        drop(arrival);
    }

    /// Performs a TLS handshake, and serves the connection afterwards. A server that stops does not wait for it.
    #[cfg(feature = "tls-no-provider")]
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

/// Returns the output of a future, or `None` once `stop` completes.
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

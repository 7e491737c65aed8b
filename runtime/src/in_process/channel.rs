//! Channels to handlers in this process.

use std::sync::Arc;

use super::transport::InProcess;
use crate::client::Channel;
use crate::server::{Handlers, MethodTable, Server};

impl Channel {
    /// Creates a channel to handlers in this process. The channel uses no sockets and no HTTP/2, but messages, metadata, deadlines
    /// and statuses work as over a connection. Use it in tests, and to call services that run in the same process.
    #[must_use]
    pub fn in_process(handlers: Handlers) -> Channel {
        let mut methods = MethodTable::default();
        methods.add(handlers);
        Channel::over_transport(Arc::new(InProcess::new(Arc::new(methods), None)))
    }
}

impl Server {
    /// Returns a channel to this server from within its process. The channel reaches the services that are registered so far. It
    /// uses no sockets and no HTTP/2, but messages, metadata, deadlines, statuses and the server's interceptors work as over a
    /// connection. The server needs no port, and need not be [started](Server::start).
    ///
    /// [`stop`](Server::stop) ends the channel's calls like all others. If the server is dropped without being stopped, the
    /// channel's calls continue. gRPC's `InProcessChannel`.
    pub fn in_process_channel(&self) -> Channel {
        let (methods, calls) = self.in_process();
        Channel::over_transport(Arc::new(InProcess::new(methods, Some(calls))))
    }
}

//! Channels to handlers in this process.

use std::sync::Arc;

use super::transport::InProcess;
use crate::client::Channel;
use crate::server::{Handlers, MethodTable, Server};

impl Channel {
    /// Makes a channel to handlers in this process: without sockets and HTTP/2, but with the same messages, metadata, deadlines
    /// and statuses. It serves tests, and services that live in one process.
    #[must_use]
    pub fn in_process(handlers: Handlers) -> Channel {
        let mut methods = MethodTable::default();
        methods.add(handlers);
        Channel::over_transport(Arc::new(InProcess::new(Arc::new(methods), None)))
    }
}

impl Server {
    /// Returns a channel to the services that are registered so far, within this process. There are no sockets and no HTTP/2, but
    /// the same messages, metadata, deadlines, statuses, and interceptors of the server. It needs no port and no
    /// [`start`](Server::start). [`stop`](Server::stop) ends its calls like others. If the server is only dropped, they continue.
    /// gRPC's `InProcessChannel`.
    pub fn in_process_channel(&self) -> Channel {
        let (methods, calls) = self.in_process();
        Channel::over_transport(Arc::new(InProcess::new(methods, Some(calls))))
    }
}

//! Endpoints of connections.

use std::fmt;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::{HostPort, Io};
#[cfg(unix)]
use crate::base::unix_name::{self, UnixName};

/// The port of addresses that have none, as gRPC's naming has it: that of HTTPS.
const DEFAULT_PORT: u16 = 443;

/// The endpoint that a connection leads to.
#[derive(Clone)]
pub(crate) enum Endpoint {
    /// `host:port`.
    Tcp(Arc<str>),
    /// A unix socket; an abstract one begins with NUL.
    #[cfg(unix)]
    Unix(Arc<Path>),
    /// Wherever it leads, it is there already, until it is taken.
    Open(Arc<Mutex<Option<Box<dyn Io>>>>),
}

impl Endpoint {
    /// Reads `host:port`, `unix:path` or `unix-abstract:name`; an error says what is wrong.
    pub(crate) fn parse(text: &str) -> Result<Endpoint, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Endpoint::unix(path);
        }
        match text.strip_prefix("unix-abstract:") {
            Some(name) => Endpoint::unix_abstract(name),
            None => Ok(Endpoint::tcp(&HostPort::parse(text)?)),
        }
    }

    /// The address of a server at a host, at gRPC's own port unless it has one.
    pub(crate) fn tcp(address: &HostPort<'_>) -> Endpoint {
        Endpoint::Tcp(address.with_port(DEFAULT_PORT).into())
    }

    /// Reads what follows `unix:`, a path or `//` and an absolute one.
    #[cfg(unix)]
    pub(crate) fn unix(path: &str) -> Result<Endpoint, String> {
        let path = match path.strip_prefix("//") {
            Some(absolute) if absolute.starts_with('/') => absolute,
            Some(_) => return Err("behind unix:// stands an absolute path".to_owned()),
            None => path,
        };
        if path.is_empty() || path.contains('\0') {
            return Err("behind unix: stands the path of a socket".to_owned());
        }
        Ok(Endpoint::Unix(Path::new(path).into()))
    }

    /// Reads what follows `unix-abstract:`, a name that may be percent-encoded.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn unix_abstract(name: &str) -> Result<Endpoint, String> {
        let name = unix_name::decode(name.strip_prefix("//").unwrap_or(name));
        if name.is_empty() {
            return Err("behind unix-abstract: stands the name of a socket".to_owned());
        }
        Ok(Endpoint::Unix(unix_name::abstract_path(&name).into()))
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(crate) fn unix_abstract(_name: &str) -> Result<Endpoint, String> {
        Err("this system has no abstract unix sockets".to_owned())
    }

    #[cfg(not(unix))]
    pub(crate) fn unix(_path: &str) -> Result<Endpoint, String> {
        Err("this system has no unix sockets".to_owned())
    }

    pub(crate) fn open(connection: impl Io + 'static) -> Endpoint {
        Endpoint::Open(Arc::new(Mutex::new(Some(Box::new(connection)))))
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Endpoint {
        Endpoint::Tcp(address.to_string().into())
    }
}

impl PartialEq for Endpoint {
    /// A connection that is open already is like no other.
    fn eq(&self, other: &Endpoint) -> bool {
        match (self, other) {
            (Endpoint::Tcp(one), Endpoint::Tcp(other)) => one == other,
            #[cfg(unix)]
            (Endpoint::Unix(one), Endpoint::Unix(other)) => one == other,
            (Endpoint::Open(one), Endpoint::Open(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl fmt::Display for Endpoint {
    /// Writes the endpoint as in a target.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Tcp(address) => f.write_str(address),
            #[cfg(unix)]
            Endpoint::Unix(path) => UnixName(path).fmt(f),
            Endpoint::Open(_) => f.write_str("the other end of a connection"),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

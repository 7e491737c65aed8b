//! Endpoints of connections.

use std::fmt;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::{HostPort, Io};
#[cfg(unix)]
use crate::base::unix_name::{self, UnixName};

/// The default port of addresses in gRPC's naming, which is that of HTTPS.
const DEFAULT_PORT: u16 = 443;

/// The remote endpoint of a connection.
#[derive(Clone)]
pub(crate) enum Endpoint {
    /// `host:port`.
    Tcp(Arc<str>),
    /// A unix socket. The path of an abstract one begins with NUL.
    #[cfg(unix)]
    Unix(Arc<Path>),
    /// A connection that is already open, until it is taken.
    Open(Arc<Mutex<Option<Box<dyn Io>>>>),
}

impl Endpoint {
    /// Parses `host:port`, `unix:path` or `unix-abstract:name`. The error says what is wrong.
    pub(crate) fn parse(text: &str) -> Result<Endpoint, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Endpoint::unix(path);
        }
        match text.strip_prefix("unix-abstract:") {
            Some(name) => Endpoint::unix_abstract(name),
            None => Ok(Endpoint::tcp(&HostPort::parse(text)?)),
        }
    }

    /// Returns the endpoint of a host, with the default port if the address has none.
    pub(crate) fn tcp(address: &HostPort<'_>) -> Endpoint {
        Endpoint::Tcp(address.with_port(DEFAULT_PORT).into())
    }

    /// Parses the text after `unix:`: a path, or `//` and an absolute path.
    #[cfg(unix)]
    pub(crate) fn unix(path: &str) -> Result<Endpoint, String> {
        let path = match path.strip_prefix("//") {
            Some(absolute) if absolute.starts_with('/') => absolute,
            Some(_) => return Err("behind unix:// stands an absolute path".to_owned()),
            None => path,
        };
        if path.is_empty() || path.contains('\0') {
            return Err("unix: must be followed by the path of a socket".to_owned());
        }
        Ok(Endpoint::Unix(Path::new(path).into()))
    }

    /// Parses the text after `unix-abstract:`, a name that may be percent-encoded.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn unix_abstract(name: &str) -> Result<Endpoint, String> {
        let name = unix_name::decode(name.strip_prefix("//").unwrap_or(name));
        if name.is_empty() {
            return Err("unix-abstract: must be followed by the name of a socket".to_owned());
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
    /// An open connection only equals itself.
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
    /// Writes the endpoint in the form of a channel's target. An open connection has no such form, so a description is written.
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

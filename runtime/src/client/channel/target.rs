//! Where a channel leads.

use super::connector::Address;
use crate::header::Header;
use crate::transport::Io;
#[cfg(feature = "tls")]
use crate::transport::tls::ClientTls;
use crate::{Result, Status};

/// The address, the authority that calls are sent with unless they say otherwise, and what secures the connection.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) address: Address,
    pub(crate) authority: Header,
    /// `None` for a connection without encryption.
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<ClientTls>,
}

impl Target {
    /// Reads `host:port`, as in `localhost:5000` or `[::1]:5000`, or `unix:path`.
    pub(crate) fn parse(target: &str) -> Result<Target> {
        let wrong = |why: &str| {
            Status::invalid_argument(format!(
                "target {target:?}: {why}; a target is host:port, as in localhost:5000 or [::1]:5000, or a unix socket, \
                 as in unix:relative or unix:///absolute"
            ))
        };
        if let Some(path) = target.strip_prefix("unix:") {
            return Target::unix(path).map_err(wrong);
        }
        let (host, port) = target
            .rsplit_once(':')
            .ok_or_else(|| wrong("it has no port"))?;
        if host.is_empty() {
            return Err(wrong("it has no host"));
        }
        if host.contains(':') && !(host.starts_with('[') && host.ends_with(']')) {
            return Err(wrong(
                "an IPv6 address stands in brackets, and a scheme is not known here",
            ));
        }
        port.parse::<u16>()
            .map_err(|_| wrong("the port is no number up to 65535"))?;
        Ok(Target::new(Address::Tcp(target.into()), authority(target)?))
    }

    /// A connection that is open already.
    pub(crate) fn open(connection: impl Io + 'static) -> Target {
        Target::new(
            Address::open(connection),
            Header::from_static(":authority", LOCALHOST),
        )
    }

    /// What follows `unix:`, a path or `//` and an absolute one.
    #[cfg(unix)]
    fn unix(path: &str) -> Result<Target, &'static str> {
        let path = match path.strip_prefix("//") {
            Some(absolute) if absolute.starts_with('/') => absolute,
            Some(_) => return Err("behind unix:// stands an absolute path"),
            None => path,
        };
        if path.is_empty() || path.contains('\0') {
            return Err("behind unix: stands the path of a socket");
        }
        let address = Address::Unix(std::path::Path::new(path).into());
        Ok(Target::new(
            address,
            Header::from_static(":authority", LOCALHOST),
        ))
    }

    #[cfg(not(unix))]
    fn unix(_path: &str) -> Result<Target, &'static str> {
        Err("this system has no unix sockets")
    }

    fn new(address: Address, authority: Header) -> Target {
        Target {
            address,
            authority,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// The host, that of an IPv6 address in brackets.
    #[cfg(feature = "tls")]
    pub(crate) fn host(&self) -> &str {
        match &self.address {
            Address::Tcp(address) => address.rsplit_once(':').map_or(address, |(host, _)| host),
            _ => LOCALHOST,
        }
    }

    /// HTTP/2's `:scheme`.
    pub(crate) fn scheme(&self) -> Header {
        #[cfg(feature = "tls")]
        if self.tls.is_some() {
            return Header::from_static(":scheme", "https");
        }
        Header::from_static(":scheme", "http")
    }
}

/// The authority of what has no host, as other gRPC libraries have it.
const LOCALHOST: &str = "localhost";

/// The `:authority` field for a host, with or without a port.
pub(crate) fn authority(host: &str) -> Result<Header> {
    let is_plain =
        |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b'@' | b'?' | b'#' | b'\\');
    if host.is_empty() || !host.bytes().all(is_plain) {
        return Err(Status::invalid_argument(format!(
            "authority {host:?}: it is a host, with or without :port"
        )));
    }
    Ok(Header::new(b":authority", host.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_target_is_a_unix_socket() {
        for (target, path) in [
            ("unix:a/b c", "a/b c"),
            ("unix:/run/x:1", "/run/x:1"),
            ("unix:///run/x", "/run/x"),
        ] {
            let parsed = Target::parse(target).unwrap();
            assert_eq!(parsed.authority.value(), b"localhost");
            assert_eq!(parsed.address.to_string(), format!("unix:{path}"));
        }
        for target in ["unix:", "unix://", "unix://run/x", "unix:a\0b"] {
            Target::parse(target).unwrap_err();
        }
    }

    #[test]
    fn a_target_is_host_and_port() {
        for target in ["localhost:5000", "127.0.0.1:1", "[::1]:65535", "a.b.c:0"] {
            let parsed = Target::parse(target).unwrap();
            assert_eq!(parsed.authority.value(), target.as_bytes());
        }
        for target in [
            "",
            "localhost",
            ":5000",
            "::1:5000",
            "localhost:65536",
            "localhost:x",
            "http://localhost:5000",
            "host name:1",
            "a/b:1",
        ] {
            let error = Target::parse(target).unwrap_err();
            assert!(
                error.message().contains(&format!("{target:?}")) || target.contains([' ', '/']),
                "{error}"
            );
        }
    }
}

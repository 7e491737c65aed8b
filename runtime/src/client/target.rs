//! Where a channel leads.

use std::sync::Arc;

use crate::header::Header;
#[cfg(feature = "tls")]
use crate::transport::tls::Connector;
use crate::{Result, Status};

/// `host:port`, the authority that calls are sent with unless they say otherwise, and what secures the connection.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) address: Arc<str>,
    pub(crate) authority: Header,
    /// `None` for a connection without encryption.
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Connector>,
}

impl Target {
    /// Reads `host:port`, as in `localhost:5000` or `[::1]:5000`.
    pub(crate) fn parse(target: &str) -> Result<Target> {
        let wrong = |why: &str| {
            Status::invalid_argument(format!(
                "target {target:?}: {why}; a target is host:port, as in localhost:5000 or [::1]:5000"
            ))
        };
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
        Ok(Target {
            address: target.into(),
            authority: authority(target)?,
            #[cfg(feature = "tls")]
            tls: None,
        })
    }

    /// The host, that of an IPv6 address in brackets.
    #[cfg(feature = "tls")]
    pub(crate) fn host(&self) -> &str {
        self.address
            .rsplit_once(':')
            .map_or(&*self.address, |(host, _)| host)
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

//! The security of connections.

use crate::Result;
use crate::base::header::Header;
#[cfg(feature = "tls-no-provider")]
use crate::transport::tls::ClientTls;

/// The security of a connection, which credentials decide.
#[derive(Clone, Default)]
pub(crate) enum Security {
    /// Others can read the connection.
    #[default]
    Insecure,
    /// The connection does not leave this machine.
    Local,
    #[cfg(feature = "tls-no-provider")]
    Tls(ClientTls),
}

impl Security {
    /// Returns the security of connections to a server whose certificate must be for `host`. Returns a copy of this security if
    /// `host` is `None`, or without TLS.
    pub(crate) fn naming(&self, host: Option<&str>) -> Result<Security> {
        match (self, host) {
            #[cfg(feature = "tls-no-provider")]
            (Security::Tls(tls), Some(host)) => Ok(Security::Tls(tls.naming(host)?)),
            _ => Ok(self.clone()),
        }
    }

    /// Returns whether call credentials may be sent, because no one else can read them.
    pub(crate) fn is_private(&self) -> bool {
        !matches!(self, Security::Insecure)
    }

    /// Returns whether the connection is over TLS.
    pub(crate) fn is_encrypted(&self) -> bool {
        !matches!(self, Security::Insecure | Security::Local)
    }

    /// HTTP/2's `:scheme`.
    pub(crate) fn scheme(&self) -> Header {
        let scheme = if self.is_encrypted() { "https" } else { "http" };
        Header::from_static(":scheme", scheme)
    }
}

//! The session of a connection over TLS.

use std::fmt;

/// The parameters that the two ends of a connection have negotiated in the TLS handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSession {
    version: TlsVersion,
    cipher_suite: String,
    server_name: Option<String>,
    is_resumed: bool,
}

/// A version of TLS. `Display` writes it as OpenSSL and Python do, for example `TLSv1.3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    Tls1_2,
    /// TLS 1.3 (RFC 8446).
    Tls1_3,
}

impl TlsSession {
    /// Returns the version of TLS.
    pub fn version(&self) -> TlsVersion {
        self.version
    }

    /// Returns IANA's name of the cipher suite, for example `TLS_AES_128_GCM_SHA256`.
    pub fn cipher_suite(&self) -> &str {
        &self.cipher_suite
    }

    /// Returns the server name that the client asked for (SNI). Returns `None` if the client asked for none. Clients that connect
    /// to an IP address ask for no name.
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// Returns whether the connection has resumed the session of an earlier connection. The property `ssl_session_reused` of the
    /// [`AuthContext`](crate::AuthContext) has the same value.
    pub fn is_resumed(&self) -> bool {
        self.is_resumed
    }
}

#[cfg(feature = "tls-no-provider")]
impl TlsSession {
    /// Describes a session whose handshake is complete.
    pub(crate) fn of(session: &rustls::CommonState, server_name: Option<&str>) -> TlsSession {
        let suite = session.negotiated_cipher_suite();
        let suite = suite.and_then(|suite| suite.suite().as_str()).unwrap_or("");
        TlsSession {
            version: match session.protocol_version() {
                Some(rustls::ProtocolVersion::TLSv1_3) => TlsVersion::Tls1_3,
                // rustls knows only these two.
                _ => TlsVersion::Tls1_2,
            },
            // IANA's names of the suites of TLS 1.3 don't tell the version, rustls's do.
            cipher_suite: suite.replacen("TLS13_", "TLS_", 1),
            server_name: server_name.map(str::to_owned),
            is_resumed: session.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
        }
    }
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TlsVersion::Tls1_2 => "TLSv1.2",
            TlsVersion::Tls1_3 => "TLSv1.3",
        })
    }
}

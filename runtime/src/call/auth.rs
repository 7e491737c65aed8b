//! The identity of the other end of a connection.

use super::tls_session::TlsSession;

/// The name of the property for the kind of security.
const TRANSPORT_SECURITY_TYPE: &str = "transport_security_type";

/// The name of the property for the level of security.
const SECURITY_LEVEL: &str = "security_level";

/// The name of the property whose values are the certificate's DNS names, URIs, e-mail and IP addresses.
pub(crate) const SUBJECT_ALTERNATIVE_NAME: &str = "x509_subject_alternative_name";

/// The name of the property whose value is the first common name of the certificate's subject.
pub(crate) const COMMON_NAME: &str = "x509_common_name";

/// The verified identity of the other end of a connection: gRPC's `AuthContext`.
///
/// A server gets it from [`ServicerContext::auth_context`](crate::ServicerContext::auth_context), a client from the
/// [`Peer`](crate::Peer) of a [`CallEnd`](crate::CallEnd).
///
/// The context is a list of properties. Each property is a name with a text value, and a name may occur more than once. The list is
/// empty for calls within the process, and for connections without encryption and without credentials. On connections with [local
/// credentials](crate::ServerCredentials::local), `transport_security_type` is `local`, and `security_level` is
/// `TSI_PRIVACY_AND_INTEGRITY` for unix sockets and `TSI_SECURITY_NONE` for TCP. Connections over TLS have these properties:
///
/// | property | value |
/// |---|---|
/// | `transport_security_type` | `ssl` |
/// | `security_level` | `TSI_PRIVACY_AND_INTEGRITY` |
/// | `ssl_session_reused` | `true` if the connection resumed an earlier session, otherwise `false` |
/// | `x509_common_name` | the common name of the peer's certificate |
/// | `x509_subject_alternative_name` | each DNS name, URI, e-mail and IP address of the peer's certificate |
/// | `x509_pem_cert` | the peer's certificate as PEM |
/// | `x509_pem_cert_chain` | the peer's certificate and the others of its chain, as PEM |
///
/// The last four are only present if the peer sent a certificate. The handshake has verified this certificate: it fails if the
/// certificate is expired or not signed by a trusted authority.
///
/// [`tls_session`](AuthContext::tls_session) returns the version of TLS, the cipher suite and the server name that the client asked
/// for.
///
/// ```
/// use stubwright::{Result, ServicerContext, Status, TlsVersion};
///
/// fn authorize(context: &ServicerContext) -> Result<()> {
///     let auth = context.auth_context();
///     if auth.tls_session().is_none_or(|tls| tls.version() < TlsVersion::Tls1_3) {
///         return Err(Status::permission_denied("this method needs TLS 1.3"));
///     }
///     if !auth.peer_identities().any(|name| name == "billing.example") {
///         return Err(Status::permission_denied("this method is for billing.example"));
///     }
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug, Default)]
pub struct AuthContext {
    properties: Vec<(&'static str, String)>,
    certificates: Vec<Vec<u8>>,
    session: Option<TlsSession>,
}

/// The protection of a connection against others who read or change its data: gRPC's `grpc_security_level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SecurityLevel {
    /// Others may read and change the data.
    None,
    /// Others may read the data, but not change it unnoticed.
    IntegrityOnly,
    /// Others can neither read the data nor change it unnoticed.
    PrivacyAndIntegrity,
}

impl SecurityLevel {
    const ALL: [SecurityLevel; 3] = [
        SecurityLevel::None,
        SecurityLevel::IntegrityOnly,
        SecurityLevel::PrivacyAndIntegrity,
    ];

    /// Returns gRPC's name of the level, as in the property `security_level`.
    pub fn name(self) -> &'static str {
        match self {
            SecurityLevel::None => "TSI_SECURITY_NONE",
            SecurityLevel::IntegrityOnly => "TSI_INTEGRITY_ONLY",
            SecurityLevel::PrivacyAndIntegrity => "TSI_PRIVACY_AND_INTEGRITY",
        }
    }
}

/// The context of a connection that is not secured.
static UNSECURED: AuthContext = AuthContext {
    properties: Vec::new(),
    certificates: Vec::new(),
    session: None,
};

impl AuthContext {
    /// Returns all properties, in the order of the table above. gRPC Python's `context.auth_context()`.
    pub fn properties(&self) -> impl Iterator<Item = (&str, &str)> {
        self.properties
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
    }

    /// Returns the values of one property. The iterator is empty if there is no such property.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.properties()
            .filter(move |(other, _)| *other == name)
            .map(|(_, value)| value)
    }

    /// Returns whether the connection is encrypted by TLS.
    pub fn is_secure(&self) -> bool {
        self.transport_security_type() == Some("ssl")
    }

    /// Returns the property `transport_security_type`: `ssl` or `local`. Returns `None` if the connection is not secured.
    pub fn transport_security_type(&self) -> Option<&str> {
        self.values(TRANSPORT_SECURITY_TYPE).next()
    }

    /// Returns the property `security_level`. Returns [`SecurityLevel::None`] if the connection is not secured.
    pub fn security_level(&self) -> SecurityLevel {
        let named = self.values(SECURITY_LEVEL).next();
        let mut levels = SecurityLevel::ALL.into_iter();
        levels
            .find(|level| named == Some(level.name()))
            .unwrap_or(SecurityLevel::None)
    }

    /// Returns the parameters that were negotiated in the TLS handshake. Returns `None` without TLS.
    pub fn tls_session(&self) -> Option<&TlsSession> {
        self.session.as_ref()
    }

    /// Returns the certificate chain that the other end sent, in DER, beginning with its own certificate. The iterator is empty if
    /// the other end sent no certificate.
    pub fn peer_certificates(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.certificates.iter().map(Vec::as_slice)
    }

    /// Returns the name of the property that identifies the other end: `x509_subject_alternative_name` if its certificate has such
    /// names, otherwise `x509_common_name`. Returns `None` if there is no certificate, or if the certificate has no names. gRPC's
    /// `peer_identity_key`.
    pub fn peer_identity_key(&self) -> Option<&'static str> {
        let has = |key: &str| self.values(key).next().is_some();
        [SUBJECT_ALTERNATIVE_NAME, COMMON_NAME]
            .into_iter()
            .find(|key| has(key))
    }

    /// Returns the names that identify the other end. The iterator is empty if there is no certificate, or if the certificate has
    /// no names. gRPC's `peer_identities`.
    pub fn peer_identities(&self) -> impl Iterator<Item = &str> {
        self.values(self.peer_identity_key().unwrap_or_default())
    }

    /// Returns the context of a connection that is not secured.
    pub(crate) fn unsecured() -> &'static AuthContext {
        &UNSECURED
    }

    /// Returns the context of a connection within this machine.
    pub(crate) fn local(security_level: SecurityLevel) -> AuthContext {
        AuthContext::of("local", security_level)
    }

    pub(crate) fn push(&mut self, name: &'static str, value: String) {
        self.properties.push((name, value));
    }

    fn of(security_type: &str, security_level: SecurityLevel) -> AuthContext {
        AuthContext {
            properties: vec![
                (TRANSPORT_SECURITY_TYPE, security_type.into()),
                (SECURITY_LEVEL, security_level.name().into()),
            ],
            ..AuthContext::default()
        }
    }
}

#[cfg(feature = "tls-no-provider")]
impl AuthContext {
    /// Returns the context of a connection over TLS, without a certificate of the peer.
    pub(crate) fn secured(session: TlsSession) -> AuthContext {
        let mut context = AuthContext::of("ssl", SecurityLevel::PrivacyAndIntegrity);
        context.push("ssl_session_reused", session.is_resumed().to_string());
        context.session = Some(session);
        context
    }

    /// Sets the certificates that the peer sent, its own first.
    pub(crate) fn set_certificates(&mut self, certificates: Vec<Vec<u8>>) {
        self.certificates = certificates;
    }
}

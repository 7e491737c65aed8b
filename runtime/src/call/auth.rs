//! The identity of the other end of a connection.

/// The name of the property for the kind of security.
const TRANSPORT_SECURITY_TYPE: &str = "transport_security_type";

/// The name of the property whose values are the certificate's DNS names, URIs, e-mail and IP addresses.
pub(crate) const SUBJECT_ALTERNATIVE_NAME: &str = "x509_subject_alternative_name";

/// The name of the property whose value is the first common name of the certificate's subject.
pub(crate) const COMMON_NAME: &str = "x509_common_name";

/// The verified identity of the other end of a connection: gRPC's `AuthContext`.
///
/// It is a list of properties. Each property is a name with a text value, and a name may occur more than once. The list is
/// empty for calls within the process, and for connections without encryption and without credentials. On connections with
/// [local credentials](crate::ServerCredentials::local), `transport_security_type` is `local`, and `security_level` is
/// `TSI_PRIVACY_AND_INTEGRITY` for unix sockets and `TSI_SECURITY_NONE` for TCP. Connections over TLS have:
///
/// | property | value |
/// |---|---|
/// | `transport_security_type` | `ssl` |
/// | `security_level` | `TSI_PRIVACY_AND_INTEGRITY` |
/// | `x509_common_name` | the common name of the client's certificate |
/// | `x509_subject_alternative_name` | each DNS name, URI, e-mail and IP address of the client's certificate |
/// | `x509_pem_cert` | the client's certificate as PEM |
/// | `x509_pem_cert_chain` | the client's certificate and the others of its chain, as PEM |
///
/// The last four are only present if the client sent a certificate. Such a certificate is always valid: the handshake fails
/// if it is expired or not signed by one of the server's authorities.
#[derive(Clone, Debug, Default)]
pub struct AuthContext {
    properties: Vec<(&'static str, String)>,
    certificates: Vec<Vec<u8>>,
}

/// The context of a connection that is not secured.
static UNSECURED: AuthContext = AuthContext {
    properties: Vec::new(),
    certificates: Vec::new(),
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

    /// Returns whether the connection is encrypted.
    pub fn is_secure(&self) -> bool {
        self.values(TRANSPORT_SECURITY_TYPE)
            .any(|kind| kind == "ssl")
    }

    /// Returns the certificate chain of the other end, as DER, its own certificate first. The iterator is empty if it sent
    /// none.
    pub fn peer_certificates(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.certificates.iter().map(Vec::as_slice)
    }

    /// Returns the name of the property that identifies the other end: `x509_subject_alternative_name` if its certificate has
    /// such names, otherwise `x509_common_name`. Returns `None` if it has neither. gRPC's `peer_identity_key`.
    pub fn peer_identity_key(&self) -> Option<&'static str> {
        let has = |key: &str| self.values(key).next().is_some();
        [SUBJECT_ALTERNATIVE_NAME, COMMON_NAME]
            .into_iter()
            .find(|key| has(key))
    }

    /// Returns the names that identify the other end. The iterator is empty if it sent no certificate. gRPC's
    /// `peer_identities`.
    pub fn peer_identities(&self) -> impl Iterator<Item = &str> {
        self.values(self.peer_identity_key().unwrap_or_default())
    }

    /// Returns the context of a connection that is not secured.
    pub(crate) fn unsecured() -> &'static AuthContext {
        &UNSECURED
    }
}

#[cfg(feature = "server")]
impl AuthContext {
    pub(crate) fn push(&mut self, name: &'static str, value: String) {
        self.properties.push((name, value));
    }

    /// Returns the context of a connection within this machine.
    pub(crate) fn local(security_level: &str) -> AuthContext {
        AuthContext {
            properties: vec![
                (TRANSPORT_SECURITY_TYPE, "local".into()),
                ("security_level", security_level.into()),
            ],
            certificates: Vec::new(),
        }
    }
}

#[cfg(all(feature = "server", feature = "tls-no-provider"))]
impl AuthContext {
    /// Returns the context of a connection over TLS, without a certificate of the peer.
    pub(crate) fn secured() -> AuthContext {
        AuthContext {
            properties: vec![
                (TRANSPORT_SECURITY_TYPE, "ssl".into()),
                ("security_level", "TSI_PRIVACY_AND_INTEGRITY".into()),
            ],
            certificates: Vec::new(),
        }
    }

    /// Sets the certificates that the peer sent, its own first.
    pub(crate) fn set_certificates(&mut self, certificates: Vec<Vec<u8>>) {
        self.certificates = certificates;
    }
}

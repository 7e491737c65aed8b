//! The identity of the other end of a connection.

/// The property that says by what the transport is secured.
const TRANSPORT_SECURITY_TYPE: &str = "transport_security_type";

/// The property with the names in the certificate: each DNS name, URI, e-mail and IP address is a value.
pub(crate) const SUBJECT_ALTERNATIVE_NAME: &str = "x509_subject_alternative_name";

/// The property with the first common name of the certificate's subject.
pub(crate) const COMMON_NAME: &str = "x509_common_name";

/// The identity of the other end of a connection, as far as the transport has verified it: gRPC's `AuthContext`.
///
/// It is a list of properties, each a name and a text; a name may come more than once. Without encryption, and in-process,
/// it is empty. At a port with [local credentials](crate::ServerCredentials::local) `transport_security_type` is `local`, and
/// `security_level` is `TSI_PRIVACY_AND_INTEGRITY` for unix sockets, `TSI_SECURITY_NONE` otherwise. Over TLS it has:
///
/// | property | value |
/// |---|---|
/// | `transport_security_type` | `ssl` |
/// | `security_level` | `TSI_PRIVACY_AND_INTEGRITY` |
/// | `x509_common_name` | the common name of the client's certificate |
/// | `x509_subject_alternative_name` | each DNS name, URI, e-mail and IP address of the client's certificate |
/// | `x509_pem_cert` | the client's certificate as PEM |
/// | `x509_pem_cert_chain` | the certificate and those it was sent with, as PEM |
///
/// The last four are there when the client has shown a certificate, which only one that holds has done: a certificate that
/// the server's authorities have not signed, or that is out of its time, is refused at the handshake.
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

    /// Returns the values of one property; none when it is not there.
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

    /// Returns the certificate of the other end, and those that were sent with it, as DER; empty when it has shown none.
    pub fn peer_certificates(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.certificates.iter().map(Vec::as_slice)
    }

    /// Returns the name of the property that identifies the other end: `x509_subject_alternative_name` if its certificate has
    /// such names, else `x509_common_name`; `None` when it has neither. gRPC's `peer_identity_key`.
    pub fn peer_identity_key(&self) -> Option<&'static str> {
        let has = |key: &str| self.values(key).next().is_some();
        [SUBJECT_ALTERNATIVE_NAME, COMMON_NAME]
            .into_iter()
            .find(|key| has(key))
    }

    /// Returns the names that identify the other end; none when it has shown no certificate. gRPC's `peer_identities`.
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

#[cfg(all(feature = "server", feature = "tls"))]
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

    /// Takes what the peer has shown, its own certificate first.
    pub(crate) fn set_certificates(&mut self, certificates: Vec<Vec<u8>>) {
        self.certificates = certificates;
    }
}

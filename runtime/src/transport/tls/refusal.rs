//! Explanations why a handshake failed, and how to fix it.

use std::fmt;
use std::io;
use std::sync::Arc;

use der::DateTime;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::{AlertDescription, CertificateError, InconsistentKeys, OtherError};

use super::NO_H2;
use crate::Status;

/// The peer's role in a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PeerRole {
    #[cfg(feature = "client")]
    Server,
    #[cfg(feature = "server")]
    Client,
}

impl PeerRole {
    fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "client")]
            PeerRole::Server => "server",
            #[cfg(feature = "server")]
            PeerRole::Client => "client",
        }
    }
}

/// Reasons for refusing a certificate for which rustls has no error.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The certificate's X.509 version is older than 3.
    Version(u8),
    /// The certificate belongs to an authority, and is not trusted itself.
    Authority,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Version(number) => write!(
                f,
                "has version {number} of X.509, which has no field for host names; version 3 is required: create it with \
                 `openssl req -x509 -addext subjectAltName=DNS:localhost`, or pass `openssl x509 -req` an `-extfile` \
                 with a subjectAltName"
            ),
            Refusal::Authority => f.write_str(
                "belongs to a certificate authority (CA:TRUE), which a peer may only use if it is itself one of the root \
                 certificates: create the peer's certificate with `-addext basicConstraints=critical,CA:FALSE`",
            ),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for rustls::Error {
    fn from(refusal: Refusal) -> rustls::Error {
        CertificateError::Other(OtherError(Arc::new(refusal))).into()
    }
}

/// Explains why a handshake with a peer failed.
pub(super) fn reason(error: &io::Error, peer: PeerRole) -> String {
    let cause = error.get_ref().and_then(|error| error.downcast_ref());
    let owner = peer.name();
    match cause {
        Some(rustls::Error::InvalidCertificate(error)) => {
            format!("the {owner}'s certificate {}", why(error))
        }
        Some(rustls::Error::NoCertificatesPresented) => {
            format!("the {owner} presented no certificate, but must")
        }
        Some(rustls::Error::InvalidMessage(_)) => {
            format!("the peer does not speak TLS on this port{}", hint(peer))
        }
        Some(
            rustls::Error::NoApplicationProtocol
            | rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol),
        ) => NO_H2.into(),
        Some(rustls::Error::AlertReceived(alert)) => refused_by(*alert),
        _ if error.kind() == io::ErrorKind::UnexpectedEof => {
            format!(
                "the peer closed the connection during the handshake{}",
                hint(peer)
            )
        }
        _ => error.to_string(),
    }
}

/// Creates the error of an argument that rustls refuses. `certificate` names the certificate that may be at fault.
pub(crate) fn invalid(what: &str, certificate: &str, error: rustls::Error) -> Status {
    let why = match &error {
        rustls::Error::InvalidCertificate(error) => format!("{certificate} {}", why(error)),
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            "the key does not belong to the certificate: `openssl x509 -noout -pubkey` and `openssl pkey -pubout` must print \
             the same"
                .to_owned()
        }
        other => other.to_string(),
    };
    Status::invalid_argument(format!("{what}: {why}")).with_source(error)
}

/// Explains what is wrong with a certificate. The text follows the certificate's name in a sentence.
#[allow(
    deprecated,
    reason = "rustls deprecates some variants, and may still give them"
)]
fn why(error: &CertificateError) -> String {
    match error {
        CertificateError::BadEncoding => "cannot be parsed".to_owned(),
        CertificateError::ExpiredContext { not_after, .. } => format!(
            "expired on {}: create a new one, with `-days`",
            date(*not_after)
        ),
        CertificateError::NotValidYetContext { not_before, .. } => format!(
            "is not valid before {}: set the clock of this machine, or create a new certificate",
            date(*not_before)
        ),
        CertificateError::UnknownIssuer => {
            "is not signed by any of the trusted root certificates: add the certificate of its authority (the argument of \
             `openssl x509 -req -CA`), or, if it is self-signed, the certificate itself"
                .to_owned()
        }
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => wrong_name(expected, presented),
        CertificateError::BadSignature => {
            "has a signature that does not match the key of the trusted authority with its issuer's name (the authority may \
             have been created anew), or an RSA key shorter than 2048 bits (use `-newkey rsa:2048`)"
                .to_owned()
        }
        CertificateError::UnsupportedSignatureAlgorithm
        | CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "is signed with an unsupported algorithm: sign it with `-sha256`, and with a key of RSA (`-newkey rsa:2048`), \
             P-256 or P-384 (`-newkey ec -pkeyopt ec_paramgen_curve:prime256v1`) or Ed25519"
                .to_owned()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "is not valid for this purpose (extended key usage): create it with \
             `-addext extendedKeyUsage=serverAuth,clientAuth`, or without that extension"
                .to_owned()
        }
        CertificateError::UnhandledCriticalExtension => {
            "has an unknown critical extension".to_owned()
        }
        CertificateError::Other(OtherError(other)) => match other.downcast_ref::<Refusal>() {
            Some(refusal) => refusal.to_string(),
            None => format!("is not accepted ({other})"),
        },
        other => format!("is not accepted ({other})"),
    }
}

fn wrong_name(expected: &ServerName<'_>, presented: &[String]) -> String {
    let kind = match expected {
        ServerName::IpAddress(_) => "IP",
        _ => "DNS",
    };
    let expected = expected.to_str();
    let names = if presented.is_empty() {
        format!("has no subject alternative name, so it is not valid for {expected}")
    } else {
        format!("is valid for {}, not for {expected}", presented.join(", "))
    };
    format!(
        "{names}: create it with `openssl req -addext subjectAltName={kind}:{expected}`, or set the expected name by \
         `ChannelCredentials::server_name`"
    )
}

/// Explains an alert of the peer, which may arrive during the handshake or, in TLS 1.3, after it. Only the peer has the details.
fn refused_by(alert: AlertDescription) -> String {
    let meaning = match alert {
        AlertDescription::UnknownCA => {
            ": it trusts no authority that signed this side's certificate. Its roots must include that authority's \
             certificate, or this side's own if it is self-signed"
        }
        AlertDescription::CertificateExpired => {
            ": by its clock, this side's certificate is not valid now. `openssl x509 -noout -dates` shows when it is"
        }
        AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnsupportedCertificate => {
            ": it does not accept this side's certificate. `openssl x509 -noout -text` shows its version, its names \
             (subjectAltName) and its uses"
        }
        AlertDescription::CertificateRequired => ": it requires a certificate from this side",
        AlertDescription::DecryptError => {
            ": a signature is wrong, either of the handshake or of a certificate. An authority may have been created anew"
        }
        AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure => {
            ": it supports neither TLS 1.2 nor 1.3, or none of the ciphers of this side"
        }
        _ => "",
    };
    format!("the peer refused the connection with the alert {alert:?}{meaning}")
}

/// Explains the alert that ended a connection, if the error is one.
pub(crate) fn alert(error: &io::Error) -> Option<String> {
    match error.get_ref()?.downcast_ref()? {
        rustls::Error::AlertReceived(alert) => Some(refused_by(*alert)),
        _ => None,
    }
}

/// Suggests what to do about a peer that does not speak TLS.
fn hint(peer: PeerRole) -> &'static str {
    match peer {
        #[cfg(feature = "client")]
        PeerRole::Server => ": for a server without TLS, use Channel::insecure",
        #[cfg(feature = "server")]
        PeerRole::Client => "",
    }
}

/// Formats a time by RFC 3339, or as the seconds since 1970 if it is out of that range.
fn date(time: UnixTime) -> String {
    let since = std::time::Duration::from_secs(time.as_secs());
    match DateTime::from_unix_duration(since) {
        Ok(date) => date.to_string(),
        Err(_) => format!("{} seconds after 1970", since.as_secs()),
    }
}

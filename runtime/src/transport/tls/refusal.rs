//! Why a handshake fails, in words, and what cures it.

use std::fmt;
use std::io;
use std::sync::Arc;

use der::DateTime;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::{AlertDescription, CertificateError, InconsistentKeys, OtherError};

use super::NO_H2;
use crate::Status;

/// Which end of a connection the peer is.
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

/// Why a certificate is refused, where rustls has no error for it.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It is of an older version of X.509 than 3.
    Version(u8),
    /// It is an authority's, and none that is trusted itself.
    Authority,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Version(number) => write!(
                f,
                "is of version {number} of X.509, which cannot say whom it is for; version 3 is needed: make it with `openssl req \
                 -x509 -addext subjectAltName=DNS:localhost`, or give `openssl x509 -req` an `-extfile` with a \
                 subjectAltName"
            ),
            Refusal::Authority => f.write_str(
                "is an authority's (CA:TRUE), which counts for a peer only where it is itself one of the root \
                 certificates: make the peer's own with `-addext basicConstraints=critical,CA:FALSE`",
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

/// Why a handshake with a peer failed.
pub(super) fn reason(error: &io::Error, peer: PeerRole) -> String {
    let cause = error.get_ref().and_then(|error| error.downcast_ref());
    let owner = peer.name();
    match cause {
        Some(rustls::Error::InvalidCertificate(error)) => {
            format!("the {owner}'s certificate {}", why(error))
        }
        Some(rustls::Error::NoCertificatesPresented) => {
            format!("the {owner} shows no certificate, and has to")
        }
        Some(rustls::Error::InvalidMessage(_)) => {
            format!("the peer does not speak TLS, or not here{}", hint(peer))
        }
        Some(
            rustls::Error::NoApplicationProtocol
            | rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol),
        ) => NO_H2.into(),
        Some(rustls::Error::AlertReceived(alert)) => refused_by(*alert),
        _ if error.kind() == io::ErrorKind::UnexpectedEof => {
            format!(
                "the peer closed the connection in the handshake{}",
                hint(peer)
            )
        }
        _ => error.to_string(),
    }
}

/// The error of something that was given and that rustls does not take; `certificate` names the one that may be wrong.
pub(crate) fn invalid(what: &str, certificate: &str, error: rustls::Error) -> Status {
    let why = match &error {
        rustls::Error::InvalidCertificate(error) => format!("{certificate} {}", why(error)),
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            "the key is not that of the certificate: `openssl x509 -noout -pubkey` and `openssl pkey -pubout` have to print \
             the same"
                .to_owned()
        }
        other => other.to_string(),
    };
    Status::invalid_argument(format!("{what}: {why}")).with_source(error)
}

/// What is wrong with a certificate: what follows its name in a sentence.
#[allow(
    deprecated,
    reason = "rustls deprecates some variants, and may still give them"
)]
fn why(error: &CertificateError) -> String {
    match error {
        CertificateError::BadEncoding => "cannot be read".to_owned(),
        CertificateError::ExpiredContext { not_after, .. } => format!(
            "expired on {}: make a new one, with `-days`",
            date(*not_after)
        ),
        CertificateError::NotValidYetContext { not_before, .. } => format!(
            "is not good before {}, and it is not yet: set the clock of this machine, or make a new one",
            date(*not_before)
        ),
        CertificateError::UnknownIssuer => {
            "is signed by none of the root certificates that are trusted here: give the certificate of its authority, which \
             `openssl x509 -req -CA` has signed it with, or, if it is signed by itself, that very certificate"
                .to_owned()
        }
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => wrong_name(expected, presented),
        CertificateError::BadSignature => {
            "has a signature that is not by the key of the trusted authority of its issuer's name, which may have been made \
             anew since, or RSA keys that are shorter than 2048 bits: `-newkey rsa:2048`"
                .to_owned()
        }
        CertificateError::UnsupportedSignatureAlgorithm
        | CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "is signed by an algorithm that is not accepted: sign it with `-sha256`, and with a key of RSA (`-newkey rsa:2048`), \
             P-256 or P-384 (`-newkey ec -pkeyopt ec_paramgen_curve:prime256v1`) or Ed25519"
                .to_owned()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "is for other purposes (extended key usage): make it with `-addext extendedKeyUsage=serverAuth,clientAuth`, or \
             without"
                .to_owned()
        }
        CertificateError::UnhandledCriticalExtension => {
            "has a critical extension that is not understood here".to_owned()
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
        format!("has no subject alternative name, and is not for {expected}")
    } else {
        format!("is for {}, and not for {expected}", presented.join(", "))
    };
    format!(
        "{names}: make it with `openssl req -addext subjectAltName={kind}:{expected}`, or expect another name of it by \
         `ChannelCredentials::server_name`"
    )
}

/// What the peer says by an alert, which may come in the handshake and, in TLS 1.3, behind it. It is the peer that has the details.
fn refused_by(alert: AlertDescription) -> String {
    let meaning = match alert {
        AlertDescription::UnknownCA => {
            ": it trusts no authority behind the certificate of this end. As a root it needs that authority's certificate, or \
             this one itself if it is self-signed"
        }
        AlertDescription::CertificateExpired => {
            ": it finds that the certificate of this end is not good now. `openssl x509 -noout -dates` shows when it is"
        }
        AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnsupportedCertificate => {
            ": it does not accept the certificate of this end. `openssl x509 -noout -text` shows its version, its names \
             (subjectAltName) and its uses"
        }
        AlertDescription::CertificateRequired => ": it requires a certificate of this end",
        AlertDescription::DecryptError => {
            ": a signature does not fit, that of the handshake or that of a certificate. An authority may have been made anew"
        }
        AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure => {
            ": it has no version or no cipher in common with TLS 1.2 and 1.3 as they are here"
        }
        _ => "",
    };
    format!("the peer refused it by the alert {alert:?}{meaning}")
}

/// What the peer said by an alert with which a connection was lost, if that is what happened.
pub(crate) fn alert(error: &io::Error) -> Option<String> {
    match error.get_ref()?.downcast_ref()? {
        rustls::Error::AlertReceived(alert) => Some(refused_by(*alert)),
        _ => None,
    }
}

/// What to do about a peer that does not speak TLS.
fn hint(peer: PeerRole) -> &'static str {
    match peer {
        #[cfg(feature = "client")]
        PeerRole::Server => {
            ": servers without encryption, at the other end of such a port, are for Channel::insecure"
        }
        #[cfg(feature = "server")]
        PeerRole::Client => "",
    }
}

/// As RFC 3339 has it; the seconds since 1970 for what is beyond that.
fn date(time: UnixTime) -> String {
    let since = std::time::Duration::from_secs(time.as_secs());
    match DateTime::from_unix_duration(since) {
        Ok(date) => date.to_string(),
        Err(_) => format!("{} seconds after 1970", since.as_secs()),
    }
}

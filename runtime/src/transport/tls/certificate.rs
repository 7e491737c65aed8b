//! A parser for those parts of X.509 certificates (RFC 5280, 4.1) that gRPC or an error message needs.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use der::asn1::{AnyRef, GeneralizedTime, UtcTime};
use der::{Decode, Reader, SliceReader, Tag, TagNumber, Tagged};
use rustls::pki_types::{ServerName, UnixTime};

/// A parsed certificate. Nothing in it has been verified.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Certificate {
    /// The version number in its usual form: 1 or 3.
    pub(super) version: u8,
    pub(super) not_before: Duration,
    pub(super) not_after: Duration,
    /// Set if subject and issuer are equal, which usually means that the certificate is self-signed.
    pub(super) is_self_issued: bool,
    pub(super) common_name: Option<String>,
    /// The DNS names, URIs, e-mail addresses and IP addresses.
    pub(super) alternative_names: Vec<String>,
    /// Set if the certificate may sign others (`CA:TRUE`).
    pub(super) is_authority: bool,
    /// The purposes that the extended key usage allows. Without that extension, all are allowed.
    pub(super) purposes: Purposes,
}

/// The two purposes of certificates in TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Purposes {
    pub(super) server: bool,
    pub(super) client: bool,
}

impl Default for Purposes {
    fn default() -> Purposes {
        Purposes {
            server: true,
            client: true,
        }
    }
}

/// `id-at-commonName`, 2.5.4.3 (RFC 5280, appendix A.1).
const ID_COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// `id-ce-subjectAltName`, 2.5.29.17 (RFC 5280, 4.2.1.6).
const ID_SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// `id-ce-basicConstraints`, 2.5.29.19 (RFC 5280, 4.2.1.9).
const ID_BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];

/// `id-ce-extKeyUsage`, 2.5.29.37 (RFC 5280, 4.2.1.12), and three of its values.
const ID_EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
const ANY_USAGE: &[u8] = &[0x55, 0x1d, 0x25, 0x00];
const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
const CLIENT_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];

/// The tags of the version and of the extensions.
const VERSION: u32 = 0;
const EXTENSIONS: u32 = 3;

impl Certificate {
    /// Parses a certificate in DER.
    pub(super) fn read(certificate: &[u8]) -> der::Result<Certificate> {
        let signed = parts(AnyRef::from_der(certificate)?)?;
        let fields = signed
            .first()
            .map_or(Ok(Vec::new()), |first| parts(*first))?;
        let mut read = Certificate {
            version: 1,
            ..Certificate::default()
        };
        // The version, before the serial number, is optional.
        let serial = fields.iter().position(|field| field.tag() == Tag::Integer);
        let behind_serial = serial.and_then(|serial| fields.get(serial + 1..));
        if let Some([_signature, issuer, validity, subject, ..]) = behind_serial {
            read.is_self_issued = issuer.value() == subject.value();
            read.common_name = common_name(*subject)?;
            if let [not_before, not_after] = parts(*validity)?.as_slice() {
                read.not_before = time(*not_before)?;
                read.not_after = time(*not_after)?;
            }
        }
        for field in &fields {
            if is_context(*field, VERSION) {
                let number = AnyRef::from_der(field.value())?;
                read.version = number.value().last().map_or(1, |last| last.wrapping_add(1));
            } else if is_context(*field, EXTENSIONS) {
                for extension in parts(AnyRef::from_der(field.value())?)? {
                    read.read_extension(extension)?;
                }
            }
        }
        Ok(read)
    }

    /// Returns whether the common name matches this host, either exactly or as a wildcard (`*.` and the host's domain). It never
    /// matches an IP address (RFC 6125, 6.4.4).
    pub(super) fn is_commonly_named(&self, host: &ServerName<'_>) -> bool {
        let (Some(common), ServerName::DnsName(host)) = (&self.common_name, host) else {
            return false;
        };
        let host = host.as_ref().trim_end_matches('.');
        match (common.strip_prefix("*."), host.split_once('.')) {
            (Some(rest), Some((_, domain))) => {
                rest.contains('.') && rest.eq_ignore_ascii_case(domain)
            }
            (Some(_), None) => false,
            (None, _) => common.eq_ignore_ascii_case(host),
        }
    }

    /// Compares a time with the certificate's validity period.
    pub(super) fn validity(&self, now: UnixTime) -> Validity {
        let now = Duration::from_secs(now.as_secs());
        if now < self.not_before {
            Validity::NotYet
        } else if now > self.not_after {
            Validity::Over
        } else {
            Validity::Good
        }
    }

    fn read_extension(&mut self, extension: AnyRef<'_>) -> der::Result<()> {
        let parts_of_extension = parts(extension)?;
        let (Some(id), Some(value)) = (parts_of_extension.first(), parts_of_extension.last())
        else {
            return Ok(());
        };
        match id.value() {
            ID_SUBJECT_ALT_NAME => {
                for name in parts(AnyRef::from_der(value.value())?)? {
                    self.alternative_names.extend(alternative_name(name));
                }
            }
            ID_BASIC_CONSTRAINTS => {
                let constraints = parts(AnyRef::from_der(value.value())?)?;
                self.is_authority = constraints.first().is_some_and(|first| {
                    first.tag() == Tag::Boolean && first.value().iter().any(|byte| *byte != 0)
                });
            }
            ID_EXTENDED_KEY_USAGE => {
                let usages = parts(AnyRef::from_der(value.value())?)?;
                let is_for = |purpose: &[u8]| {
                    let mut usages = usages.iter().map(|usage| usage.value());
                    usages.any(|usage| usage == purpose || usage == ANY_USAGE)
                };
                self.purposes = Purposes {
                    server: is_for(SERVER_AUTH),
                    client: is_for(CLIENT_AUTH),
                };
            }
            _ => {}
        }
        Ok(())
    }
}

/// The position of a time relative to a validity period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Validity {
    NotYet,
    Good,
    Over,
}

/// Returns the first common name in a distinguished name, which is a sequence of sets of pairs.
fn common_name(subject: AnyRef<'_>) -> der::Result<Option<String>> {
    for set in parts(subject)? {
        for pair in parts(set)? {
            if let [id, value, ..] = parts(pair)?.as_slice() {
                if id.value() == ID_COMMON_NAME {
                    return Ok(Some(text(value.value())));
                }
            }
        }
    }
    Ok(None)
}

/// Returns a DNS name, URI, e-mail address or IP address as text, or `None` for names of other kinds.
fn alternative_name(name: AnyRef<'_>) -> Option<String> {
    if (1..=2).chain([6]).any(|number| is_context(name, number)) {
        return Some(text(name.value()));
    }
    is_context(name, 7).then(|| ip_address(name.value()))?
}

fn ip_address(bytes: &[u8]) -> Option<String> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(v4).to_string());
    }
    let v6 = <[u8; 16]>::try_from(bytes).ok()?;
    Some(Ipv6Addr::from(v6).to_string())
}

/// Parses a time of either form, as the duration since 1970.
fn time(time: AnyRef<'_>) -> der::Result<Duration> {
    if time.tag() == Tag::UtcTime {
        return Ok(time.decode_as::<UtcTime>()?.to_unix_duration());
    }
    Ok(time.decode_as::<GeneralizedTime>()?.to_unix_duration())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn is_context(value: AnyRef<'_>, number: u32) -> bool {
    matches!(value.tag(), Tag::ContextSpecific { number: is, .. } if is == TagNumber(number))
}

/// Returns the elements of a constructed value.
fn parts(value: AnyRef<'_>) -> der::Result<Vec<AnyRef<'_>>> {
    let mut reader = SliceReader::new(value.value())?;
    let mut parts = Vec::new();
    while !reader.is_finished() {
        parts.push(AnyRef::decode(&mut reader)?);
    }
    Ok(parts)
}

//! What an X.509 certificate says (RFC 5280, 4.1), as far as gRPC or a person asks.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use der::asn1::{AnyRef, GeneralizedTime, UtcTime};
use der::{Decode, Reader, SliceReader, Tag, TagNumber, Tagged};
use rustls::pki_types::{ServerName, UnixTime};

/// A certificate that has been read. Nothing of it has been verified.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Certificate {
    /// The version as people count: 1 or 3.
    pub(super) version: u8,
    pub(super) not_before: Duration,
    pub(super) not_after: Duration,
    /// The subject is the issuer, so that it is signed by itself as a rule.
    pub(super) is_self_issued: bool,
    pub(super) common_name: Option<String>,
    /// DNS names, URIs, e-mails and IP addresses.
    pub(super) alternative_names: Vec<String>,
    /// Whether it says that it signs others (`CA:TRUE`).
    pub(super) is_authority: bool,
    /// Whether it may be used by servers and by clients: extended key usages, when it has some, restrict it.
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
    /// Reads a certificate in DER.
    pub(super) fn read(certificate: &[u8]) -> der::Result<Certificate> {
        let signed = parts(AnyRef::from_der(certificate)?)?;
        let fields = signed
            .first()
            .map_or(Ok(Vec::new()), |first| parts(*first))?;
        let mut read = Certificate {
            version: 1,
            ..Certificate::default()
        };
        // The version before the serial number may be left out.
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

    /// Whether the common name is this host's, an exact name or `*.` and the rest of one. It is no one's address (RFC 6125, 6.4.4).
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

    /// Whether a moment lies before, within or behind the time that the certificate is good for.
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

/// Where a moment lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Validity {
    NotYet,
    Good,
    Over,
}

/// The first common name in a distinguished name: a sequence of sets of pairs.
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

/// A DNS name, URI, e-mail or IP address; nothing for names of other kinds.
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

/// A time of either form, since 1970.
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

/// What a constructed value is made of.
fn parts(value: AnyRef<'_>) -> der::Result<Vec<AnyRef<'_>>> {
    let mut reader = SliceReader::new(value.value())?;
    let mut parts = Vec::new();
    while !reader.is_finished() {
        parts.push(AnyRef::decode(&mut reader)?);
    }
    Ok(parts)
}

//! What a client's certificate says of it.

use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use der::asn1::AnyRef;
use der::{Decode, Reader, SliceReader, Tag, TagNumber, Tagged};
use rustls::pki_types::CertificateDer;

use crate::call::{AuthContext, COMMON_NAME, SUBJECT_ALTERNATIVE_NAME};

/// What gRPC says of a connection with these certificates of the peer, which have been verified; its own comes first.
pub(super) fn auth_context(certificates: &[CertificateDer<'_>]) -> AuthContext {
    let mut context = AuthContext::secured();
    let Some(own) = certificates.first() else {
        return context;
    };
    // A certificate that is verified and not to be read here leaves the connection without the names in it.
    let names = names(own).unwrap_or_default();
    if let Some(name) = names.common {
        context.push(COMMON_NAME, name);
    }
    for name in names.alternative {
        context.push(SUBJECT_ALTERNATIVE_NAME, name);
    }
    context.push("x509_pem_cert", pem(own));
    let chain = certificates.iter().map(|certificate| pem(certificate));
    context.push("x509_pem_cert_chain", chain.collect());
    context.set_certificates(certificates.iter().map(|der| der.to_vec()).collect());
    context
}

/// The names in a certificate.
#[derive(Debug, Default, PartialEq, Eq)]
struct Names {
    common: Option<String>,
    alternative: Vec<String>,
}

/// `id-at-commonName`, 2.5.4.3 (RFC 5280, appendix A.1).
const ID_COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// `id-ce-subjectAltName`, 2.5.29.17 (RFC 5280, 4.2.1.6).
const ID_SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// Reads the names of a certificate (RFC 5280, 4.1).
fn names(certificate: &[u8]) -> der::Result<Names> {
    let certificate = AnyRef::from_der(certificate)?;
    let signed = parts(certificate)?;
    let fields = signed
        .first()
        .map_or(Ok(Vec::new()), |first| parts(*first))?;
    let mut names = Names::default();
    // The version before the serial number may be left out.
    let serial = fields.iter().position(|field| field.tag() == Tag::Integer);
    let subject = serial.and_then(|serial| fields.get(serial + SUBJECT));
    if let Some(subject) = subject {
        names.common = common_name(*subject)?;
    }
    for field in &fields {
        if is_context(*field, EXTENSIONS) {
            for extension in parts(AnyRef::from_der(field.value())?)? {
                alternative_names(extension, &mut names.alternative)?;
            }
        }
    }
    Ok(names)
}

/// The subject's place after the serial number: signature, issuer and validity are between them.
const SUBJECT: usize = 4;

/// The tag of the extensions.
const EXTENSIONS: u32 = 3;

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

/// The names in an extension, if it is the one that has them: DNS names, URIs, e-mails and IP addresses.
fn alternative_names(extension: AnyRef<'_>, names: &mut Vec<String>) -> der::Result<()> {
    let parts_of_extension = parts(extension)?;
    let (Some(id), Some(value)) = (parts_of_extension.first(), parts_of_extension.last()) else {
        return Ok(());
    };
    if id.value() != ID_SUBJECT_ALT_NAME {
        return Ok(());
    }
    for name in parts(AnyRef::from_der(value.value())?)? {
        if (1..=2).chain([6]).any(|number| is_context(name, number)) {
            names.push(text(name.value()));
        } else if is_context(name, 7) {
            names.extend(ip_address(name.value()));
        }
    }
    Ok(())
}

fn ip_address(bytes: &[u8]) -> Option<String> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(v4).to_string());
    }
    let v6 = <[u8; 16]>::try_from(bytes).ok()?;
    Some(Ipv6Addr::from(v6).to_string())
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

/// A certificate as PEM (RFC 7468), in lines of 64 characters.
fn pem(certificate: &[u8]) -> String {
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    // 48 bytes make 64 characters.
    for line in certificate.chunks(48) {
        STANDARD.encode_string(line, &mut pem);
        pem.push('\n');
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

//! Converts between the suite's headers and metadata.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use stubwright::{InvalidMetadata, Metadata};

use crate::pb::connectrpc::conformance::v1::Header;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Returns the pairs of some headers, in order. Binary values are decoded.
pub fn pairs(headers: &[Header]) -> impl Iterator<Item = (String, Vec<u8>)> {
    headers.iter().flat_map(|header| {
        let name = header.name.to_ascii_lowercase();
        header.value.iter().map(move |value| {
            let decoded = name.ends_with("-bin").then(|| BASE64.decode(value).ok());
            let bytes = decoded.flatten();
            (name.clone(), bytes.unwrap_or_else(|| value.clone().into()))
        })
    })
}

/// Converts headers to metadata.
///
/// # Errors
/// Returns an error if a header is not valid metadata.
pub fn to_metadata(headers: &[Header]) -> Result<Metadata, InvalidMetadata> {
    let mut metadata = Metadata::new();
    for (name, value) in pairs(headers) {
        metadata.append(name, value)?;
    }
    Ok(metadata)
}

/// Converts metadata to headers, one for each key. Binary values are encoded.
pub fn from_metadata(metadata: &Metadata) -> Vec<Header> {
    let mut headers: Vec<Header> = Vec::new();
    for (key, value) in metadata.iter() {
        let bytes = value.to_bytes().unwrap_or_default();
        let value = if key.ends_with("-bin") {
            BASE64.encode(bytes)
        } else {
            String::from_utf8_lossy(&bytes).into_owned()
        };
        match headers.iter_mut().find(|header| header.name == key) {
            Some(header) => header.value.push(value),
            None => headers.push(Header {
                name: key.to_owned(),
                value: vec![value],
            }),
        }
    }
    headers
}

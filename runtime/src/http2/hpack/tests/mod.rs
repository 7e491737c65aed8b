//! Tests of HPACK as a whole.

mod decoder;
mod encoder;
mod peer;
mod properties;
mod python;
mod rfc;

use bytes::BytesMut;

use super::{DecodeError, Decoder, Encoder};
use crate::base::header::Header;

fn header(name: &str, value: &str) -> Header {
    Header::new(name.as_bytes(), value.as_bytes())
}

fn decode(decoder: &mut Decoder, block: &[u8]) -> Result<Vec<Header>, DecodeError> {
    let mut headers = Vec::new();
    decoder.decode(block, |header| {
        headers.push(header);
        true
    })?;
    Ok(headers)
}

fn encode(encoder: &mut Encoder, headers: &[Header]) -> BytesMut {
    let mut block = BytesMut::new();
    encoder.encode(headers, &mut block);
    block
}

/// Parses hexadecimal digits, with blanks anywhere.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits
        .chunks(2)
        .map(|pair| (pair[0] * 16 + pair[1]) as u8)
        .collect()
}

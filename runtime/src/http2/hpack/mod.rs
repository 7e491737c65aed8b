//! HPACK, header compression for HTTP/2 (RFC 7541).

mod decoder;
mod encoder;

pub(crate) use self::decoder::{DecodeError, Decoder};
pub(crate) use self::encoder::Encoder;

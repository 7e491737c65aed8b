//! HTTP/2 (RFC 9113): the engine as a value, without I/O or clock.

pub(crate) mod hpack;

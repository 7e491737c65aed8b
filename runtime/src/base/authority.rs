//! The authority of calls.

use crate::base::header::Header;
use crate::{Result, Status};

/// The authority of targets without a host, as in other gRPC libraries.
pub(crate) const LOCALHOST: &str = "localhost";

/// Returns the `:authority` field for a host, with or without a port.
///
/// # Errors
/// Returns INVALID_ARGUMENT if the text is not a host.
pub(crate) fn authority(host: &str) -> Result<Header> {
    let is_plain =
        |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b'@' | b'?' | b'#' | b'\\');
    if host.is_empty() || !host.bytes().all(is_plain) {
        return Err(Status::invalid_argument(format!(
            "authority {host:?}: it is a host, with or without :port"
        )));
    }
    Ok(Header::new(b":authority", host.as_bytes()))
}

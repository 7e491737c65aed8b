//! Target `compressed`: decompression.

use super::input::Input;
use crate::{Code, Compression};

/// Checks that any bytes are decompressed within the limit or refused, and that compressed messages decompress to
/// themselves.
///
/// The first byte selects the compression, and the next two the limit.
pub fn compressed(input: &[u8]) {
    let mut input = Input::new(input);
    let compression = Compression::from_number(input.byte());
    let limit = input.word();
    let bytes = input.rest();
    round_trip(compression, bytes);
    match compression.decompress(bytes, limit) {
        Ok(message) => {
            assert!(message.len() <= limit, "{} bytes", message.len());
            round_trip(compression, &message);
        }
        Err(status) => {
            let codes = [Code::Internal, Code::ResourceExhausted];
            assert!(codes.contains(&status.code()), "{status}");
        }
    }
}

fn round_trip(compression: Compression, message: &[u8]) {
    let mut output = Vec::with_capacity(message.len());
    let room = output.capacity();
    if !compression.compress(message, &mut output) {
        return;
    }
    assert!(output.len() <= room);
    let again = compression.decompress(&output, message.len());
    assert_eq!(
        again.expect("our compressed messages should decompress"),
        message
    );
    // The limit is one byte less than the message.
    let short = compression.decompress(&output, message.len() - 1);
    assert_eq!(
        short.expect_err("the message is over the limit").code(),
        Code::ResourceExhausted
    );
}

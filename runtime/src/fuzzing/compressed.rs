//! Messages that were compressed, or say so.

use super::input::Input;
use crate::{Code, Compression};

/// Bytes are decompressed within the limit or refused, and what is compressed comes back.
///
/// The first byte says how, by its number, and the next two the limit.
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
    assert_eq!(again.expect("what we compress can be read"), message);
    // One byte less than there is.
    let short = compression.decompress(&output, message.len() - 1);
    assert_eq!(
        short.expect_err("over the limit").code(),
        Code::ResourceExhausted
    );
}

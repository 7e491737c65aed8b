//! Zstandard (RFC 8878).

use std::cell::RefCell;
use std::io::Cursor;

use ::zstd::bulk::Compressor;
use ::zstd::stream::raw::{Decoder, Operation};
use ::zstd::zstd_safe::{DParameter, InBuffer, OutBuffer, get_frame_content_size};

use super::Progress;

/// The window that is accepted with any limit, as the binary logarithm of its bytes: 8 MiB, which every decoder should
/// support (RFC 8878, 3.1.1.1.2).
const WINDOW_FOR_ALL: u32 = 23;
/// The largest window that is accepted, 128 MiB, if the limit allows messages of about that size.
const WINDOW_AT_MOST: u32 = 27;

thread_local! {
    /// The compressor is kept, because it takes some hundred KiB, too much to allocate for each message. A call holds it only
    /// while it compresses.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> =
        RefCell::new(Compressor::new(::zstd::DEFAULT_COMPRESSION_LEVEL).ok());
}

/// Appends the compressed message to `output`. Returns `false` if the capacity doesn't suffice.
pub(super) fn compress(message: &[u8], output: &mut Vec<u8>) -> bool {
    COMPRESSOR.with_borrow_mut(|compressor| {
        let Some(compressor) = compressor else {
            return false;
        };
        let start = output.len();
        let mut cursor = Cursor::new(output);
        cursor.set_position(start as u64);
        compressor.compress_to_buffer(message, &mut cursor).is_ok()
    })
}

/// Returns whether the header of a message announces more than `limit` bytes.
pub(super) fn announces_more_than(limit: usize, message: &[u8]) -> bool {
    let announced = get_frame_content_size(message).ok().flatten();
    announced.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > limit))
}

/// Returns a decoder for one message of at most `limit` bytes.
pub(super) fn decoder(limit: usize) -> Result<Decoder<'static>, String> {
    let mut decoder = Decoder::new().map_err(|error| error.to_string())?;
    let window = (usize::BITS - limit.leading_zeros()).clamp(WINDOW_FOR_ALL, WINDOW_AT_MOST);
    decoder
        .set_parameter(DParameter::WindowLogMax(window))
        .map_err(|error| error.to_string())?;
    Ok(decoder)
}

/// Takes one step of decompressing a message.
pub(super) fn step(
    decoder: &mut Decoder<'_>,
    input: &[u8],
    output: &mut Vec<u8>,
) -> Result<Progress, String> {
    let start = output.len();
    let mut input = InBuffer::around(input);
    let mut output = OutBuffer::around_pos(output, start);
    let left = decoder
        .run(&mut input, &mut output)
        .map_err(|error| error.to_string())?;
    Ok(Progress {
        used: input.pos(),
        ended: left == 0,
    })
}

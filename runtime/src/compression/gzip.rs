//! gzip (RFC 1952).

use std::cell::RefCell;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::Progress;

/// The largest window that there is, 32 KiB, as its binary logarithm (RFC 1951, 2).
const WINDOW_BITS: u8 = 15;

thread_local! {
    /// A compressor is some 300 KiB, which would be much to allocate for every message. No call waits while it has it.
    static COMPRESSOR: RefCell<Compress> =
        RefCell::new(Compress::new_gzip(Compression::default(), WINDOW_BITS));
}

/// Puts the compressed message behind what is in `output`, if its capacity is enough.
pub(super) fn compress(message: &[u8], output: &mut Vec<u8>) -> bool {
    COMPRESSOR.with_borrow_mut(|compressor| {
        compressor.reset();
        let status = compressor.compress_vec(message, output, FlushCompress::Finish);
        matches!(status, Ok(flate2::Status::StreamEnd))
    })
}

/// The steps of decompressing one message.
pub(super) fn decompressor() -> impl FnMut(&[u8], &mut Vec<u8>) -> Result<Progress, String> {
    let mut decompressor = Decompress::new_gzip(WINDOW_BITS);
    move |input, output| {
        let before = decompressor.total_in();
        let status = decompressor
            .decompress_vec(input, output, FlushDecompress::None)
            .map_err(|error| error.to_string())?;
        let used = decompressor.total_in().saturating_sub(before);
        Ok(Progress {
            used: usize::try_from(used).unwrap_or(usize::MAX),
            ended: status == Status::StreamEnd,
        })
    }
}

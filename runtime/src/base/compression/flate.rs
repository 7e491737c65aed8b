//! Deflate (RFC 1951) in two wrappings: gzip (RFC 1952), and zlib (RFC 1950), which HTTP and gRPC call `deflate`.

use std::cell::RefCell;
use std::thread::LocalKey;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::Progress;

/// What is around the compressed bytes.
#[derive(Clone, Copy)]
pub(super) enum Wrapping {
    Gzip,
    Zlib,
}

/// The largest window that there is, 32 KiB, as its binary logarithm (RFC 1951, 2).
const WINDOW_BITS: u8 = 15;

thread_local! {
    /// A compressor is some 300 KiB, which would be much to allocate for every message. No call waits while it has it.
    static GZIP: RefCell<Compress> =
        RefCell::new(Compress::new_gzip(Compression::default(), WINDOW_BITS));
    static ZLIB: RefCell<Compress> = RefCell::new(Compress::new(Compression::default(), true));
}

impl Wrapping {
    /// Puts the compressed message behind what is in `output`, if its capacity is enough.
    pub(super) fn compress(self, message: &[u8], output: &mut Vec<u8>) -> bool {
        let compressor: &LocalKey<RefCell<Compress>> = match self {
            Wrapping::Gzip => &GZIP,
            Wrapping::Zlib => &ZLIB,
        };
        compressor.with_borrow_mut(|compressor| {
            compressor.reset();
            let status = compressor.compress_vec(message, output, FlushCompress::Finish);
            matches!(status, Ok(Status::StreamEnd))
        })
    }

    /// The steps of decompressing one message.
    pub(super) fn decompressor(
        self,
    ) -> impl FnMut(&[u8], &mut Vec<u8>) -> Result<Progress, String> {
        let mut decompressor = match self {
            Wrapping::Gzip => Decompress::new_gzip(WINDOW_BITS),
            Wrapping::Zlib => Decompress::new(true),
        };
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
}

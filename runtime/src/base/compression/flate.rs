//! Deflate (RFC 1951) in two wrappings: gzip (RFC 1952), and zlib (RFC 1950), which HTTP and gRPC call `deflate`.

use std::cell::RefCell;
use std::thread::LocalKey;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::Progress;

/// The format around the compressed bytes.
#[derive(Clone, Copy)]
pub(super) enum Wrapping {
    Gzip,
    Zlib,
}

/// The largest window, 32 KiB, as its binary logarithm (RFC 1951, 2).
const WINDOW_BITS: u8 = 15;

thread_local! {
    /// Compressors are kept, because one takes about 300 KiB, too much to allocate for each message. A call holds one only while
    /// it compresses.
    static GZIP: RefCell<Compress> =
        RefCell::new(Compress::new_gzip(Compression::default(), WINDOW_BITS));
    static ZLIB: RefCell<Compress> = RefCell::new(Compress::new(Compression::default(), true));
}

impl Wrapping {
    /// Appends the compressed message to `output`. Returns `false` if the capacity doesn't suffice.
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

    /// Returns a function that takes the steps of decompressing one message.
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

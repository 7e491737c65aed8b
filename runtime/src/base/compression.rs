//! Compression of messages.

#[cfg(feature = "gzip")]
mod flate;
#[cfg(test)]
mod tests;
#[cfg(feature = "zstd")]
mod zstd;

use bytes::Bytes;

#[cfg(feature = "gzip")]
use self::flate::Wrapping;
use crate::base::header::{Header, Kind};
use crate::{Metadata, Result, Status};

/// A compression algorithm for messages. gRPC's `grpc-encoding`, gRPC Python's `grpc.Compression`.
///
/// The features of this crate decide which algorithms exist. Without `gzip` and `zstd` there is only
/// [`Identity`](Compression::Identity).
///
/// A program chooses the algorithm for the messages that it sends. The peer chooses the algorithm for its own messages. Received
/// messages can have any of the algorithms that exist.
///
/// A message that would not become shorter is sent uncompressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// No compression (`identity`). This is the default. gRPC Python's `NoCompression`.
    #[default]
    Identity,
    /// `gzip`, which every gRPC implementation supports. Needs the feature `gzip`.
    #[cfg(feature = "gzip")]
    Gzip,
    /// `zstd`, which is faster than gzip and compresses better. Few other gRPC implementations support it. Needs the feature
    /// `zstd`.
    #[cfg(feature = "zstd")]
    Zstd,
    /// `deflate` in zlib's format (RFC 1950): the compression of gzip with a shorter header. Needs the feature `gzip`. gRPC
    /// Python's `Deflate`.
    #[cfg(feature = "gzip")]
    Deflate,
}

/// All algorithms, in the order of their numbers.
const ALL: &[Compression] = &[
    Compression::Identity,
    #[cfg(feature = "gzip")]
    Compression::Gzip,
    #[cfg(feature = "zstd")]
    Compression::Zstd,
    #[cfg(feature = "gzip")]
    Compression::Deflate,
];

/// The field that lists the algorithms this build can read. It is sent if there are any besides `identity`. It must list
/// `deflate`: a server that only compresses with `deflate` (grpcio's can be set so) would otherwise send its messages
/// uncompressed. With the feature `gzip` alone, the text equals grpcio's.
pub(crate) static ACCEPT_ENCODING: Header = Header::from_static(
    "grpc-accept-encoding",
    match (cfg!(feature = "gzip"), cfg!(feature = "zstd")) {
        (false, false) => "identity",
        (true, false) => "identity,deflate,gzip",
        (false, true) => "identity,zstd",
        (true, true) => "identity,deflate,gzip,zstd",
    },
);

/// `true` if this build supports any compression.
pub(crate) const AVAILABLE: bool = ALL.len() > 1;

/// Messages of up to this many bytes never become shorter, because the compressed format alone adds about as much.
const TOO_SHORT: usize = 16;

/// The smallest buffer for a decompressed message, in bytes.
#[cfg(any(feature = "gzip", feature = "zstd"))]
const FIRST_ROOM: usize = 256;

impl Compression {
    /// Returns the algorithm's name in `grpc-encoding` and `grpc-accept-encoding`.
    pub fn name(self) -> &'static str {
        match self {
            Compression::Identity => "identity",
            #[cfg(feature = "gzip")]
            Compression::Deflate => "deflate",
            #[cfg(feature = "gzip")]
            Compression::Gzip => "gzip",
            #[cfg(feature = "zstd")]
            Compression::Zstd => "zstd",
        }
    }

    /// Returns the compression that the head of a request or response announces.
    ///
    /// # Errors
    /// Returns the announced name if this build doesn't support it.
    pub(crate) fn announced(fields: &Metadata) -> Result<Compression, String> {
        let Some(field) = fields.field(Kind::GrpcEncoding) else {
            return Ok(Compression::Identity);
        };
        let known = ALL.iter().copied();
        let mut known = known.filter(|known| known.name().as_bytes() == field.value());
        let name = || String::from_utf8_lossy(field.value()).into_owned();
        known.next().ok_or_else(name)
    }

    /// Returns `self` if the peer accepts it, otherwise [`Identity`](Compression::Identity).
    pub(crate) fn accepted_by(self, fields: &Metadata) -> Compression {
        let accepted = self != Compression::Identity
            && fields.field(Kind::GrpcAcceptEncoding).is_some_and(|field| {
                let mut names = field.value().split(|&byte| byte == b',');
                names.any(|name| name.trim_ascii() == self.name().as_bytes())
            });
        if accepted {
            self
        } else {
            Compression::Identity
        }
    }

    /// Returns the field that announces this compression, or `None` for [`Identity`](Compression::Identity), which needs none.
    pub(crate) fn header(self) -> Option<&'static Header> {
        #[cfg(feature = "gzip")]
        static DEFLATE: Header = Header::from_static("grpc-encoding", "deflate");
        #[cfg(feature = "gzip")]
        static GZIP: Header = Header::from_static("grpc-encoding", "gzip");
        #[cfg(feature = "zstd")]
        static ZSTD: Header = Header::from_static("grpc-encoding", "zstd");
        match self {
            Compression::Identity => None,
            #[cfg(feature = "gzip")]
            Compression::Deflate => Some(&DEFLATE),
            #[cfg(feature = "gzip")]
            Compression::Gzip => Some(&GZIP),
            #[cfg(feature = "zstd")]
            Compression::Zstd => Some(&ZSTD),
        }
    }

    /// Returns the number of this algorithm, for use in an atomic.
    pub(crate) fn number(self) -> u8 {
        self as u8
    }

    /// Returns the algorithm with this number, or [`Identity`](Compression::Identity) if there is none.
    pub(crate) fn from_number(number: u8) -> Compression {
        let found = ALL.get(usize::from(number));
        found.copied().unwrap_or_default()
    }

    /// Appends the compressed message to `output` without growing it. Returns `false` if the capacity doesn't suffice or if the
    /// message would not become shorter; `output` must not be used then.
    #[cfg_attr(
        not(any(feature = "gzip", feature = "zstd")),
        expect(
            unused_variables,
            clippy::ptr_arg,
            reason = "nothing can be compressed in this build"
        )
    )]
    pub(crate) fn compress(self, message: &[u8], output: &mut Vec<u8>) -> bool {
        if message.len() <= TOO_SHORT {
            return false;
        }
        match self {
            Compression::Identity => false,
            #[cfg(feature = "gzip")]
            Compression::Deflate => Wrapping::Zlib.compress(message, output),
            #[cfg(feature = "gzip")]
            Compression::Gzip => Wrapping::Gzip.compress(message, output),
            #[cfg(feature = "zstd")]
            Compression::Zstd => zstd::compress(message, output),
        }
    }

    /// Decompresses a message to at most `limit` bytes. Memory grows with the decompressed bytes, and never beyond the limit.
    ///
    /// # Errors
    /// Returns INTERNAL if the bytes are not in this format, and RESOURCE_EXHAUSTED if the message exceeds the limit.
    #[cfg_attr(
        not(any(feature = "gzip", feature = "zstd")),
        expect(unused_variables, reason = "nothing can be decompressed in this build")
    )]
    pub(crate) fn decompress(self, message: &[u8], limit: usize) -> Result<Bytes> {
        match self {
            Compression::Identity => Err(Status::internal(
                "received a compressed message, but the peer announced no grpc-encoding",
            )),
            #[cfg(feature = "gzip")]
            Compression::Deflate => self.grow(message, limit, Wrapping::Zlib.decompressor()),
            #[cfg(feature = "gzip")]
            Compression::Gzip => self.grow(message, limit, Wrapping::Gzip.decompressor()),
            #[cfg(feature = "zstd")]
            Compression::Zstd if zstd::announces_more_than(limit, message) => {
                Err(over(message, limit))
            }
            #[cfg(feature = "zstd")]
            Compression::Zstd => match zstd::decoder(limit) {
                Ok(mut decoder) => self.grow(message, limit, |input, output| {
                    zstd::step(&mut decoder, input, output)
                }),
                Err(error) => Err(self.corrupt(&error)),
            },
        }
    }

    /// Calls `step` until the message ends, and grows the buffer for it.
    #[cfg(any(feature = "gzip", feature = "zstd"))]
    fn grow(
        self,
        message: &[u8],
        limit: usize,
        mut step: impl FnMut(&[u8], &mut Vec<u8>) -> Result<Progress, String>,
    ) -> Result<Bytes> {
        // One byte more than allowed shows that the message is too long.
        let most = limit.saturating_add(1);
        let guess = message.len().saturating_mul(4).max(FIRST_ROOM);
        let mut output = Vec::with_capacity(guess.min(most));
        let mut rest = message;
        loop {
            let before = output.len();
            let Progress { used, ended } =
                step(rest, &mut output).map_err(|error| self.corrupt(&error))?;
            rest = rest.get(used..).unwrap_or_default();
            if output.len() > limit {
                return Err(over(message, limit));
            }
            if ended && rest.is_empty() {
                return Ok(output.into());
            }
            if ended {
                return Err(self.corrupt("there are bytes after the end"));
            }
            if output.len() == output.capacity() {
                let room = most.saturating_sub(output.len());
                output.reserve_exact(output.len().max(FIRST_ROOM).min(room));
            } else if used == 0 && output.len() == before {
                return Err(self.corrupt("the data ends too early"));
            }
        }
    }

    #[cfg(any(feature = "gzip", feature = "zstd"))]
    fn corrupt(self, why: &str) -> Status {
        Status::internal(format!(
            "cannot decompress a message with {}: {why}",
            self.name()
        ))
    }
}

#[cfg(any(feature = "gzip", feature = "zstd"))]
fn over(message: &[u8], limit: usize) -> Status {
    Status::resource_exhausted(format!(
        "a message of {} compressed bytes is over the limit of {limit} when decompressed",
        message.len()
    ))
}

/// The result of one step of a decompressor. A step never writes beyond the capacity of its output.
#[cfg(any(feature = "gzip", feature = "zstd"))]
struct Progress {
    /// The number of input bytes that were read.
    used: usize,
    ended: bool,
}

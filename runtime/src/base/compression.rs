//! How messages are compressed on their way.

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

/// How messages are compressed on their way: gRPC's `grpc-encoding`, gRPC Python's `grpc.Compression`.
///
/// Which ones there are follows from the features of this crate; without `gzip` and `zstd` there is none but
/// [`Identity`](Compression::Identity). What is chosen holds for what is sent. What is received says itself how it is
/// compressed, and every kind that is here is read.
///
/// A message that compression would not make shorter goes as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// Messages go as they are: `identity`, the default. gRPC Python's `NoCompression`.
    #[default]
    Identity,
    /// `gzip`, which every gRPC implementation knows.
    #[cfg(feature = "gzip")]
    Gzip,
    /// `zstd`: smaller and faster than gzip, and known to few other implementations.
    #[cfg(feature = "zstd")]
    Zstd,
    /// `deflate` in zlib's format (RFC 1950): compressed as by gzip, with less around it. gRPC Python's `Deflate`. It comes with
    /// the feature `gzip`.
    #[cfg(feature = "gzip")]
    Deflate,
}

/// Every kind, in the order of their numbers.
const ALL: &[Compression] = &[
    Compression::Identity,
    #[cfg(feature = "gzip")]
    Compression::Gzip,
    #[cfg(feature = "zstd")]
    Compression::Zstd,
    #[cfg(feature = "gzip")]
    Compression::Deflate,
];

/// What can be read here; a peer is told when it is more than `identity`. `deflate` is part of it: a server that compresses by
/// nothing else (grpcio's can be told so) would send its messages as they are. With the feature `gzip` alone it is grpcio's text.
pub(crate) static ACCEPT_ENCODING: Header = Header::from_static(
    "grpc-accept-encoding",
    match (cfg!(feature = "gzip"), cfg!(feature = "zstd")) {
        (false, false) => "identity",
        (true, false) => "identity,deflate,gzip",
        (false, true) => "identity,zstd",
        (true, true) => "identity,deflate,gzip,zstd",
    },
);

/// Whether there is any compression in this build.
pub(crate) const AVAILABLE: bool = ALL.len() > 1;

/// No message as short as this becomes shorter: the wrapping alone takes about as much.
const TOO_SHORT: usize = 16;

/// The room that is made at least for a decompressed message, in bytes.
#[cfg(any(feature = "gzip", feature = "zstd"))]
const FIRST_ROOM: usize = 256;

impl Compression {
    /// The name on the wire, in `grpc-encoding` and `grpc-accept-encoding`.
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

    /// What the head of a request or response says of its messages, or the name that is not known here.
    pub(crate) fn announced(fields: &Metadata) -> Result<Compression, String> {
        let Some(field) = fields.field(Kind::GrpcEncoding) else {
            return Ok(Compression::Identity);
        };
        let known = ALL.iter().copied();
        let mut known = known.filter(|known| known.name().as_bytes() == field.value());
        let name = || String::from_utf8_lossy(field.value()).into_owned();
        known.next().ok_or_else(name)
    }

    /// This, if the peer says that it can read it, and otherwise none.
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

    /// The field that announces it; none is needed for messages that go as they are.
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

    /// A small number, for where there is no room for more.
    pub(crate) fn number(self) -> u8 {
        self as u8
    }

    /// What has this number; none for one that nothing has.
    pub(crate) fn from_number(number: u8) -> Compression {
        let found = ALL.get(usize::from(number));
        found.copied().unwrap_or_default()
    }

    /// Puts the compressed message behind what is in `output`, whose capacity has to do: `false` when it does not, or when
    /// the message is better off as it is. What is in `output` then is of no use.
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

    /// The message of at most `limit` bytes that was compressed to `message`. Memory grows with what comes out, and not
    /// beyond the limit.
    ///
    /// # Errors
    /// INTERNAL for bytes that were not compressed this way, RESOURCE_EXHAUSTED when the message is over the limit.
    #[cfg_attr(
        not(any(feature = "gzip", feature = "zstd")),
        expect(unused_variables, reason = "nothing can be decompressed in this build")
    )]
    pub(crate) fn decompress(self, message: &[u8], limit: usize) -> Result<Bytes> {
        match self {
            Compression::Identity => Err(Status::internal(
                "a message is marked as compressed, and the call named no grpc-encoding",
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

    /// Takes steps until the end of the message, and makes room for them.
    #[cfg(any(feature = "gzip", feature = "zstd"))]
    fn grow(
        self,
        message: &[u8],
        limit: usize,
        mut step: impl FnMut(&[u8], &mut Vec<u8>) -> Result<Progress, String>,
    ) -> Result<Bytes> {
        // A byte more than may come out shows that more would.
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
                return Err(self.corrupt("bytes are left behind the end"));
            }
            if output.len() == output.capacity() {
                let room = most.saturating_sub(output.len());
                output.reserve_exact(output.len().max(FIRST_ROOM).min(room));
            } else if used == 0 && output.len() == before {
                return Err(self.corrupt("the end is missing"));
            }
        }
    }

    #[cfg(any(feature = "gzip", feature = "zstd"))]
    fn corrupt(self, why: &str) -> Status {
        Status::internal(format!(
            "a message cannot be decompressed by {}: {why}",
            self.name()
        ))
    }
}

#[cfg(any(feature = "gzip", feature = "zstd"))]
fn over(message: &[u8], limit: usize) -> Status {
    Status::resource_exhausted(format!(
        "a message that was compressed to {} bytes is over the limit of {limit}",
        message.len()
    ))
}

/// What a step of a decompressor came to, which writes as far as the capacity of its output goes.
#[cfg(any(feature = "gzip", feature = "zstd"))]
struct Progress {
    /// How many bytes of the input have been read.
    used: usize,
    ended: bool,
}

//! The names that static fields may have.

use super::Kind;
use super::text::equal;

/// A name that static fields may have, looked up at compile time.
#[derive(Clone, Copy)]
pub(super) struct StaticName {
    /// An index into `NAMES`.
    pub(super) index: u8,
    pub(super) kind: Kind,
}

impl StaticName {
    /// Looks up a name.
    ///
    /// # Panics
    /// Panics if the name is not in `NAMES`, at compile time in a `const` or `static`.
    pub(super) const fn of(name: &str) -> StaticName {
        let mut index = 0;
        while !equal(NAMES[index].as_bytes(), name.as_bytes()) {
            index += 1;
            assert!(
                index < NAMES.len(),
                "add this name to NAMES in static_name.rs"
            );
        }
        StaticName {
            index: index as u8,
            kind: Kind::of(name.as_bytes()),
        }
    }

    pub(super) const fn as_bytes(self) -> &'static [u8] {
        NAMES[self.index as usize].as_bytes()
    }
}

/// The names that static fields may have: those of HPACK's static table, then gRPC's.
pub(super) const NAMES: [&str; 60] = [
    ":authority",
    ":method",
    ":path",
    ":scheme",
    ":status",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "accept",
    "access-control-allow-origin",
    "age",
    "allow",
    "authorization",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "etag",
    "expect",
    "expires",
    "from",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "last-modified",
    "link",
    "location",
    "max-forwards",
    "proxy-authenticate",
    "proxy-authorization",
    "range",
    "referer",
    "refresh",
    "retry-after",
    "server",
    "set-cookie",
    "strict-transport-security",
    "transfer-encoding",
    "user-agent",
    "vary",
    "via",
    "www-authenticate",
    "grpc-accept-encoding",
    "grpc-encoding",
    "grpc-message",
    "grpc-retry-pushback-ms",
    "grpc-status",
    "grpc-status-details-bin",
    "grpc-timeout",
    "te",
];

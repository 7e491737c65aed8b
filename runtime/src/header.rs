//! One header field, as HPACK moves it and the gRPC layer reads it.

use std::fmt;
use std::sync::Arc;

/// One header field, name and value, refcounted: a clone is one atomic increment, or nothing for a static one.
///
/// What has to be known about a field on every call (its kind, whether it is malformed, its hash) is decided when it is
/// made. A field that comes out of an HPACK table again costs none of that a second time.
#[derive(Clone)]
pub(crate) struct Header(Repr);

impl Header {
    /// A field whose text is part of the program.
    ///
    /// Only names in this file's `NAMES` can be given: a static field keeps its name as an index, which is what makes a `Header` 24
    /// bytes. Another name panics, as a malformed field does; at compile time where this stands in a `const` or `static`.
    pub(crate) const fn from_static(name: &'static str, value: &'static str) -> Header {
        let mut index = 0;
        while !equal(NAMES[index].as_bytes(), name.as_bytes()) {
            index += 1;
            assert!(index < NAMES.len(), "add this name to NAMES in header.rs");
        }
        let kind = Kind::of(name.as_bytes());
        assert!(!is_malformed(kind, name.as_bytes(), value.as_bytes()));
        Header(Repr::Static {
            value,
            hash: hash(name.as_bytes(), value.as_bytes()),
            name: index as u8,
            kind,
        })
    }

    /// A field of any bytes, ours or a peer's. One allocation.
    pub(crate) fn new(name: &[u8], value: &[u8]) -> Header {
        let length = name.len() + value.len();
        let mut short = [0; 128];
        if let Some(joined) = short.get_mut(..length) {
            let (head, tail) = joined.split_at_mut(name.len());
            head.copy_from_slice(name);
            tail.copy_from_slice(value);
            Header::from_joined(joined, name.len())
        } else {
            Header::from_joined(&[name, value].concat(), name.len())
        }
    }

    /// A field whose name is the first `name_len` bytes of `joined`, and whose value is the rest.
    pub(crate) fn from_joined(joined: &[u8], name_len: usize) -> Header {
        // A name of 65,535 bytes or more is malformed, so it may lose its tail to the value: the bytes, and with them
        // the size in HPACK's tables, stay what they were.
        let name_len = u16::try_from(name_len).unwrap_or(u16::MAX);
        let (name, value) = split(joined, name_len);
        let kind = Kind::of(name);
        let hash = hash(name, value);
        let malformed = is_malformed(kind, name, value);
        let text = Arc::from(joined);
        Header(if malformed {
            Repr::Malformed {
                text,
                hash,
                name_len,
                kind,
            }
        } else {
            Repr::Shared {
                text,
                hash,
                name_len,
                kind,
            }
        })
    }

    /// The name, in lower case if the field is not malformed.
    pub(crate) fn name(&self) -> &[u8] {
        match &self.0 {
            Repr::Static { name, .. } => NAMES[usize::from(*name)].as_bytes(),
            Repr::Shared { text, name_len, .. } | Repr::Malformed { text, name_len, .. } => {
                split(text, *name_len).0
            }
        }
    }

    /// The value: any bytes.
    pub(crate) fn value(&self) -> &[u8] {
        match &self.0 {
            Repr::Static { value, .. } => value.as_bytes(),
            Repr::Shared { text, name_len, .. } | Repr::Malformed { text, name_len, .. } => {
                split(text, *name_len).1
            }
        }
    }

    /// What the field is, by its name.
    pub(crate) fn kind(&self) -> Kind {
        match &self.0 {
            Repr::Static { kind, .. }
            | Repr::Shared { kind, .. }
            | Repr::Malformed { kind, .. } => *kind,
        }
    }

    /// Whether the field may not occur in HTTP/2 (RFC 9113, 8.2.1 and 8.2.2): an empty, upper-case or otherwise invalid
    /// name; a value that has NUL, CR or LF in it or blanks around it; a connection-specific field.
    pub(crate) fn is_malformed(&self) -> bool {
        matches!(self.0, Repr::Malformed { .. })
    }

    /// A hash of name and value, the same in every process: for bounded tables only.
    pub(crate) fn hash(&self) -> u32 {
        match &self.0 {
            Repr::Static { hash, .. }
            | Repr::Shared { hash, .. }
            | Repr::Malformed { hash, .. } => *hash,
        }
    }

    /// The field's size in HPACK's tables and in SETTINGS_MAX_HEADER_LIST_SIZE (RFC 7541, 4.1).
    pub(crate) fn size(&self) -> usize {
        let text = match &self.0 {
            Repr::Static { name, value, .. } => NAMES[usize::from(*name)].len() + value.len(),
            Repr::Shared { text, .. } | Repr::Malformed { text, .. } => text.len(),
        };
        text + 32
    }
}

impl PartialEq for Header {
    fn eq(&self, other: &Header) -> bool {
        if let (Repr::Shared { text: a, .. }, Repr::Shared { text: b, .. }) = (&self.0, &other.0) {
            if Arc::ptr_eq(a, b) {
                return true;
            }
        }
        self.hash() == other.hash() && self.name() == other.name() && self.value() == other.value()
    }
}

impl Eq for Header {}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}",
            self.name().escape_ascii(),
            self.value().escape_ascii()
        )
    }
}

/// What a field is, by its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Method,
    Scheme,
    Authority,
    Path,
    Status,
    /// Any other name that starts with a colon.
    OtherPseudo,
    ContentType,
    ContentLength,
    Te,
    UserAgent,
    Host,
    GrpcTimeout,
    GrpcEncoding,
    GrpcAcceptEncoding,
    GrpcStatus,
    GrpcMessage,
    GrpcStatusDetailsBin,
    /// Any other name that starts with `grpc-`.
    GrpcOther,
    /// Any other name that ends in `-bin`.
    Binary,
    Other,
}

impl Kind {
    /// Whether the name starts with a colon (RFC 9113, 8.3).
    pub(crate) fn is_pseudo(self) -> bool {
        matches!(
            self,
            Kind::Method
                | Kind::Scheme
                | Kind::Authority
                | Kind::Path
                | Kind::Status
                | Kind::OtherPseudo
        )
    }

    const fn of(name: &[u8]) -> Kind {
        match name {
            b":method" => Kind::Method,
            b":scheme" => Kind::Scheme,
            b":authority" => Kind::Authority,
            b":path" => Kind::Path,
            b":status" => Kind::Status,
            [b':', ..] => Kind::OtherPseudo,
            b"content-type" => Kind::ContentType,
            b"content-length" => Kind::ContentLength,
            b"te" => Kind::Te,
            b"user-agent" => Kind::UserAgent,
            b"host" => Kind::Host,
            b"grpc-timeout" => Kind::GrpcTimeout,
            b"grpc-encoding" => Kind::GrpcEncoding,
            b"grpc-accept-encoding" => Kind::GrpcAcceptEncoding,
            b"grpc-status" => Kind::GrpcStatus,
            b"grpc-message" => Kind::GrpcMessage,
            b"grpc-status-details-bin" => Kind::GrpcStatusDetailsBin,
            [b'g', b'r', b'p', b'c', b'-', ..] => Kind::GrpcOther,
            [.., b'-', b'b', b'i', b'n'] => Kind::Binary,
            _ => Kind::Other,
        }
    }
}

/// The fields are flat, and malformed fields a variant, so that the tag finds room in 24 bytes.
#[derive(Clone)]
enum Repr {
    Static {
        value: &'static str,
        hash: u32,
        /// An index into `NAMES`.
        name: u8,
        kind: Kind,
    },
    Shared {
        /// Name and value, one after the other.
        text: Arc<[u8]>,
        hash: u32,
        name_len: u16,
        kind: Kind,
    },
    /// As `Shared`, but not allowed in HTTP/2.
    Malformed {
        text: Arc<[u8]>,
        hash: u32,
        name_len: u16,
        kind: Kind,
    },
}

/// The names that static fields can have.
const NAMES: [&str; 16] = [
    ":authority",
    ":method",
    ":path",
    ":scheme",
    ":status",
    "content-length",
    "content-type",
    "grpc-accept-encoding",
    "grpc-encoding",
    "grpc-message",
    "grpc-retry-pushback-ms",
    "grpc-status",
    "grpc-status-details-bin",
    "grpc-timeout",
    "te",
    "user-agent",
];

const fn is_malformed(kind: Kind, name: &[u8], value: &[u8]) -> bool {
    let forbidden = match kind {
        Kind::Te => !equal(value, b"trailers"),
        // RFC 9113, 8.2.2.
        Kind::Other => matches!(
            name,
            b"connection" | b"proxy-connection" | b"keep-alive" | b"transfer-encoding" | b"upgrade"
        ),
        _ => false,
    };
    forbidden || !is_valid_name(name) || !is_valid_value(value)
}

/// A token in lower case (RFC 9110, 5.6.2; RFC 9113, 8.2.1), with a colon before it in a pseudo-header.
const fn is_valid_name(name: &[u8]) -> bool {
    let token = match name {
        [b':', token @ ..] => token,
        token => token,
    };
    let mut valid = !token.is_empty() && name.len() < u16::MAX as usize;
    let mut i = 0;
    while i < token.len() {
        valid &= IS_LOWER_TOKEN[token[i] as usize];
        i += 1;
    }
    valid
}

/// No NUL, CR or LF, and no blank at either end (RFC 9113, 8.2.1).
const fn is_valid_value(value: &[u8]) -> bool {
    let blanks = matches!(value, [b' ' | b'\t', ..] | [.., b' ' | b'\t']);
    let mut valid = !blanks;
    // No early exit, so that the loop becomes one of vectors.
    let mut i = 0;
    while i < value.len() {
        let byte = value[i];
        valid &= (byte != 0) & (byte != b'\r') & (byte != b'\n');
        i += 1;
    }
    valid
}

const IS_LOWER_TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = matches!(
            byte as u8,
            b'a'..=b'z' | b'0'..=b'9' | b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+'
                | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        );
        byte += 1;
    }
    table
};

/// Multiply and fold, eight bytes at a time. It is a const fn, so that a static field's hash is part of the program.
const fn hash(name: &[u8], value: &[u8]) -> u32 {
    let state = absorb(0x243f_6a88_85a3_08d3, name);
    let state = absorb(state, value);
    (state ^ (state >> 32)) as u32
}

const fn absorb(state: u64, mut bytes: &[u8]) -> u64 {
    let mut state = fold(state, bytes.len() as u64);
    while let Some((chunk, rest)) = bytes.split_first_chunk() {
        state = fold(state, u64::from_le_bytes(*chunk));
        bytes = rest;
    }
    let mut last = 0;
    while let [byte, rest @ ..] = bytes {
        last = last << 8 | *byte as u64;
        bytes = rest;
    }
    fold(state, last)
}

const fn fold(state: u64, word: u64) -> u64 {
    let product = (state ^ word) as u128 * 0x9e37_79b9_7f4a_7c15;
    (product as u64 ^ (product >> 64) as u64).wrapping_add(0x1319_8a2e_0370_7344)
}

/// `==` for slices, which is not a const fn.
const fn equal(a: &[u8], b: &[u8]) -> bool {
    let mut same = a.len() == b.len();
    let mut i = 0;
    while same && i < a.len() {
        same = a[i] == b[i];
        i += 1;
    }
    same
}

fn split(text: &[u8], name_len: u16) -> (&[u8], &[u8]) {
    text.split_at(usize::from(name_len).min(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    static POST: Header = Header::from_static(":method", "POST");
    const TRAILERS: Header = Header::from_static("te", "trailers");

    #[test]
    fn is_small() {
        assert_eq!(size_of::<Header>(), 24);
        assert_eq!(size_of::<Option<Header>>(), 24);
    }

    #[test]
    fn static_and_shared_fields_agree() {
        for (fixed, shared) in [
            (POST.clone(), Header::new(b":method", b"POST")),
            (TRAILERS, Header::new(b"te", b"trailers")),
            (
                Header::from_static("grpc-status", ""),
                Header::new(b"grpc-status", b""),
            ),
        ] {
            assert_eq!(fixed, shared);
            assert_eq!(fixed.name(), shared.name());
            assert_eq!(fixed.value(), shared.value());
            assert_eq!(fixed.hash(), shared.hash());
            assert_eq!(fixed.size(), shared.size());
            assert_eq!(fixed.kind(), shared.kind());
            assert_eq!(fixed.is_malformed(), shared.is_malformed());
        }
    }

    #[test]
    fn name_and_value_are_told_apart() {
        assert_ne!(Header::new(b"ab", b"c"), Header::new(b"a", b"bc"));
        assert_ne!(
            Header::new(b"ab", b"c").hash(),
            Header::new(b"a", b"bc").hash()
        );
    }

    #[test]
    fn long_fields_keep_their_text() {
        let value = vec![b'v'; 100_000];
        let header = Header::new(b"name", &value);
        assert_eq!(header.name(), b"name");
        assert_eq!(header.value(), value);
        assert_eq!(header.size(), 100_036);
        assert!(!header.is_malformed());
    }

    #[test]
    fn a_name_too_long_to_keep_is_malformed() {
        let name = vec![b'n'; 65_535];
        assert!(!Header::new(&name[1..], b"").is_malformed());
        assert!(Header::new(&name, b"").is_malformed());
        let longer = Header::new(&[&name[..], b"nn"].concat(), b"value");
        assert!(longer.is_malformed());
        assert_eq!(longer.size(), 65_537 + 5 + 32);
    }

    #[test]
    fn kinds_follow_from_names() {
        for (name, kind) in [
            (":method", Kind::Method),
            (":scheme", Kind::Scheme),
            (":authority", Kind::Authority),
            (":path", Kind::Path),
            (":status", Kind::Status),
            (":protocol", Kind::OtherPseudo),
            (":", Kind::OtherPseudo),
            ("content-type", Kind::ContentType),
            ("content-length", Kind::ContentLength),
            ("te", Kind::Te),
            ("user-agent", Kind::UserAgent),
            ("host", Kind::Host),
            ("grpc-timeout", Kind::GrpcTimeout),
            ("grpc-encoding", Kind::GrpcEncoding),
            ("grpc-accept-encoding", Kind::GrpcAcceptEncoding),
            ("grpc-status", Kind::GrpcStatus),
            ("grpc-message", Kind::GrpcMessage),
            ("grpc-status-details-bin", Kind::GrpcStatusDetailsBin),
            ("grpc-trace-bin", Kind::GrpcOther),
            ("trace-bin", Kind::Binary),
            ("-bin", Kind::Binary),
            ("bin", Kind::Other),
            ("grpc", Kind::Other),
            ("", Kind::Other),
        ] {
            let found = Header::new(name.as_bytes(), b"").kind();
            assert_eq!(found, kind, "{name}");
            assert_eq!(found.is_pseudo(), name.starts_with(':'), "{name}");
        }
    }

    #[test]
    fn malformed_fields_are_known() {
        let malformed =
            |name: &str, value: &str| Header::new(name.as_bytes(), value.as_bytes()).is_malformed();
        for name in [
            "",
            ":",
            "Te",
            "a b",
            "a:b",
            "a\0",
            "é",
            "::path",
            "connection",
            "proxy-connection",
            "keep-alive",
            "transfer-encoding",
            "upgrade",
            "te",
        ] {
            assert!(malformed(name, "value"), "{name}");
        }
        for name in [":path", "x", "a-b_c.d0", "content-type", "a-bin"] {
            assert!(!malformed(name, "value"), "{name}");
        }
        for value in ["a\0b", "a\rb", "a\nb", " a", "a ", "\ta", "a\t", " "] {
            assert!(malformed("x", value), "{value:?}");
        }
        for value in ["", "a", "a b\tc", "é", "trailers"] {
            assert!(!malformed("x", value), "{value:?}");
        }
        assert!(!malformed("te", "trailers"));
        assert!(malformed("te", "trailers, deflate"));
    }

    #[test]
    fn debug_shows_text() {
        let header = Header::new(b"name", b"a\"\n\xff");
        assert_eq!(format!("{header:?}"), r#"name: a\"\n\xff"#);
    }
}

//! A header field, shared by HPACK and the gRPC layer.

mod common;
mod kind;
mod rules;
mod static_name;
mod text;

use std::fmt;
use std::ptr;
use std::sync::Arc;

pub(crate) use self::kind::Kind;
#[cfg(feature = "server")]
pub(crate) use self::kind::Kinds;
pub(crate) use self::text::hash;

use self::rules::{Flaw, flaw, without_blanks};
use self::static_name::{NAMES, StaticName};

/// A header field, with name and value. It is reference-counted: cloning it is one atomic increment, or free for static fields.
///
/// Its kind, its flaw and its hash are determined when it is created, so a field from one of HPACK's tables does not need this
/// work again.
#[derive(Clone)]
pub(crate) struct Header(Repr);

impl Header {
    /// Creates a field from static text.
    ///
    /// # Panics
    /// Panics if the name is not a [`StaticName`], at compile time in a `const` or `static`.
    pub(crate) const fn from_static(name: &'static str, value: &'static str) -> Header {
        Header::with_name(StaticName::of(name), value)
    }

    /// Creates the `:path` of a method of a stub. Unlike `from_static`, this is also cheap when it is called for each call.
    #[cfg(feature = "client")]
    pub(crate) fn path(method: &'static str) -> Header {
        const PATH: StaticName = StaticName::of(":path");
        Header::with_name(PATH, method)
    }

    #[inline]
    const fn with_name(name: StaticName, value: &'static str) -> Header {
        let text = name.as_bytes();
        Header(Repr::Static {
            value,
            hash: hash(text, value.as_bytes()),
            name: name.index,
            kind: name.kind,
            flaw: flaw(name.kind, text, value.as_bytes()),
        })
    }

    /// Creates a field from any bytes, also a peer's. It allocates once, or not at all for fields that nearly every call has.
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

    /// Creates a field whose name is the first `name_len` bytes of `joined`, and whose value is the rest.
    pub(crate) fn from_joined(joined: &[u8], name_len: usize) -> Header {
        // A name of 65,535 bytes or more is malformed anyway, so its end may count as part of the value. The number of bytes
        // stays the same, and so does the size in HPACK's tables.
        let name_len = u16::try_from(name_len).unwrap_or(u16::MAX);
        let (name, value) = split(joined, name_len);
        let hash = hash(name, value);
        if let Some(header) = common::find(hash, name, value) {
            return header.clone();
        }
        let kind = Kind::of(name);
        let flaw = flaw(kind, name, value);
        let text = Arc::from(joined);
        Header(match flaw {
            Flaw::None => Repr::Shared {
                text,
                hash,
                name_len,
                kind,
            },
            Flaw::Untidy => Repr::Untidy {
                text,
                hash,
                name_len,
                kind,
            },
            Flaw::Malformed => Repr::Malformed {
                text,
                hash,
                name_len,
                kind,
            },
        })
    }

    /// Returns the name, which is lower-case unless the field is malformed.
    pub(crate) fn name(&self) -> &[u8] {
        match &self.0 {
            Repr::Static { name, .. } => NAMES[usize::from(*name)].as_bytes(),
            Repr::Shared { text, name_len, .. }
            | Repr::Untidy { text, name_len, .. }
            | Repr::Malformed { text, name_len, .. } => split(text, *name_len).0,
        }
    }

    /// Returns the value, which may be any bytes.
    pub(crate) fn value(&self) -> &[u8] {
        match &self.0 {
            Repr::Static { value, .. } => value.as_bytes(),
            Repr::Shared { text, name_len, .. }
            | Repr::Untidy { text, name_len, .. }
            | Repr::Malformed { text, name_len, .. } => split(text, *name_len).1,
        }
    }

    /// Returns the kind of the field, which its name determines.
    pub(crate) fn kind(&self) -> Kind {
        match &self.0 {
            Repr::Static { kind, .. }
            | Repr::Shared { kind, .. }
            | Repr::Untidy { kind, .. }
            | Repr::Malformed { kind, .. } => *kind,
        }
    }

    /// Returns whether the field may be sent, and read, as it is.
    pub(crate) fn is_tidy(&self) -> bool {
        self.flaw() == Flaw::None
    }

    /// Returns whether HTTP/2 forbids the field (RFC 9113, 8.2.1 and 8.2.2). Its name is empty, upper-case or otherwise invalid;
    /// or its value contains NUL, CR or LF; or it is connection-specific; or it is a pseudo-header with blanks around its value.
    pub(crate) fn is_malformed(&self) -> bool {
        self.flaw() == Flaw::Malformed
    }

    /// Returns the values of a metadata field, without blanks around them. A binary field may have several values, joined by
    /// commas (gRPC over HTTP/2, "Requests"). `grpc-message` keeps its blanks, because its sender may have meant them.
    pub(crate) fn values(&self) -> impl Iterator<Item = &[u8]> {
        let separates = |kind, byte| kind == Kind::Binary && byte == b',';
        let kind = self.kind();
        let values = self.value().split(move |&byte| separates(kind, byte));
        values.map(move |value| match kind {
            Kind::GrpcMessage => value,
            _ => without_blanks(value),
        })
    }

    const fn flaw(&self) -> Flaw {
        match self.0 {
            Repr::Static { flaw, .. } => flaw,
            Repr::Shared { .. } => Flaw::None,
            Repr::Untidy { .. } => Flaw::Untidy,
            Repr::Malformed { .. } => Flaw::Malformed,
        }
    }

    /// Returns a hash of name and value. It is the same in every process, so it must only be used for bounded tables.
    pub(crate) const fn hash(&self) -> u32 {
        match &self.0 {
            Repr::Static { hash, .. }
            | Repr::Shared { hash, .. }
            | Repr::Untidy { hash, .. }
            | Repr::Malformed { hash, .. } => *hash,
        }
    }

    /// Returns the field's size in HPACK's tables and in SETTINGS_MAX_HEADER_LIST_SIZE (RFC 7541, 4.1).
    pub(crate) fn size(&self) -> usize {
        let text = match &self.0 {
            Repr::Static { name, value, .. } => NAMES[usize::from(*name)].len() + value.len(),
            Repr::Shared { text, .. }
            | Repr::Untidy { text, .. }
            | Repr::Malformed { text, .. } => text.len(),
        };
        text + 32
    }

    /// Compares the text. For clones of one field, the text need not be compared.
    fn has_text_of(&self, other: &Header) -> bool {
        match (&self.0, &other.0) {
            (
                Repr::Shared { text, name_len, .. },
                Repr::Shared {
                    text: other_text,
                    name_len: other_name_len,
                    ..
                },
            ) => {
                name_len == other_name_len
                    && (Arc::ptr_eq(text, other_text) || text[..] == other_text[..])
            }
            (
                Repr::Static { name, value, .. },
                Repr::Static {
                    name: other_name,
                    value: other_value,
                    ..
                },
            ) => name == other_name && (ptr::eq(*value, *other_value) || value == other_value),
            _ => self.name() == other.name() && self.value() == other.value(),
        }
    }
}

impl PartialEq for Header {
    #[inline]
    fn eq(&self, other: &Header) -> bool {
        self.hash() == other.hash() && self.has_text_of(other)
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

/// The representation of a field. The variants' fields are flat, and flaws are variants, so that the discriminant fits into 24
/// bytes.
#[derive(Clone)]
enum Repr {
    Static {
        value: &'static str,
        hash: u32,
        /// An index into `NAMES`, which keeps a `Header` at 24 bytes.
        name: u8,
        kind: Kind,
        flaw: Flaw,
    },
    Shared {
        /// Name and value, one after the other.
        text: Arc<[u8]>,
        hash: u32,
        name_len: u16,
        kind: Kind,
    },
    /// Like `Shared`, but must not be sent.
    Untidy {
        text: Arc<[u8]>,
        hash: u32,
        name_len: u16,
        kind: Kind,
    },
    /// Like `Shared`, but forbidden in HTTP/2.
    Malformed {
        text: Arc<[u8]>,
        hash: u32,
        name_len: u16,
        kind: Kind,
    },
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
    fn the_compiler_makes_static_fields() {
        assert_eq!((POST.name(), POST.value()), (&b":method"[..], &b"POST"[..]));
        assert_eq!(
            (TRAILERS.kind(), TRAILERS.is_malformed()),
            (Kind::Te, false)
        );
    }

    #[test]
    #[should_panic = "add this name"]
    fn static_fields_have_known_names() {
        Header::from_static("x-unknown", "");
    }

    #[test]
    fn is_small() {
        assert_eq!(size_of::<Header>(), 24);
        assert_eq!(size_of::<Option<Header>>(), 24);
    }

    #[test]
    fn static_and_shared_fields_agree() {
        for (name, value) in [
            (":method", "PUT"),
            ("te", "gzip"),
            ("grpc-status", ""),
            ("user-agent", "a long text, of several words"),
        ] {
            let fixed = Header::from_static(name, value);
            let shared = Header::new(name.as_bytes(), value.as_bytes());
            assert!(!matches!(shared.0, Repr::Static { .. }));
            assert_eq!(fixed, shared);
            assert_eq!(fixed.name(), shared.name());
            assert_eq!(fixed.value(), shared.value());
            assert_eq!(fixed.hash(), shared.hash());
            assert_eq!(fixed.size(), shared.size());
            assert_eq!(fixed.kind(), shared.kind());
            assert_eq!(fixed.flaw(), shared.flaw());
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
    fn a_field_may_stand_for_several_values() {
        for (name, value, values) in [
            ("x", " a, b\t", &["a, b"][..]),
            ("x-bin", "AAE,AgM", &["AAE", "AgM"]),
            ("x-bin", " AAE , ,AgM=", &["AAE", "", "AgM="]),
            ("grpc-trace-bin", "AA,", &["AA", ""]),
            ("grpc-message", " a, b ", &[" a, b "]),
            ("x", "", &[""]),
        ] {
            let header = Header::new(name.as_bytes(), value.as_bytes());
            assert!(
                header
                    .values()
                    .eq(values.iter().map(|value| value.as_bytes()))
            );
        }
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
    fn debug_shows_text() {
        let header = Header::new(b"name", b"a\"\n\xff");
        assert_eq!(format!("{header:?}"), r#"name: a\"\n\xff"#);
    }
}

//! Metadata: the key-value pairs that travel beside the messages of a call.

use std::error::Error;
use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;

use crate::base::header::{Header, Kind};

/// Binary values: sent without padding, read with or without it, as gRPC asks of everybody.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The metadata of a call: an ordered list of pairs, in which a key may occur more than once.
///
/// Keys are lower-case ASCII. A key that ends in `-bin` has bytes for a value, any other printable ASCII text that neither starts
/// nor ends with a space. What gRPC itself puts beside a call (`grpc-timeout`, `content-type` and the like) is not metadata and
/// cannot be set here.
///
/// What a peer sends is read more kindly: spaces and tabs around a value are stripped, and binary values that it has joined by
/// commas are pairs of their own. A value with other characters than printable ASCII can be read, but is not sent on when the
/// metadata is given to another call.
///
/// A clone copies references, not texts: what came from a peer is read where the connection decoded it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// What a peer sent, with the fields that are not metadata; [`Metadata::iter`] passes over those.
    fields: Vec<Header>,
}

/// Why a pair cannot be metadata. It names the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidMetadata {
    key: String,
    reason: &'static str,
}

impl Metadata {
    /// Empty metadata; allocates nothing.
    pub const fn new() -> Metadata {
        Metadata { fields: Vec::new() }
    }

    /// Adds a pair behind those that are there, whether or not its key occurs among them.
    ///
    /// # Errors
    /// The key is empty, has characters other than `0-9 a-z _ - .`, or is one that gRPC or HTTP/2 keep for themselves; or
    /// the value of a key without `-bin` has characters other than printable ASCII, or a space at an end, which HTTP/2 does not
    /// allow: trim it, or let the key end in `-bin`.
    pub fn append(
        &mut self,
        key: impl AsRef<str>,
        value: impl AsRef<[u8]>,
    ) -> Result<(), InvalidMetadata> {
        self.fields.push(checked(key.as_ref(), value.as_ref())?);
        Ok(())
    }

    /// Puts one pair in the place of all that have its key.
    ///
    /// # Errors
    /// As [`Metadata::append`].
    pub fn insert(
        &mut self,
        key: impl AsRef<str>,
        value: impl AsRef<[u8]>,
    ) -> Result<(), InvalidMetadata> {
        let field = checked(key.as_ref(), value.as_ref())?;
        self.remove(key);
        self.fields.push(field);
        Ok(())
    }

    /// Takes out all pairs of a key; says whether there were any.
    pub fn remove(&mut self, key: impl AsRef<str>) -> bool {
        let before = self.fields.len();
        self.fields
            .retain(|field| !is_metadata(field) || field.name() != key.as_ref().as_bytes());
        self.fields.len() < before
    }

    /// The text of the first pair with this key; `None` for keys that are absent, end in `-bin`, or whose value is not
    /// text.
    pub fn get(&self, key: impl AsRef<str>) -> Option<&str> {
        let key = key.as_ref();
        self.iter()
            .find(|(name, _)| *name == key)
            .and_then(|(_, value)| value.as_str())
    }

    /// The bytes of the first pair with this key, which ends in `-bin`; `None` when there is none.
    pub fn get_bin(&self, key: impl AsRef<str>) -> Option<Bytes> {
        let key = key.as_ref();
        self.iter()
            .find(|(name, _)| *name == key)
            .and_then(|(_, value)| value.to_bytes())
    }

    /// The values of all pairs with this key, in order.
    pub fn get_all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = Value<'a>> + 'a {
        self.iter()
            .filter(move |(name, _)| *name == key)
            .map(|(_, value)| value)
    }

    /// Whether a pair has this key.
    pub fn contains_key(&self, key: impl AsRef<str>) -> bool {
        self.iter().any(|(name, _)| name == key.as_ref())
    }

    /// All pairs, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        self.fields
            .iter()
            .filter(|field| is_metadata(field))
            .filter_map(|field| Some((std::str::from_utf8(field.name()).ok()?, Value(field))))
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// What a peer sent, as the connection decoded it.
    pub(crate) fn from_fields(fields: Vec<Header>) -> Metadata {
        Metadata { fields }
    }

    /// The fields to send. Those of a peer that gRPC does not allow are not among them.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &Header> {
        let fields = self.fields.iter();
        fields.filter(|field| is_metadata(field) && field.is_tidy())
    }

    /// All fields that a peer sent, metadata or not.
    pub(crate) fn all_fields(&self) -> impl Iterator<Item = &Header> {
        self.fields.iter()
    }

    /// The first field of a kind, metadata or not.
    pub(crate) fn field(&self, kind: Kind) -> Option<&Header> {
        self.fields.iter().find(|field| field.kind() == kind)
    }

    /// Puts the pairs of `more` behind those that are there.
    pub(crate) fn extend(&mut self, more: Metadata) {
        if self.fields.is_empty() {
            self.fields = more.fields;
        } else {
            self.fields.extend(more.fields);
        }
    }

    /// Takes the pairs of `defaults` whose keys are not there, before those that are.
    #[cfg(feature = "client")]
    pub(crate) fn default_to(&mut self, defaults: &Metadata) {
        if defaults.fields.is_empty() {
            return;
        }
        let is_missing = |field: &&Header| self.fields.iter().all(|own| own.name() != field.name());
        let mut fields: Vec<_> = defaults.fields.iter().filter(is_missing).cloned().collect();
        fields.append(&mut self.fields);
        self.fields = fields;
    }

    /// The first field whose value should be base64 and is not.
    #[cfg(any(feature = "client", test, fuzzing))]
    pub(crate) fn malformed_binary(&self) -> Option<&Header> {
        self.fields
            .iter()
            .find(|field| field.kind() == Kind::Binary && decode_binary(field.value()).is_none())
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// The value of a pair.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Value<'a>(&'a Header);

impl<'a> Value<'a> {
    /// The text of a value; `None` when its key ends in `-bin` or a peer sent what is not ASCII.
    pub fn as_str(self) -> Option<&'a str> {
        if self.0.kind() == Kind::Binary {
            return None;
        }
        std::str::from_utf8(self.0.value()).ok()
    }

    /// The bytes of a value: decoded when its key ends in `-bin`, as sent otherwise; `None` for base64 that is none.
    pub fn to_bytes(self) -> Option<Bytes> {
        if self.0.kind() == Kind::Binary {
            return decode_binary(self.0.value());
        }
        Some(Bytes::copy_from_slice(self.0.value()))
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_str() {
            Some(text) => fmt::Debug::fmt(text, f),
            None => fmt::Debug::fmt(&self.to_bytes(), f),
        }
    }
}

impl fmt::Display for InvalidMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "metadata key {:?}: {}", self.key, self.reason)
    }
}

impl Error for InvalidMetadata {}

/// Decodes the value of a `-bin` field. Several values joined by commas have been split where the field was received.
pub(crate) fn decode_binary(value: &[u8]) -> Option<Bytes> {
    BASE64.decode(value).ok().map(Bytes::from)
}

/// Encodes the value of a `-bin` field.
pub(crate) fn encode_binary(value: &[u8]) -> String {
    BASE64.encode(value)
}

/// Whether a field is metadata, and not something that HTTP/2 or gRPC put beside the call.
fn is_metadata(field: &Header) -> bool {
    matches!(
        field.kind(),
        Kind::UserAgent | Kind::GrpcOther | Kind::Binary | Kind::Other
    )
}

/// The field of a pair that a user wants to send.
fn checked(key: &str, value: &[u8]) -> Result<Header, InvalidMetadata> {
    let invalid = |reason| InvalidMetadata {
        key: key.to_owned(),
        reason,
    };
    if key.is_empty() {
        return Err(invalid("a key cannot be empty"));
    }
    if !key
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'_' | b'-' | b'.'))
    {
        return Err(invalid("a key has only 0-9 a-z _ - ."));
    }
    let field = if key.ends_with("-bin") {
        Header::new(key.as_bytes(), encode_binary(value).as_bytes())
    } else {
        if !value.iter().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(invalid(
                "a value is printable ASCII; let the key end in -bin for bytes",
            ));
        }
        if matches!(value, [b' ', ..] | [.., b' ']) {
            return Err(invalid(
                "a value cannot start or end with a space; trim it, or let the key end in -bin",
            ));
        }
        Header::new(key.as_bytes(), value)
    };
    let is_reserved =
        key.starts_with("grpc-") && !matches!(key, "grpc-trace-bin" | "grpc-tags-bin");
    match field.kind() {
        Kind::Binary | Kind::Other if field.is_tidy() && !is_reserved => Ok(field),
        _ => Err(invalid("HTTP/2 or gRPC keep this key for themselves")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pairs_keep_their_order_and_repeat() {
        let mut metadata = Metadata::new();
        metadata.append("a", "1").unwrap();
        metadata.append("b-bin", [0, 255]).unwrap();
        metadata.append("a", "2").unwrap();
        assert_eq!(metadata.get("a"), Some("1"));
        assert_eq!(
            metadata
                .get_all("a")
                .filter_map(Value::as_str)
                .collect::<Vec<_>>(),
            ["1", "2"]
        );
        assert_eq!(metadata.get("b-bin"), None);
        assert_eq!(metadata.get_bin("b-bin").as_deref(), Some(&[0, 255][..]));
        metadata.insert("a", "3").unwrap();
        assert_eq!(metadata.get_all("a").count(), 1);
        assert!(metadata.remove("a"));
        assert_eq!(metadata.len(), 1);
    }

    #[test]
    fn what_cannot_travel_is_refused_with_its_key() {
        let mut metadata = Metadata::new();
        for (key, value) in [
            ("", "x"),
            ("Upper", "x"),
            ("grpc-timeout", "1S"),
            ("grpc-status", "0"),
            ("grpc-anything", "0"),
            (":path", "/"),
            ("te", "trailers"),
            ("content-type", "x"),
            ("connection", "close"),
            ("key", "new\nline"),
            ("key", "\u{fc}"),
            ("key", " x"),
            ("key", "x "),
            ("key", " "),
            ("grpc-anything-bin", "0"),
            ("grpc-status-details-bin", "0"),
        ] {
            let error = metadata.append(key, value).unwrap_err();
            assert!(error.to_string().contains(&format!("{key:?}")), "{error}");
        }
        assert!(metadata.is_empty());
    }

    #[test]
    fn what_a_peer_may_send_and_others_may_not_be_sent_stays_here() {
        let fields = [
            ("a", "1"),
            ("b", "x\x01y"),
            ("c", "\u{fc}"),
            ("d", "x\ty"),
            ("e-bin", "AA"),
        ];
        let fields = fields.map(|(name, value)| Header::new(name.as_bytes(), value.as_bytes()));
        let metadata = Metadata::from_fields(fields.to_vec());
        assert_eq!(metadata.get("b"), Some("x\x01y"));
        assert_eq!(metadata.len(), 5);
        let sent: Vec<_> = metadata.fields().map(Header::name).collect();
        assert_eq!(sent, [&b"a"[..], b"e-bin"]);
    }

    #[test]
    fn both_paddings_are_read() {
        assert_eq!(decode_binary(b"AQ==").as_deref(), Some(&[1][..]));
        assert_eq!(decode_binary(b"AQ").as_deref(), Some(&[1][..]));
        assert_eq!(decode_binary(b"").as_deref(), Some(&[][..]));
        assert_eq!(decode_binary(b"!"), None);
        assert_eq!(decode_binary(b"AQ,Ag"), None);
        assert_eq!(encode_binary(&[1]), "AQ");
    }

    proptest! {
        #[test]
        fn binary_values_come_back(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut metadata = Metadata::new();
            metadata.append("x-bin", &bytes).unwrap();
            let read = metadata.get_bin("x-bin");
            prop_assert_eq!(read.as_deref(), Some(&bytes[..]));
        }

        #[test]
        fn any_value_decodes_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..32)) {
            decode_binary(&bytes);
        }
    }
}

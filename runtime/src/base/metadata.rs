//! Metadata: the key-value pairs that travel with a call.

mod pairs;

use std::error::Error;
use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;

pub use self::pairs::MetadataPair;

use self::pairs::Iter;
#[cfg(feature = "server")]
use crate::base::header::Kinds;
use crate::base::header::{Header, Kind};

/// The base64 of binary values. gRPC requires padded and unpadded values to be read, and unpadded ones to be sent.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The metadata of a call: an ordered list of key-value pairs. A key may occur more than once.
///
/// Keys are lower-case ASCII. The value of a key that ends in `-bin` is bytes. Any other value is printable ASCII text that
/// neither starts nor ends with a space. Fields that gRPC itself sends with a call, such as `grpc-timeout` and `content-type`,
/// are not metadata and cannot be set here.
///
/// Metadata from a peer is read more leniently. Spaces and tabs around a value are stripped, and binary values joined by commas
/// become separate pairs. A value with characters other than printable ASCII can be read, but is not sent when the metadata is
/// passed on to another call.
///
/// Cloning metadata copies references, and not the texts. Metadata from a peer shares its text with the connection that decoded it.
///
/// `try_from` converts an array, a slice or a vector of pairs to metadata. Functions that take `impl TryInto<Metadata>` accept such
/// pairs directly. The pairs that an iterator over metadata returns can be collected into metadata again.
///
/// ```
/// # fn main() -> Result<(), stubwright::InvalidMetadata> {
/// use stubwright::{Metadata, MetadataPair};
///
/// let mut metadata = Metadata::try_from([("tenant", "7"), ("trace-id", "abc")])?;
/// metadata.append("token-bin", [0, 255])?;
/// metadata.append_all([("tenant", "8")])?;
/// for (key, value) in &metadata {
///     println!("{key}: {value:?}");
/// }
/// let tenants: Metadata = metadata.into_iter().filter(|pair| pair.key() == "tenant").collect();
/// assert_eq!(tenants, Metadata::try_from([("tenant", "7"), ("tenant", "8")])?);
///
/// let numbered = (1..=3).map(|number| MetadataPair::new("number", number.to_string()));
/// let numbers = numbered.collect::<Result<Metadata, _>>()?;
/// assert_eq!(numbers.len(), 3);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The fields that a peer sent, including those that are not metadata. [`Metadata::iter`] skips the latter.
    fields: Vec<Header>,
}

/// The error for a pair that cannot be metadata. Its text names the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidMetadata {
    key: String,
    reason: &'static str,
}

impl Metadata {
    /// Creates empty metadata without allocating.
    pub const fn new() -> Metadata {
        Metadata { fields: Vec::new() }
    }

    /// Appends a pair. Pairs with the same key are kept.
    ///
    /// # Errors
    /// Returns an error if the key
    ///
    /// - is empty,
    /// - has characters other than `0-9 a-z _ - .`, or
    /// - is reserved for gRPC or HTTP/2;
    ///
    /// or if the key doesn't end in `-bin` and the value
    ///
    /// - has characters other than printable ASCII, or
    /// - starts or ends with a space, which HTTP/2 forbids.
    pub fn append(
        &mut self,
        key: impl AsRef<str>,
        value: impl AsRef<[u8]>,
    ) -> Result<(), InvalidMetadata> {
        self.fields.push(checked(key.as_ref(), value.as_ref())?);
        Ok(())
    }

    /// Appends all pairs of other metadata, or of an array, a slice or a vector of pairs.
    ///
    /// # Errors
    /// Fails like [`Metadata::append`] if one of the pairs is invalid. No pair is appended then.
    pub fn append_all(
        &mut self,
        pairs: impl TryInto<Metadata, Error: Into<InvalidMetadata>>,
    ) -> Result<(), InvalidMetadata> {
        self.merge(pairs.try_into().map_err(Into::into)?);
        Ok(())
    }

    /// Sets the value of a key, in place of all existing pairs with this key.
    ///
    /// # Errors
    /// Fails like [`Metadata::append`].
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

    /// Removes all pairs with this key. Returns whether there were any.
    pub fn remove(&mut self, key: impl AsRef<str>) -> bool {
        let before = self.fields.len();
        self.fields
            .retain(|field| !is_metadata(field) || field.name() != key.as_ref().as_bytes());
        self.fields.len() < before
    }

    /// Returns the text of the first pair with this key. Returns `None` if there is no such pair, if the key ends in `-bin`, or if
    /// the value is not UTF-8.
    pub fn get(&self, key: impl AsRef<str>) -> Option<&str> {
        let key = key.as_ref();
        self.iter()
            .find(|(name, _)| *name == key)
            .and_then(|(_, value)| value.as_str())
    }

    /// Returns the bytes of the first pair with this key, decoded from base64 if the key ends in `-bin`. Returns `None` if there is
    /// no such pair, or if a peer sent invalid base64.
    pub fn get_bin(&self, key: impl AsRef<str>) -> Option<Bytes> {
        let key = key.as_ref();
        self.iter()
            .find(|(name, _)| *name == key)
            .and_then(|(_, value)| value.to_bytes())
    }

    /// Returns the values of all pairs with this key, in order.
    pub fn get_all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = Value<'a>> + 'a {
        self.iter()
            .filter(move |(name, _)| *name == key)
            .map(|(_, value)| value)
    }

    /// Returns whether there is a pair with this key.
    pub fn contains_key(&self, key: impl AsRef<str>) -> bool {
        self.iter().any(|(name, _)| name == key.as_ref())
    }

    /// Returns an iterator over all pairs, in order.
    pub fn iter(&self) -> Iter<'_> {
        Iter::new(self.fields.iter())
    }

    /// Returns the number of pairs.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Returns whether there are no pairs.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Wraps the fields that a connection decoded.
    pub(crate) fn from_fields(fields: Vec<Header>) -> Metadata {
        Metadata { fields }
    }

    /// Returns the fields to send. Fields of a peer that gRPC does not allow are left out.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &Header> {
        let fields = self.fields.iter();
        fields.filter(|field| is_metadata(field) && field.is_tidy())
    }

    /// Returns all fields that a peer sent, metadata or not.
    pub(crate) fn all_fields(&self) -> impl Iterator<Item = &Header> {
        self.fields.iter()
    }

    /// Returns the set of the kinds of all fields. A look into the set is cheaper than a search for each of several fields that
    /// most requests do not have.
    #[cfg(feature = "server")]
    pub(crate) fn kinds(&self) -> Kinds {
        self.fields.iter().map(Header::kind).collect()
    }

    /// Returns the first field of a kind, metadata or not.
    pub(crate) fn field(&self, kind: Kind) -> Option<&Header> {
        self.fields.iter().find(|field| field.kind() == kind)
    }

    /// Appends the pairs of `more`.
    pub(crate) fn merge(&mut self, more: Metadata) {
        if self.fields.is_empty() {
            self.fields = more.fields;
        } else {
            self.fields.extend(more.fields);
        }
    }

    /// Prepends those pairs of `defaults` whose keys do not occur here.
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

    /// Returns the first field whose value should be base64 but isn't.
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

/// The value of a [`MetadataPair`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Value<'a>(&'a Header);

impl<'a> Value<'a> {
    /// Returns the value as text. Returns `None` if the key ends in `-bin`, or if a peer sent text that is not UTF-8.
    pub fn as_str(self) -> Option<&'a str> {
        if self.0.kind() == Kind::Binary {
            return None;
        }
        std::str::from_utf8(self.0.value()).ok()
    }

    /// Returns the bytes of the value, decoded from base64 if the key ends in `-bin`. Returns `None` if a peer sent invalid base64.
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

/// Decodes the value of a `-bin` field. Values joined by commas were split when the field was received.
pub(crate) fn decode_binary(value: &[u8]) -> Option<Bytes> {
    BASE64.decode(value).ok().map(Bytes::from)
}

/// Encodes the value of a `-bin` field.
pub(crate) fn encode_binary(value: &[u8]) -> String {
    BASE64.encode(value)
}

/// Returns whether a field is metadata rather than a field that HTTP/2 or gRPC sends with the call.
fn is_metadata(field: &Header) -> bool {
    matches!(
        field.kind(),
        Kind::UserAgent | Kind::GrpcOther | Kind::Binary | Kind::Other
    )
}

/// Returns the key of a field that is metadata.
fn key_of(field: &Header) -> Option<&str> {
    if !is_metadata(field) {
        return None;
    }
    std::str::from_utf8(field.name()).ok()
}

/// Creates the field of a pair that a user wants to send, if it is allowed.
fn checked(key: &str, value: &[u8]) -> Result<Header, InvalidMetadata> {
    let invalid = |reason| InvalidMetadata {
        key: key.to_owned(),
        reason,
    };
    if matches!(key, "host" | ":authority") {
        return Err(invalid(
            "the host of a call is set by `.authority()`, of the call or of the channel",
        ));
    }
    if key.is_empty() {
        return Err(invalid("a key cannot be empty"));
    }
    if !key
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'_' | b'-' | b'.'))
    {
        return Err(invalid("a key may contain only 0-9 a-z _ - ."));
    }
    let field = if key.ends_with("-bin") {
        Header::new(key.as_bytes(), encode_binary(value).as_bytes())
    } else {
        if !value.iter().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(invalid(
                "a value must be printable ASCII; to send bytes, end the key in -bin",
            ));
        }
        if matches!(value, [b' ', ..] | [.., b' ']) {
            return Err(invalid(
                "a value cannot start or end with a space; trim it, or end the key in -bin",
            ));
        }
        Header::new(key.as_bytes(), value)
    };
    let is_reserved =
        key.starts_with("grpc-") && !matches!(key, "grpc-trace-bin" | "grpc-tags-bin");
    match field.kind() {
        Kind::Binary | Kind::Other if field.is_tidy() && !is_reserved => Ok(field),
        _ => Err(invalid("this key is reserved for HTTP/2 or gRPC")),
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
    fn pairs_that_cannot_be_sent_are_refused_with_their_key() {
        let mut metadata = Metadata::new();
        for (key, value) in [
            ("", "x"),
            ("host", "a.example"),
            (":authority", "a.example"),
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
    fn the_error_for_a_host_names_the_option() {
        for key in ["host", ":authority"] {
            let error = Metadata::new().append(key, "a.example").unwrap_err();
            assert!(error.to_string().contains("`.authority()`"), "{error}");
        }
    }

    #[test]
    fn untidy_fields_of_a_peer_are_not_sent_on() {
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

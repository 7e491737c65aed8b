//! The pairs of metadata: making metadata of them, and iterating over them.

use std::convert::Infallible;
use std::fmt;

use super::{InvalidMetadata, Metadata, Value, checked, is_metadata, key_of};
use crate::base::header::Header;

/// One pair of [`Metadata`]: a key and a value.
#[derive(Clone, PartialEq, Eq)]
pub struct MetadataPair(Header);

impl MetadataPair {
    /// Creates a pair.
    ///
    /// # Errors
    /// Fails like [`Metadata::append`].
    pub fn new(
        key: impl AsRef<str>,
        value: impl AsRef<[u8]>,
    ) -> Result<MetadataPair, InvalidMetadata> {
        checked(key.as_ref(), value.as_ref()).map(MetadataPair)
    }

    /// Returns the key.
    pub fn key(&self) -> &str {
        key_of(&self.0).unwrap_or_default()
    }

    /// Returns the value.
    pub fn value(&self) -> Value<'_> {
        Value(&self.0)
    }
}

/// An iterator over the pairs of [`Metadata`], in order.
#[derive(Clone)]
pub struct Iter<'a>(std::slice::Iter<'a, Header>);

impl<'a> Iter<'a> {
    /// Iterates over the metadata among the fields.
    pub(super) fn new(fields: std::slice::Iter<'a, Header>) -> Iter<'a> {
        Iter(fields)
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, Value<'a>);

    fn next(&mut self) -> Option<(&'a str, Value<'a>)> {
        self.0
            .find_map(|field| Some((key_of(field)?, Value(field))))
    }
}

impl<'a> IntoIterator for &'a Metadata {
    type Item = (&'a str, Value<'a>);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// An owning iterator over the pairs of [`Metadata`], in order.
pub struct IntoIter(std::vec::IntoIter<Header>);

impl Iterator for IntoIter {
    type Item = MetadataPair;

    fn next(&mut self) -> Option<MetadataPair> {
        self.0.find(is_metadata).map(MetadataPair)
    }
}

impl IntoIterator for Metadata {
    type Item = MetadataPair;
    type IntoIter = IntoIter;

    fn into_iter(self) -> IntoIter {
        IntoIter(self.fields.into_iter())
    }
}

impl Extend<MetadataPair> for Metadata {
    fn extend<I: IntoIterator<Item = MetadataPair>>(&mut self, pairs: I) {
        self.fields.extend(pairs.into_iter().map(|pair| pair.0));
    }
}

impl FromIterator<MetadataPair> for Metadata {
    fn from_iter<I: IntoIterator<Item = MetadataPair>>(pairs: I) -> Metadata {
        let mut metadata = Metadata::new();
        metadata.extend(pairs);
        metadata
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>> TryFrom<&[(K, V)]> for Metadata {
    type Error = InvalidMetadata;

    fn try_from(pairs: &[(K, V)]) -> Result<Metadata, InvalidMetadata> {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| MetadataPair::new(key, value))
            .collect()
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>, const N: usize> TryFrom<[(K, V); N]> for Metadata {
    type Error = InvalidMetadata;

    fn try_from(pairs: [(K, V); N]) -> Result<Metadata, InvalidMetadata> {
        Metadata::try_from(pairs.as_slice())
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>> TryFrom<Vec<(K, V)>> for Metadata {
    type Error = InvalidMetadata;

    fn try_from(pairs: Vec<(K, V)>) -> Result<Metadata, InvalidMetadata> {
        Metadata::try_from(pairs.as_slice())
    }
}

impl From<&Metadata> for Metadata {
    fn from(metadata: &Metadata) -> Metadata {
        metadata.clone()
    }
}

/// Exists so that functions which convert pairs also accept [`Metadata`] itself. That conversion never fails.
impl From<Infallible> for InvalidMetadata {
    fn from(never: Infallible) -> InvalidMetadata {
        match never {}
    }
}

impl fmt::Debug for MetadataPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {:?}", self.key(), self.value())
    }
}

impl fmt::Debug for Iter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.clone()).finish()
    }
}

impl fmt::Debug for IntoIter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(Iter(self.0.as_slice().iter()))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_a_slice_a_vector_and_metadata_become_metadata() {
        let expected = Metadata::try_from([("a", "1"), ("b", "2")]).unwrap();
        assert_eq!(expected.get("b"), Some("2"));
        let pairs = vec![("a".to_owned(), b"1".to_vec()), ("b".into(), b"2".into())];
        assert_eq!(Metadata::try_from(pairs.as_slice()).unwrap(), expected);
        assert_eq!(Metadata::try_from(pairs).unwrap(), expected);
        assert_eq!(Metadata::from(&expected), expected);
        let error = Metadata::try_from([("a", "1"), ("B", "2")]).unwrap_err();
        assert!(error.to_string().contains("\"B\""), "{error}");
    }

    #[test]
    fn pairs_are_appended_all_or_none() {
        let mut metadata = Metadata::try_from([("a", "1")]).unwrap();
        metadata.append_all([("a", "2"), ("c", "3")]).unwrap();
        metadata.append_all(metadata.clone()).unwrap();
        let expected = [("a", "1"), ("a", "2"), ("c", "3")].repeat(2);
        assert_eq!(metadata, Metadata::try_from(expected).unwrap());
        assert!(metadata.append_all([("d", "4"), ("D", "5")]).is_err());
        assert_eq!(metadata.len(), 6);
    }

    #[test]
    fn iterators_give_the_metadata_among_the_fields_of_a_peer() {
        let fields = [
            (":path", "/"),
            ("a", "1"),
            ("grpc-timeout", "1S"),
            ("b-bin", "AQ"),
        ];
        let fields = fields.map(|(name, value)| Header::new(name.as_bytes(), value.as_bytes()));
        let metadata = Metadata::from_fields(fields.to_vec());
        let keys: Vec<_> = (&metadata).into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["a", "b-bin"]);
        assert_eq!(format!("{:?}", metadata.iter()), format!("{metadata:?}"));
        let pairs: Vec<_> = metadata.clone().into_iter().collect();
        assert_eq!(
            format!("{pairs:?}"),
            r#"["a": "1", "b-bin": Some(b"\x01")]"#
        );
        assert_eq!(pairs[1].value().to_bytes().as_deref(), Some(&[1][..]));
        let mut collected: Metadata = pairs.clone().into_iter().collect();
        collected.extend(pairs);
        assert_eq!(collected.len(), 4);
        assert_eq!(collected.all_fields().count(), 4);
    }
}

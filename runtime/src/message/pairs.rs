//! Maps as lists of pairs.

use std::borrow::Borrow;
use std::mem;

/// A map as a list of pairs: a field for which the generator's option `map_type` asks for a `Vec`.
///
/// A key may occur several times, and its last pair counts. Both methods search the list from its end.
pub trait Pairs<K, V> {
    /// Returns the value of a key.
    fn lookup<Q: Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>;

    /// Sets the value of a key. Returns the value that the key had.
    fn set(&mut self, key: K, value: V) -> Option<V>
    where
        K: Eq;
}

impl<K, V> Pairs<K, V> for Vec<(K, V)> {
    fn lookup<Q: Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let mut pairs = self.iter().rev();
        let (_, value) = pairs.find(|(other, _)| other.borrow() == key)?;
        Some(value)
    }

    fn set(&mut self, key: K, value: V) -> Option<V>
    where
        K: Eq,
    {
        match self.iter_mut().rev().find(|(other, _)| *other == key) {
            Some((_, old)) => Some(mem::replace(old, value)),
            None => {
                self.push((key, value));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_pair_of_a_key_counts() {
        let mut pairs = vec![
            ("a".to_owned(), 1),
            ("b".to_owned(), 2),
            ("a".to_owned(), 3),
        ];
        assert_eq!(pairs.lookup("a"), Some(&3));
        assert_eq!(pairs.lookup("c"), None);
        assert_eq!(pairs.set("a".to_owned(), 4), Some(3));
        assert_eq!(pairs.set("c".to_owned(), 5), None);
        assert_eq!(pairs.lookup("a"), Some(&4));
        assert_eq!(pairs.len(), 4);
    }
}

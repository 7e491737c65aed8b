//! Maps as fields.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};

use super::{DecodeError, Reader};

/// A field that is a map.
pub trait MapField {
    /// The type of the keys.
    type Key: Default;
    /// The type of the values.
    type Value;

    /// Makes room for the entries that follow each other, including the one that is read next.
    ///
    /// # Errors
    /// Fails if the map needs too much memory.
    fn prepare(&mut self, from: &mut Reader<'_>) -> Result<(), DecodeError>;

    /// Adds an entry. An earlier entry with the same key counts no more.
    ///
    /// # Errors
    /// Fails if the map needs too much memory.
    fn add(
        &mut self,
        key: Self::Key,
        value: Self::Value,
        from: &mut Reader<'_>,
    ) -> Result<(), DecodeError>;

    /// Passes each entry to `write`.
    fn each(&self, write: impl FnMut(&Self::Key, &Self::Value));
}

impl<K: Default + Eq + Hash, V, S: BuildHasher> MapField for HashMap<K, V, S> {
    type Key = K;
    type Value = V;

    #[inline]
    fn prepare(&mut self, from: &mut Reader<'_>) -> Result<(), DecodeError> {
        if self.capacity() > 0 {
            return Ok(());
        }
        let entries = from.run();
        from.charge(table_size::<(K, V)>(entries))?;
        self.reserve(entries);
        Ok(())
    }

    #[inline]
    fn add(&mut self, key: K, value: V, from: &mut Reader<'_>) -> Result<(), DecodeError> {
        if self.len() < self.capacity() {
            self.insert(key, value);
            return Ok(());
        }
        let before = self.capacity();
        let (old, new) = (
            table_size::<(K, V)>(before),
            table_size::<(K, V)>(before + 1),
        );
        from.charge(new)?;
        self.insert(key, value);
        // The key may have been there already.
        from.refund(if self.capacity() == before { new } else { old });
        Ok(())
    }

    #[inline]
    fn each(&self, mut write: impl FnMut(&K, &V)) {
        for (key, value) in self {
            write(key, value);
        }
    }
}

/// Returns the number of bytes of a hash table. It has eight places for seven entries, and a byte for each place.
fn table_size<T>(entries: usize) -> usize {
    match entries {
        0 => 0,
        _ => (entries * 8 / 7).max(3).next_power_of_two() * (size_of::<T>() + 1),
    }
}

impl<K: Default + Ord, V> MapField for BTreeMap<K, V> {
    type Key = K;
    type Value = V;

    #[inline]
    fn prepare(&mut self, _from: &mut Reader<'_>) -> Result<(), DecodeError> {
        Ok(())
    }

    #[inline]
    fn add(&mut self, key: K, value: V, from: &mut Reader<'_>) -> Result<(), DecodeError> {
        // The nodes of a tree are half full at worst.
        from.charge(2 * size_of::<(K, V)>() + size_of::<usize>())?;
        self.insert(key, value);
        Ok(())
    }

    #[inline]
    fn each(&self, mut write: impl FnMut(&K, &V)) {
        for (key, value) in self {
            write(key, value);
        }
    }
}

/// Keeps all entries as they came.
impl<K: Default, V> MapField for Vec<(K, V)> {
    type Key = K;
    type Value = V;

    #[inline]
    fn prepare(&mut self, from: &mut Reader<'_>) -> Result<(), DecodeError> {
        from.room(self)
    }

    #[inline]
    fn add(&mut self, key: K, value: V, _from: &mut Reader<'_>) -> Result<(), DecodeError> {
        self.push((key, value));
        Ok(())
    }

    #[inline]
    fn each(&self, mut write: impl FnMut(&K, &V)) {
        for (key, value) in self {
            write(key, value);
        }
    }
}

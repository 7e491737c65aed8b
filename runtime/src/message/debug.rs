//! `Debug` of fields that are enums.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::marker::PhantomData;

use super::MapView;

/// A field that holds numbers of the enum `E`. Its `Debug` prints the names of the values.
pub struct Named<'a, F, E> {
    field: &'a F,
    kind: PhantomData<E>,
}

impl<'a, F, E> Named<'a, F, E> {
    /// Borrows a field.
    pub fn new(field: &'a F) -> Named<'a, F, E> {
        Named {
            field,
            kind: PhantomData,
        }
    }
}

/// Prints the number if it is not a value of the enum.
impl<E: TryFrom<i32> + fmt::Debug> fmt::Debug for Named<'_, i32, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match E::try_from(*self.field) {
            Ok(value) => value.fmt(f),
            Err(_) => self.field.fmt(f),
        }
    }
}

impl<E: TryFrom<i32> + fmt::Debug> fmt::Debug for Named<'_, Option<i32>, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.field.as_ref().map(Named::<_, E>::new).fmt(f)
    }
}

impl<E: TryFrom<i32> + fmt::Debug> fmt::Debug for Named<'_, Vec<i32>, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.field.iter().map(Named::<_, E>::new);
        f.debug_list().entries(values).finish()
    }
}

impl<K: fmt::Debug, E: TryFrom<i32> + fmt::Debug> fmt::Debug for Named<'_, Vec<(K, i32)>, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs = self.field.iter();
        let pairs = pairs.map(|(key, value)| (key, Named::<_, E>::new(value)));
        f.debug_list().entries(pairs).finish()
    }
}

impl<K: fmt::Debug, S, E: TryFrom<i32> + fmt::Debug> fmt::Debug
    for Named<'_, HashMap<K, i32, S>, E>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.field.iter();
        let entries = entries.map(|(key, value)| (key, Named::<_, E>::new(value)));
        f.debug_map().entries(entries).finish()
    }
}

impl<K: fmt::Debug, E: TryFrom<i32> + fmt::Debug> fmt::Debug for Named<'_, BTreeMap<K, i32>, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.field.iter();
        let entries = entries.map(|(key, value)| (key, Named::<_, E>::new(value)));
        f.debug_map().entries(entries).finish()
    }
}

impl<K: fmt::Debug, E: TryFrom<i32> + fmt::Debug> fmt::Debug for Named<'_, MapView<K, i32>, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.field.iter();
        let entries = entries.map(|(key, value)| (key, Named::<_, E>::new(value)));
        f.debug_map().entries(entries).finish()
    }
}

//! The Rust types that a map field can have.

/// The Rust type of a map field, for [`Config::map_type`](crate::Config::map_type). As a parameter of the plugin it is written in snake
/// case, for example `map_type=.package.Message=btree_map`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MapType {
    /// `HashMap` of the standard library, with its hasher. This is the default.
    ///
    /// The hasher is keyed at random, so a peer cannot choose keys that collide. Hashing takes about a fifth of the time in which a
    /// message with many small maps is decoded.
    HashMap,
    /// `BTreeMap`, which keeps its entries in order.
    ///
    /// The same map is always encoded as the same bytes. Decoding takes longer the more entries there are.
    BTreeMap,
    /// `stubwright::FastMap`, a `HashMap` with a fast hasher. The generated code needs the feature `fast-maps` of `stubwright`.
    ///
    /// The hasher is seeded once per process. It is no defence against a peer that chooses keys and can measure how long they take:
    /// such a peer can make each lookup search the whole map. Use it for peers that you trust.
    FastMap,
    /// `Vec` of pairs, which keeps all entries in the order in which they came.
    ///
    /// Decoding is fastest, because it does not look for earlier entries of a key. A lookup searches the whole list:
    /// `stubwright::Pairs` has methods that look up and set the last entry of a key. Two lists are equal if they have the same
    /// entries in the same order. All entries of a key are encoded, and other implementations use the last.
    Vec,
}

/// All map types, by their names as parameters.
const NAMES: [(&str, MapType); 4] = [
    ("btree_map", MapType::BTreeMap),
    ("fast_map", MapType::FastMap),
    ("hash_map", MapType::HashMap),
    ("vec", MapType::Vec),
];

impl MapType {
    /// Returns the type with this name as a parameter.
    ///
    /// # Errors
    /// Returns the names of all types if there is none with this name.
    pub(crate) fn named(name: &str) -> Result<Self, String> {
        match NAMES.iter().find(|(known, _)| *known == name) {
            Some((_, kind)) => Ok(*kind),
            None => Err(NAMES.map(|(known, _)| format!("`{known}`")).join(", ")),
        }
    }
}

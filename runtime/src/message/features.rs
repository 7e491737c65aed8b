//! The features that messages need by their types.

/// Defines a macro that stands at the top of code which was generated with an option. It is a compile error without the feature.
macro_rules! needs {
    ($macro:ident, $option:literal, $feature:literal) => {
        #[cfg(feature = $feature)]
        #[doc(hidden)]
        #[macro_export]
        macro_rules! $macro {
            () => {};
        }

        #[cfg(not(feature = $feature))]
        #[doc(hidden)]
        #[macro_export]
        macro_rules! $macro {
            () => {
                ::core::compile_error!(::core::concat!(
                    "this code was generated with the option `",
                    $option,
                    "`, and stubwright is built without the feature `",
                    $feature,
                    "`: enable the feature, or generate the code without the option"
                ));
            };
        }
    };
}

needs! { generated_shared_strings, "shared_strings", "shared-strings" }
needs! { generated_fast_maps, "MapType::FastMap", "fast-maps" }

#[cfg(feature = "shared-strings")]
pub use bytestring;

/// Stands in for the crate, so that code that needs it without the feature is one error and not many.
#[cfg(not(feature = "shared-strings"))]
#[doc(hidden)]
pub mod bytestring {
    pub type ByteString = String;
}

/// A map with a fast hasher, for fields for which the generator's option `map_type` asks for it.
///
/// The hasher is [foldhash](https://docs.rs/foldhash), seeded once per process. It is no defence against a peer that chooses keys and
/// can measure how long they take, or see the order in which they are iterated over: such a peer can find keys that collide, and a
/// lookup then searches all of them. Use it for peers that you trust. Create a map by `FastMap::default()` or `collect()`.
#[cfg(feature = "fast-maps")]
pub type FastMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;

/// Stands in for the map, so that code that needs it without the feature is one error and not many.
#[cfg(not(feature = "fast-maps"))]
#[doc(hidden)]
pub type FastMap<K, V> = std::collections::HashMap<K, V>;

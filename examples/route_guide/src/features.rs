//! The features on the map.

use crate::routeguide::{Feature, Point};

/// Returns the features. Those without a name mark points without a feature.
pub fn features() -> Vec<Feature> {
    let feature = |name: &str, latitude, longitude| Feature {
        name: name.to_owned(),
        location: Some(Point {
            latitude,
            longitude,
        }),
    };
    vec![
        feature("Patriots Path", 407_838_351, -746_143_763),
        feature("", 408_122_808, -743_999_179),
        feature("Berkshire Valley", 409_146_138, -746_188_906),
        feature("U.S. 6, Shohola", 413_628_156, -749_015_468),
        feature(
            "Berkshire Valley Management Area Trail",
            409_146_138,
            -746_188_900,
        ),
    ]
}

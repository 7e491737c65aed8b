//! Points on the surface of the earth.

use crate::routeguide::{Feature, Point, Rectangle};

/// Returns whether a feature is inside a rectangle, given by any two opposite corners.
pub(crate) fn is_inside(rectangle: &Rectangle, feature: &Feature) -> bool {
    let lo = rectangle.lo.unwrap_or_default();
    let hi = rectangle.hi.unwrap_or_default();
    let at = feature.location.unwrap_or_default();
    let between = |a: i32, b: i32, x: i32| a.min(b) <= x && x <= a.max(b);
    between(lo.latitude, hi.latitude, at.latitude)
        && between(lo.longitude, hi.longitude, at.longitude)
}

/// Returns the distance of two points in metres, by the haversine formula.
pub(crate) fn distance(from: &Point, to: &Point) -> f64 {
    let radians = |degrees: i32| (f64::from(degrees) / 1e7).to_radians();
    let (from_latitude, to_latitude) = (radians(from.latitude), radians(to.latitude));
    let half = |a: f64, b: f64| ((a - b) / 2.0).sin().powi(2);
    let a = half(to_latitude, from_latitude)
        + from_latitude.cos()
            * to_latitude.cos()
            * half(radians(to.longitude), radians(from.longitude));
    6_371_000.0 * 2.0 * a.sqrt().atan2((1.0 - a).sqrt())
}

//! The service of gRPC's own tutorial: features on a map, the ones in a rectangle, a route that is recorded, and notes that
//! travellers leave for each other.

mod features;
mod map;
mod servicer;

pub use features::features;
pub use servicer::RouteGuide;

// The module `routeguide`, named after the package of the proto.
stubwright::include_protos!();

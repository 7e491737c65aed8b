//! The service of gRPC's own tutorial: it gets the feature at a point, lists the features in a rectangle, records a
//! route, and exchanges notes between travellers.

mod features;
mod map;
mod servicer;

pub use features::features;
pub use servicer::RouteGuide;

// The module `routeguide`, named after the package of the proto.
stubwright::include_protos!();

//! Load balancing policies, which decide where calls go. A new policy is a file, and a line in [`OWN`].

pub(crate) mod child;
pub(crate) mod least_request;
pub(crate) mod load_balancing;
pub(crate) mod outlier_detection;
pub(crate) mod pick_first;
pub(crate) mod picker;
pub(crate) mod policy;
pub(crate) mod registry;
pub(crate) mod round_robin;
pub(crate) mod spreading;
pub(crate) mod subchannel;
pub(crate) mod weighted_round_robin;

/// The policies of this library.
static OWN: &[&dyn policy::PolicyFactory] = &[
    &pick_first::PickFirstFactory,
    &round_robin::RoundRobinFactory,
    &least_request::LeastRequestFactory,
    &weighted_round_robin::WeightedRoundRobinFactory,
    &outlier_detection::OutlierDetectionFactory,
];

/// Registers the policies of this library, before a config is read.
pub(crate) fn know_own_policies() {
    registry::register_missing(OWN);
}

//! How calls are spread over several servers.

/// How the calls of a channel are spread over the servers that its target has. gRPC's "load balancing policy".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadBalancing {
    /// All calls go to one server: the first in the order of the addresses that can be reached, and another when that one is
    /// lost. gRPC's `pick_first`, and its default.
    #[default]
    PickFirst,
    /// Calls go to all servers in turn. gRPC's `round_robin`.
    RoundRobin,
    /// Of so many servers that are drawn by lot, 2 to 10 and as a rule 2, the one with the fewest open calls takes the next.
    /// gRPC's `least_request` (gRFC A48), whose `choiceCount` the number is.
    LeastRequest(u32),
}

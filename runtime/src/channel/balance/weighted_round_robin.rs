//! `weighted_round_robin`: calls go to all servers in proportion to their weights.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::picker::{CallInfo, Pick, Picker};
use super::policy::{Policy, PolicyFactory};
use super::spreading::{Spreading, with_room};
use super::subchannel::ReadySubchannel;
use crate::base::jitter::random;

/// Creates policies that send calls to all servers, in proportion to the weights of their addresses.
#[derive(Debug)]
pub(crate) struct WeightedRoundRobinFactory;

impl PolicyFactory for WeightedRoundRobinFactory {
    fn name(&self) -> &'static str {
        "weighted_round_robin"
    }

    fn build(&self) -> Box<dyn Policy> {
        Box::new(Spreading::new(|_| {
            Box::new(|servers| Arc::new(Shares::new(servers)))
        }))
    }
}

/// Servers with their shares of the calls. A server without room is skipped.
struct Shares {
    servers: Vec<ReadySubchannel>,
    /// The end of each server's share, between 0 and the sum of all weights.
    ends: Vec<u64>,
    next: AtomicU64,
}

/// The golden ratio as a fraction of 2^64. Any number of its multiples is spread evenly, so a server doesn't get its calls in a
/// row.
const GOLDEN_RATIO: u64 = 0x9e37_79b9_7f4a_7c15;

impl Shares {
    fn new(servers: Vec<(ReadySubchannel, u32)>) -> Shares {
        let weights = servers.iter().map(|(_, weight)| *weight);
        Shares {
            ends: ends(weights),
            servers: servers.into_iter().map(|(server, _)| server).collect(),
            next: AtomicU64::new(random()),
        }
    }
}

/// Returns the end of each server's share. A weight of 0 counts as 1, so that every server has calls.
fn ends(weights: impl Iterator<Item = u32>) -> Vec<u64> {
    let sums = weights.scan(0_u64, |sum, weight| {
        *sum += u64::from(weight.max(1));
        Some(*sum)
    });
    sums.collect()
}

/// Returns the index of the server to which a turn belongs.
fn place(ends: &[u64], turn: u64) -> usize {
    let total = ends.last().copied().unwrap_or(1);
    let spread = u128::from(turn.wrapping_mul(GOLDEN_RATIO)) * u128::from(total);
    let point = u64::try_from(spread >> 64).unwrap_or(0);
    ends.partition_point(|&end| end <= point)
}

impl Picker for Shares {
    fn pick(&self, _call: &CallInfo<'_>) -> Pick {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let place = place(&self.ends, turn).min(self.servers.len());
        with_room(&self.servers, place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_shared_by_weight_and_evenly() {
        let ends = ends([5, 1, 0, 3].into_iter());
        assert_eq!(ends, [5, 6, 7, 10]);
        let mut turns = [0; 4];
        for turn in 0..1000 {
            turns[place(&ends, turn)] += 1;
        }
        for (turns, expected) in turns.into_iter().zip([500_i32, 100, 100, 300]) {
            assert!((turns - expected).abs() <= 3, "{turns}");
        }
        // The server with half of the calls never waits for more than three turns.
        let own: Vec<u64> = (0..1000).filter(|&turn| place(&ends, turn) == 0).collect();
        assert!(own.windows(2).all(|pair| pair[1] - pair[0] <= 3));
    }
}

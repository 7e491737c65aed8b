//! `round_robin`: calls go to all servers in turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::picker::{CallInfo, Pick, Picker};
use super::policy::{Policy, PolicyFactory};
use super::spreading::{Spreading, with_room};
use super::subchannel::ReadySubchannel;
use crate::base::jitter::random;

/// Creates policies that send calls to all servers in turn.
#[derive(Debug)]
pub(crate) struct RoundRobinFactory;

impl PolicyFactory for RoundRobinFactory {
    fn name(&self) -> &'static str {
        "round_robin"
    }

    fn build(&self) -> Box<dyn Policy> {
        Box::new(Spreading::new(|_| {
            Box::new(|servers| Arc::new(Turns::new(servers)))
        }))
    }
}

/// Servers that take turns. A server without room is skipped.
struct Turns {
    servers: Vec<ReadySubchannel>,
    next: AtomicUsize,
}

impl Turns {
    fn new(servers: Vec<(ReadySubchannel, u32)>) -> Turns {
        Turns {
            servers: servers.into_iter().map(|(server, _)| server).collect(),
            // Channels that are created at the same time begin at different servers.
            next: AtomicUsize::new(usize::try_from(random() >> 33).unwrap_or(0)),
        }
    }
}

impl Picker for Turns {
    fn pick(&self, _call: &CallInfo<'_>) -> Pick {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        with_room(&self.servers, turn % self.servers.len())
    }
}

//! Each call goes to the least busy of a few servers: `least_request_experimental` (gRFC A48).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::picker::{CallInfo, Pick, Picker};
use super::policy::{Policy, PolicyConfig, PolicyFactory};
use super::spreading::{Spreading, with_room};
use super::subchannel::ReadySubchannel;
use crate::base::config::{ConfigError, ConfigObject};
use crate::base::jitter::random;

/// Creates policies that draw a few servers at random, and send each call to the one with the fewest open calls.
#[derive(Debug)]
pub(crate) struct LeastRequestFactory;

/// The number of servers that are picked at random for a call.
#[derive(Debug)]
pub(crate) struct LeastRequestConfig {
    pub(crate) choice_count: u32,
}

/// The largest number of choices. A larger number counts as this one.
const MAX_CHOICES: u32 = 10;

impl PolicyFactory for LeastRequestFactory {
    fn name(&self) -> &'static str {
        "least_request_experimental"
    }

    fn read_config(
        &self,
        config: &mut ConfigObject<'_>,
    ) -> Result<Arc<dyn PolicyConfig>, ConfigError> {
        let choice_count = match config.take("choiceCount") {
            None => 2,
            Some(choices) => match choices.whole()? {
                0 | 1 => return Err(choices.error("it is at least 2")),
                most => u32::try_from(most).unwrap_or(u32::MAX),
            },
        };
        Ok(Arc::new(LeastRequestConfig { choice_count }))
    }

    fn build(&self) -> Box<dyn Policy> {
        Box::new(Spreading::new(|update| {
            let config = update.config::<LeastRequestConfig>();
            let choices = config.map_or(2, |config| config.choice_count.min(MAX_CHOICES));
            Box::new(move |servers| Arc::new(Lot::new(servers, choices)))
        }))
    }
}

/// Picks servers at random.
struct Lot {
    servers: Vec<ReadySubchannel>,
    choices: u32,
    state: AtomicU64,
}

impl Lot {
    fn new(servers: Vec<(ReadySubchannel, u32)>, choices: u32) -> Lot {
        Lot {
            servers: servers.into_iter().map(|(server, _)| server).collect(),
            choices,
            state: AtomicU64::new(random() | 1),
        }
    }

    /// Returns a random index (xorshift64).
    fn draw(&self) -> usize {
        let mut state = self.state.load(Ordering::Relaxed);
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.state.store(state, Ordering::Relaxed);
        usize::try_from(state >> 33).unwrap_or(0) % self.servers.len()
    }

    fn load(&self, place: usize) -> usize {
        self.servers
            .get(place)
            .map_or(0, ReadySubchannel::open_calls)
    }
}

impl Picker for Lot {
    fn pick(&self, _call: &CallInfo<'_>) -> Pick {
        let first = self.draw();
        let best = (1..self.choices).fold(first, |best, _| {
            let other = self.draw();
            if self.load(other) < self.load(best) {
                other
            } else {
                best
            }
        });
        with_room(&self.servers, best)
    }
}

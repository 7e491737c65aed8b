//! What becomes of a call that is started now.

use std::sync::Arc;

use super::balancing::LoadBalancing;
use crate::Status;
use crate::call::{Exchange, Link};
use crate::jitter::random;

/// What becomes of a call that is started now. gRPC's `SubchannelPicker`.
#[derive(Debug)]
pub(super) enum Picker {
    /// It waits until this has changed.
    Wait,
    /// It fails with this cause, unless it waits for ready.
    Fail(Status),
    /// It goes out on this connection.
    One(Arc<Link>),
    /// It goes out on one of these connections.
    Several(Box<Spread>),
    /// It fails, whatever it waits for: the channel was closed.
    Shutdown,
}

/// Connections that share the calls.
#[derive(Debug)]
pub(super) struct Spread {
    links: Vec<Arc<Link>>,
    /// How many connections are compared; with one they take turns.
    choices: u32,
    /// The place of the next in turn, or the state of the lot.
    state: u64,
}

impl Picker {
    /// A picker of these connections, of which there is at least one.
    pub(super) fn spread(mut links: Vec<Arc<Link>>, policy: LoadBalancing) -> Picker {
        match (links.len(), links.pop()) {
            (_, None) => Picker::Wait,
            (1, Some(link)) => Picker::One(link),
            (_, Some(link)) => {
                links.push(link);
                let choices = match policy {
                    LoadBalancing::PickFirst | LoadBalancing::RoundRobin => 1,
                    LoadBalancing::LeastRequest(choices) => choices.clamp(2, 10),
                };
                // Channels that come together do not begin at the same server.
                Picker::Several(Box::new(Spread {
                    links,
                    choices,
                    state: random() | 1,
                }))
            }
        }
    }
}

impl Spread {
    /// Gives a call to a connection; gives it back when none takes it.
    pub(super) fn submit(&mut self, mut exchange: Arc<Exchange>) -> Result<(), Arc<Exchange>> {
        let first = self.pick();
        let (behind, from) = self.links.split_at(first.min(self.links.len()));
        // Those that go away have not been taken out yet.
        for link in from.iter().chain(behind) {
            exchange.attach(0, Arc::clone(link));
            match link.submit(exchange) {
                Ok(()) => return Ok(()),
                Err(back) => exchange = back,
            }
        }
        Err(exchange)
    }

    /// The place of the connection that is to have the next call.
    fn pick(&mut self) -> usize {
        if self.choices == 1 {
            self.state = self.state.wrapping_add(1);
            return self.place(self.state);
        }
        let first = self.draw();
        (1..self.choices).fold(first, |best, _| {
            let other = self.draw();
            if self.load(other) < self.load(best) {
                other
            } else {
                best
            }
        })
    }

    /// How many calls are open on a connection: each of them holds its link.
    fn load(&self, place: usize) -> usize {
        self.links.get(place).map_or(0, Arc::strong_count)
    }

    /// A place by lot (xorshift64).
    fn draw(&mut self) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.place(self.state >> 11)
    }

    fn place(&self, number: u64) -> usize {
        let count = u64::try_from(self.links.len()).unwrap_or(u64::MAX).max(1);
        usize::try_from(number % count).unwrap_or(0)
    }
}

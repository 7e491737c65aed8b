//! What becomes of a call that is started now.

use std::sync::Arc;

use crate::Status;
use crate::base::jitter::random;
use crate::call::{Exchange, Link};
use crate::channel::balance::load_balancing::LoadBalancing;

/// What becomes of a call that is started now. gRPC's `SubchannelPicker`.
#[derive(Debug)]
pub(crate) enum Picker {
    /// It waits until this has changed.
    Wait,
    /// It fails with this cause, unless it waits for ready.
    Fail(Status),
    /// It goes out to this server.
    One(Lines),
    /// It goes out to one of several servers.
    Several(Box<Spread>),
    /// It fails, whatever it waits for: the channel was closed.
    Shutdown,
}

/// The connections to one server. A call takes the oldest that has room for it, so that those which are not needed any more
/// have none.
#[derive(Debug)]
pub(crate) struct Lines {
    oldest: Arc<Link>,
    /// Nearly always none.
    more: Vec<Arc<Link>>,
}

/// Servers that share the calls.
#[derive(Debug)]
pub(crate) struct Spread {
    servers: Vec<Lines>,
    /// How many servers are compared; with one they take turns.
    choices: u32,
    /// The place of the next in turn, or the state of the lot.
    state: u64,
}

impl Picker {
    /// A picker of these servers, of which there is at least one.
    pub(crate) fn spread(mut servers: Vec<Lines>, policy: LoadBalancing) -> Picker {
        match (servers.len(), servers.pop()) {
            (_, None) => Picker::Wait,
            (1, Some(lines)) => Picker::One(lines),
            (_, Some(lines)) => {
                servers.push(lines);
                let choices = match policy {
                    LoadBalancing::PickFirst | LoadBalancing::RoundRobin => 1,
                    LoadBalancing::LeastRequest(choices) => choices.clamp(2, 10),
                };
                // Channels that come together do not begin at the same server.
                Picker::Several(Box::new(Spread {
                    servers,
                    choices,
                    state: random() | 1,
                }))
            }
        }
    }

    /// Gives a call to a connection; gives it back when none takes it.
    pub(crate) fn submit(&mut self, exchange: Arc<Exchange>) -> Result<(), Arc<Exchange>> {
        match self {
            Picker::One(lines) => lines.submit(exchange),
            Picker::Several(spread) => spread.submit(exchange),
            Picker::Wait | Picker::Fail(_) | Picker::Shutdown => Err(exchange),
        }
    }
}

impl Lines {
    /// These connections, the oldest first.
    pub(crate) fn new(links: impl IntoIterator<Item = Arc<Link>>) -> Option<Lines> {
        let mut links = links.into_iter();
        Some(Lines {
            oldest: links.next()?,
            more: links.collect(),
        })
    }

    fn submit(&self, mut exchange: Arc<Exchange>) -> Result<(), Arc<Exchange>> {
        for link in std::iter::once(&self.oldest).chain(&self.more) {
            exchange.attach(0, Arc::clone(link));
            match link.submit(exchange) {
                Ok(()) => return Ok(()),
                // It is full, or going away and not taken out yet.
                Err(back) => exchange = back,
            }
        }
        Err(exchange)
    }

    /// How many calls are open: each of them holds its link.
    fn load(&self) -> usize {
        let more = self.more.iter().map(Arc::strong_count);
        Arc::strong_count(&self.oldest) + more.sum::<usize>()
    }
}

impl Spread {
    fn submit(&mut self, mut exchange: Arc<Exchange>) -> Result<(), Arc<Exchange>> {
        let first = self.pick();
        let (behind, from) = self.servers.split_at(first.min(self.servers.len()));
        for lines in from.iter().chain(behind) {
            match lines.submit(exchange) {
                Ok(()) => return Ok(()),
                Err(back) => exchange = back,
            }
        }
        Err(exchange)
    }

    /// The place of the server that is to have the next call.
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

    fn load(&self, place: usize) -> usize {
        self.servers.get(place).map_or(0, Lines::load)
    }

    /// A place by lot (xorshift64).
    fn draw(&mut self) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.place(self.state >> 11)
    }

    fn place(&self, number: u64) -> usize {
        let count = u64::try_from(self.servers.len()).unwrap_or(u64::MAX).max(1);
        usize::try_from(number % count).unwrap_or(0)
    }
}

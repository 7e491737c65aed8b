//! The calls that wait for a connection.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use crate::call::{Deadlines, Exchange};

/// Calls that were given up are not removed while fewer calls than this wait.
const FEW: usize = 64;

/// The calls that wait for a connection, in the order of their arrival.
#[derive(Debug)]
pub(crate) struct Waiting {
    calls: BTreeMap<u64, Arc<Exchange>>,
    deadlines: Deadlines<u64>,
    next_ticket: u64,
    /// The number of waiting calls at which cancelled ones are removed.
    sweep_at: usize,
}

impl Waiting {
    pub(crate) fn new() -> Waiting {
        Waiting {
            calls: BTreeMap::new(),
            deadlines: Deadlines::new(),
            next_ticket: 0,
            sweep_at: FEW,
        }
    }

    pub(crate) fn push(&mut self, exchange: Arc<Exchange>) {
        if self.calls.len() >= self.sweep_at {
            // Cancelled calls stay until the number of calls has doubled, so that the cost of a sweep is small for each
            // call.
            drop(self.take(|exchange| exchange.outcome().is_some()));
            self.sweep_at = (2 * self.calls.len()).max(FEW);
        }
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        if let Some(deadline) = exchange.details().deadline {
            self.deadlines.insert(deadline, ticket);
        }
        self.calls.insert(ticket, exchange);
    }

    /// Submits the calls in their order, until `patience` of them were given back. Calls that are given back stay in the queue.
    pub(crate) fn release(
        &mut self,
        patience: usize,
        mut submit: impl FnMut(Arc<Exchange>) -> Option<Arc<Exchange>>,
    ) {
        let (mut next, mut given_back) = (0, 0);
        while let Some((&ticket, _)) = self.calls.range(next..).next() {
            next = ticket + 1;
            let Some(exchange) = self.calls.remove(&ticket) else {
                return;
            };
            let deadline = exchange.details().deadline;
            if let Some(back) = submit(exchange) {
                self.calls.insert(ticket, back);
                given_back += 1;
                if given_back >= patience {
                    return;
                }
            } else if let Some(deadline) = deadline {
                self.deadlines.remove(deadline, ticket);
            }
        }
    }

    /// Removes and returns the calls for which `which` returns `true`.
    pub(crate) fn take(&mut self, which: impl Fn(&Exchange) -> bool) -> Vec<Arc<Exchange>> {
        let mut taken = Vec::new();
        let deadlines = &mut self.deadlines;
        self.calls.retain(|&ticket, exchange| {
            let takes = which(exchange);
            if takes {
                if let Some(deadline) = exchange.details().deadline {
                    deadlines.remove(deadline, ticket);
                }
                taken.push(Arc::clone(exchange));
            }
            !takes
        });
        taken
    }

    /// Removes and returns the calls whose deadline has passed.
    pub(crate) fn expired(&mut self, now: Instant) -> Vec<Arc<Exchange>> {
        let mut expired = Vec::new();
        while let Some(ticket) = self.deadlines.expired(now) {
            expired.extend(self.calls.remove(&ticket));
        }
        expired
    }

    /// Returns the earliest deadline.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }
}

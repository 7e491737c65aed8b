//! The retry buffer: the part of a request that was sent, and may have to be sent again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use crate::base::Chunks;

/// The bytes that a call keeps without their being counted.
const UNCOUNTED: usize = 16 * 1024;

/// The default of what a call keeps of its request, in bytes.
pub(crate) const PER_RPC_RETRY_BUFFER: usize = 256 << 10;

/// The default of what all calls of a channel keep, in bytes.
pub(crate) const RETRY_BUFFER: usize = 1 << 20;

/// The limits of what is kept of requests.
#[derive(Debug)]
pub(crate) struct Budget {
    /// The limit of one call, in bytes.
    per_call: usize,
    /// The limit of all calls of the channel that keep more than [`UNCOUNTED`] each.
    per_channel: usize,
    used: AtomicUsize,
}

/// The part of a request that was sent, as long as it can be sent again: until the head of the response has come, or until it is
/// too much to keep.
#[derive(Debug)]
pub(crate) enum RetryBuffer {
    /// A small request in one piece, as most are; empty when nothing has been sent.
    One(Bytes),
    /// All else. Nothing when it cannot be sent again: gRPC's "committed".
    Rest(Option<Box<More>>),
}

impl Budget {
    /// The limits for one call and for all of them.
    pub(crate) fn new(per_call: usize, per_channel: usize) -> Budget {
        Budget {
            per_call,
            per_channel,
            used: AtomicUsize::new(0),
        }
    }
}

impl Budget {
    /// Keeps nothing.
    pub(crate) fn none() -> Budget {
        Budget::new(0, 0)
    }
}

impl Default for Budget {
    fn default() -> Budget {
        Budget::new(PER_RPC_RETRY_BUFFER, RETRY_BUFFER)
    }
}

impl Default for RetryBuffer {
    fn default() -> RetryBuffer {
        RetryBuffer::One(Bytes::new())
    }
}

#[derive(Debug)]
pub(crate) struct More {
    chunks: Chunks,
    /// The bytes that count as used of the budget.
    counted: usize,
    budget: Arc<Budget>,
}

impl RetryBuffer {
    /// Keeps what is being sent, if there is room for it.
    pub(crate) fn push(&mut self, chunk: &Bytes, budget: &Arc<Budget>) {
        match self {
            RetryBuffer::One(first)
                if first.is_empty() && chunk.len() <= UNCOUNTED.min(budget.per_call) =>
            {
                *first = chunk.clone();
            }
            RetryBuffer::One(first) => {
                let mut more = Box::new(More {
                    chunks: Chunks::from(std::mem::take(first)),
                    counted: 0,
                    budget: Arc::clone(budget),
                });
                let has_room = more.push(chunk);
                *self = RetryBuffer::Rest(has_room.then_some(more));
            }
            RetryBuffer::Rest(Some(more)) => {
                if !more.push(chunk) {
                    self.lose();
                }
            }
            RetryBuffer::Rest(None) => {}
        }
    }

    /// Drops the buffer: nothing can be sent again.
    pub(crate) fn lose(&mut self) {
        *self = RetryBuffer::Rest(None);
    }

    /// Returns whether nothing can be sent again.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self, RetryBuffer::Rest(None))
    }

    /// Returns a copy of what was sent, if all of it is there.
    pub(crate) fn copy(&self) -> Option<Chunks> {
        match self {
            RetryBuffer::One(first) => Some(Chunks::from(first.clone())),
            RetryBuffer::Rest(Some(more)) => Some(more.chunks.clone()),
            RetryBuffer::Rest(None) => None,
        }
    }

    /// Takes what was sent, if all of it is there.
    pub(crate) fn take(&mut self) -> Option<Chunks> {
        match std::mem::take(self) {
            RetryBuffer::One(first) => Some(Chunks::from(first)),
            RetryBuffer::Rest(Some(mut more)) => Some(std::mem::take(&mut more.chunks)),
            RetryBuffer::Rest(None) => None,
        }
    }
}

impl More {
    /// Keeps a chunk. Returns whether there is room for it.
    fn push(&mut self, chunk: &Bytes) -> bool {
        self.chunks.push(chunk.clone());
        let total = self.chunks.len();
        if total > self.budget.per_call {
            return false;
        }
        if total <= UNCOUNTED {
            return true;
        }
        let added = total - self.counted;
        self.counted = total;
        let before = self.budget.used.fetch_add(added, Ordering::Relaxed);
        before + added <= self.budget.per_channel
    }
}

impl Drop for More {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.counted, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(per_call: usize, per_channel: usize) -> Arc<Budget> {
        Arc::new(Budget::new(per_call, per_channel))
    }

    fn keep(pieces: &[usize], budget: &Arc<Budget>) -> RetryBuffer {
        let mut kept = RetryBuffer::default();
        for &size in pieces {
            kept.push(&Bytes::from(vec![7; size]), budget);
        }
        kept
    }

    #[test]
    fn what_was_sent_is_there_until_it_is_too_much() {
        let budget = budget(100_000, 150_000);
        for pieces in [&[][..], &[10], &[10, 20], &[20_000], &[50_000, 50_000]] {
            let whole = keep(pieces, &budget).take().unwrap();
            assert_eq!(whole.len(), pieces.iter().sum::<usize>());
        }
        assert!(keep(&[50_000, 50_001], &budget).take().is_none());
        assert!(keep(&[100_001, 1], &budget).take().is_none());
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn calls_share_the_room_of_their_channel() {
        let budget = budget(100_000, 150_000);
        let mut first = keep(&[90_000], &budget);
        assert!(keep(&[90_000], &budget).take().is_none());
        // A small request is always kept.
        assert!(keep(&[UNCOUNTED], &budget).take().is_some());
        first.lose();
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
        first.push(&Bytes::from_static(b"more"), &budget);
        assert!(first.take().is_none());
        assert!(keep(&[90_000], &budget).take().is_some());
    }
}

//! The retry buffer: the part of a request that has been sent, kept so that it can be sent again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use crate::base::Chunks;

/// A call that keeps no more than this many bytes does not count towards the channel's limit.
const UNCOUNTED: usize = 16 * 1024;

/// The default limit of a call's retry buffer, in bytes.
pub(crate) const PER_RPC_RETRY_BUFFER: usize = 256 << 10;

/// The default limit of all retry buffers of a channel together, in bytes.
pub(crate) const RETRY_BUFFER: usize = 1 << 20;

/// The limits of the retry buffers of a channel.
#[derive(Debug)]
pub(crate) struct Budget {
    /// The limit of one call, in bytes.
    per_call: usize,
    /// The limit, in bytes, of all calls together that keep more than [`UNCOUNTED`] each.
    per_channel: usize,
    /// The bytes that these calls keep now.
    used: AtomicUsize,
}

/// The part of a request that has been sent. It is kept until the head of the response arrives, or until it exceeds the limits.
#[derive(Debug)]
pub(crate) enum RetryBuffer {
    /// A small request in one piece, which is the usual case. It is empty before anything has been sent.
    One(Bytes),
    /// Any other request. `None` when it cannot be sent again: the call is "committed" in gRPC's terms.
    Rest(Option<Box<More>>),
}

impl Budget {
    /// Creates a budget from the limits of one call and of all calls together, in bytes.
    pub(crate) fn new(per_call: usize, per_channel: usize) -> Budget {
        Budget {
            per_call,
            per_channel,
            used: AtomicUsize::new(0),
        }
    }
}

impl Budget {
    /// Creates a budget that lets no request be kept.
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

/// A request in several pieces, or a large one.
#[derive(Debug)]
pub(crate) struct More {
    chunks: Chunks,
    /// The number of bytes that count for the budget.
    counted: usize,
    budget: Arc<Budget>,
}

impl RetryBuffer {
    /// Adds a chunk that is being sent. If there is no room for it, the buffer is dropped.
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

    /// Drops the contents. From now on the request cannot be sent again.
    pub(crate) fn lose(&mut self) {
        *self = RetryBuffer::Rest(None);
    }

    /// Returns whether the request cannot be sent again.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self, RetryBuffer::Rest(None))
    }

    /// Returns a copy of all that has been sent; `None` if it is not kept.
    pub(crate) fn copy(&self) -> Option<Chunks> {
        match self {
            RetryBuffer::One(first) => Some(Chunks::from(first.clone())),
            RetryBuffer::Rest(Some(more)) => Some(more.chunks.clone()),
            RetryBuffer::Rest(None) => None,
        }
    }

    /// Takes all that has been sent; `None` if it is not kept.
    pub(crate) fn take(&mut self) -> Option<Chunks> {
        match std::mem::take(self) {
            RetryBuffer::One(first) => Some(Chunks::from(first)),
            RetryBuffer::Rest(Some(mut more)) => Some(std::mem::take(&mut more.chunks)),
            RetryBuffer::Rest(None) => None,
        }
    }
}

impl More {
    /// Adds a chunk. Returns `false` if there is no room for it.
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
    fn a_request_is_kept_up_to_the_limit_of_a_call() {
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
    fn calls_share_the_limit_of_their_channel() {
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

//! The propagation of a call to those made within its handler.

use std::fmt;
use std::sync::{Arc, Weak};
use std::task::{Context, Wake, Waker};
use std::time::Instant;

use super::{Exchange, Watch};
use crate::{Code, Metadata, Status};

/// The deadline, cancellation and metadata that calls of a servicer take over from the call that it serves, their parent.
/// [`ServicerContext::propagate`](crate::ServicerContext::propagate) makes it, and the `propagated` of a call takes it. gRPC's
/// propagation options.
#[derive(Clone)]
#[must_use]
pub struct Propagation {
    parent: Arc<Exchange>,
    /// The parent's metadata as interceptors have changed it, if they have.
    changed: Option<Arc<Metadata>>,
    deadline: bool,
    cancellation: bool,
    metadata: Metadata,
}

impl Propagation {
    /// Adds the pairs with this key that came with the parent, as interceptors have left them. By default there are none. A key
    /// that did not come adds nothing.
    pub fn metadata(mut self, key: impl AsRef<str>) -> Propagation {
        let key = key.as_ref();
        let came = self.changed.as_deref();
        let came = came.unwrap_or(&self.parent.details().metadata);
        for value in came.get_all(key) {
            if let Some(bytes) = value.to_bytes() {
                // Everything that came can be sent, except gRPC's own fields, which belong to their call.
                drop(self.metadata.append(key, bytes));
            }
        }
        self
    }

    /// Sets whether the deadline is propagated, so that a call ends at the latest when its parent does. The default is `true`. A
    /// shorter timeout of the call takes precedence.
    pub fn deadline(mut self, yes: bool) -> Propagation {
        self.deadline = yes;
        self
    }

    /// Sets whether a call is cancelled when its parent is over, because it was cancelled or because its method has returned. The
    /// default is `true`. With `false`, calls that were given to another task outlive the parent.
    pub fn cancellation(mut self, yes: bool) -> Propagation {
        self.cancellation = yes;
        self
    }

    pub(crate) fn new(parent: Arc<Exchange>, changed: Option<Arc<Metadata>>) -> Propagation {
        Propagation {
            parent,
            changed,
            deadline: true,
            cancellation: true,
            metadata: Metadata::new(),
        }
    }

    /// Returns the pairs to be sent.
    pub(crate) fn pairs(&self) -> &Metadata {
        &self.metadata
    }

    /// Returns the earlier of a call's own deadline and its parent's.
    pub(crate) fn bound(&self, own: Option<Instant>) -> Option<Instant> {
        let parents = self.parent.details().deadline.filter(|_| self.deadline);
        own.into_iter().chain(parents).min()
    }

    /// Ties a call to its parent, if cancellation is propagated.
    pub(crate) fn tie(&self, child: &Arc<Exchange>) -> Option<Tie> {
        self.cancellation.then(|| Tie::new(&self.parent, child))
    }
}

impl fmt::Debug for Propagation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Propagation")
            .field("deadline", &self.deadline)
            .field("cancellation", &self.cancellation)
            .field("metadata", &self.metadata)
            .finish()
    }
}

/// Cancels a call when its parent is over, until it is dropped: a parent may make any number of calls.
pub(crate) struct Tie {
    _watch: Watch,
}

impl Tie {
    fn new(parent: &Arc<Exchange>, child: &Arc<Exchange>) -> Tie {
        let ends = Arc::new(Ends {
            parent: Arc::downgrade(parent),
            child: Arc::clone(child),
        });
        let waker = Waker::from(Arc::clone(&ends));
        let mut watch = Watch::new(Arc::clone(parent));
        if watch.poll_over(&Context::from_waker(&waker)).is_ready() {
            ends.wake();
        }
        Tie { _watch: watch }
    }
}

/// The waker that a parent has of its child: woken when the parent is over.
struct Ends {
    parent: Weak<Exchange>,
    child: Arc<Exchange>,
}

impl Wake for Ends {
    fn wake(self: Arc<Self>) {
        let why = self.parent.upgrade().and_then(|parent| parent.over());
        self.child.abandon(match why.map(|why| why.code()) {
            Some(Code::DeadlineExceeded) => Status::deadline_exceeded(
                "the deadline of the call within which it was made has passed",
            ),
            _ => Status::cancelled("the call within which it was made is over"),
        });
    }
}

//! What a call within a handler takes over from the call that the handler serves.

use std::fmt;
use std::sync::{Arc, Weak};
use std::task::{Context, Wake, Waker};
use std::time::Instant;

use super::{Exchange, Watch};
use crate::{Code, Metadata, Status};

/// What calls that a servicer makes take over from the call that it serves, its parent:
/// [`ServicerContext::propagate`](crate::ServicerContext::propagate) makes it, and the `propagated` of a call takes it. gRPC's
/// propagation options.
#[derive(Clone)]
#[must_use]
pub struct Propagation {
    parent: Arc<Exchange>,
    /// What interceptors have made of the metadata that came with the parent.
    changed: Option<Arc<Metadata>>,
    deadline: bool,
    cancellation: bool,
    metadata: Metadata,
}

impl Propagation {
    /// Hands on the pairs with this key that came with the parent, as interceptors have left them; none by default. A key that did not come is none.
    pub fn metadata(mut self, key: impl AsRef<str>) -> Propagation {
        let key = key.as_ref();
        let came = self.changed.as_deref();
        let came = came.unwrap_or(&self.parent.details().metadata);
        for value in came.get_all(key) {
            if let Some(bytes) = value.to_bytes() {
                // What came can be sent, but for gRPC's own fields, which belong to their call.
                drop(self.metadata.append(key, bytes));
            }
        }
        self
    }

    /// Whether the deadline is handed on, so that a call ends at the latest when its parent does; the default is `true`. A
    /// shorter timeout of the call counts.
    pub fn deadline(mut self, yes: bool) -> Propagation {
        self.deadline = yes;
        self
    }

    /// Whether a call is cancelled when its parent is over, because it was cancelled or because its method has returned; the
    /// default is `true`. `false` lets calls that were given to another task outlive it.
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

    /// The pairs to be sent.
    pub(crate) fn pairs(&self) -> &Metadata {
        &self.metadata
    }

    /// The earlier of a call's own deadline and its parent's.
    pub(crate) fn bound(&self, own: Option<Instant>) -> Option<Instant> {
        let parents = self.parent.details().deadline.filter(|_| self.deadline);
        own.into_iter().chain(parents).min()
    }

    /// Ties a call to its parent if that is wanted.
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

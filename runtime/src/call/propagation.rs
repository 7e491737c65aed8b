//! Propagation: the properties that calls made within a handler inherit from the handler's call.

use std::fmt;
use std::sync::{Arc, Weak};
use std::task::{Context, Wake, Waker};
use std::time::Instant;

use super::{Exchange, Watch};
use crate::{Code, Metadata, Status};

/// The deadline, cancellation and metadata that a call inherits from its parent. The parent is the call that a servicer is serving
/// while it makes the call.
///
/// [`ServicerContext::propagate`](crate::ServicerContext::propagate) creates a propagation. The option `propagated` of a call
/// applies it. gRPC's propagation options.
#[derive(Clone)]
#[must_use]
pub struct Propagation {
    parent: Arc<Exchange>,
    /// The parent's metadata, if interceptors have changed it.
    changed: Option<Arc<Metadata>>,
    deadline: bool,
    cancellation: bool,
    metadata: Metadata,
}

impl Propagation {
    /// Adds all pairs of the parent's metadata with this key, including the changes that interceptors made. Does nothing if the
    /// parent has no such pair. By default no metadata is propagated.
    pub fn metadata(mut self, key: impl AsRef<str>) -> Propagation {
        let key = key.as_ref();
        let came = self.changed.as_deref();
        let came = came.unwrap_or(&self.parent.details().metadata);
        for value in came.get_all(key) {
            if let Some(bytes) = value.to_bytes() {
                // All received metadata can be sent, except gRPC's own fields, which belong to one call.
                drop(self.metadata.append(key, bytes));
            }
        }
        self
    }

    /// Sets whether the parent's deadline also limits the call. The default is `true`. If the call has a deadline of its own, the
    /// earlier of the two applies.
    pub fn deadline(mut self, yes: bool) -> Propagation {
        self.deadline = yes;
        self
    }

    /// Sets whether the call is cancelled when its parent ends, because the parent was cancelled or its method has returned. The
    /// default is `true`. With `false`, a call that another task awaits can outlive the parent.
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

    /// Lets the end of the parent cancel a call, if cancellation is propagated.
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

/// Cancels a call when its parent ends. Dropping the tie removes it from the parent, so that ties of ended calls do not pile up
/// in a parent that runs for long.
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

/// The waker through which a parent reaches its child. It is woken when the parent ends.
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
            _ => Status::cancelled("the server call that it was made in has ended"),
        });
    }
}

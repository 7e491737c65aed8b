//! The connections of a server, and the ports and handshakes that may add more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::call::{Link, Order};

/// The open connections, and the last order they were given.
#[derive(Debug, Default)]
pub(super) struct Connections {
    open: Mutex<Open>,
    changed: tokio::sync::Notify,
}

impl Connections {
    /// Returns the number of open connections.
    pub(super) fn count(&self) -> usize {
        self.open().links.len()
    }

    /// Adds a connection. Returns its key.
    pub(super) fn add(&self, link: Arc<Link>) -> u64 {
        let mut open = self.open();
        link.order(open.order);
        open.last += 1;
        let key = open.last;
        open.links.insert(key, link);
        key
    }

    /// Removes a connection that was closed.
    pub(super) fn remove(&self, key: u64) {
        self.open().links.remove(&key);
        self.changed.notify_waiters();
    }

    /// Gives an order to all connections, including later ones.
    pub(super) fn order(&self, order: Order) {
        let mut open = self.open();
        open.order = order;
        for link in open.links.values() {
            link.order(order);
        }
    }

    /// Waits until no port accepts, no handshake is in progress and no connection is open.
    pub(super) async fn empty(&self) {
        loop {
            let changed = self.changed.notified();
            {
                let open = self.open();
                if open.links.is_empty() && open.arriving == 0 {
                    return;
                }
            }
            changed.await;
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A port or a handshake that may still add connections. `Open::arriving` includes it until it is dropped.
pub(super) struct Arrival(Arc<Connections>);

impl Arrival {
    pub(super) fn new(connections: &Arc<Connections>) -> Arrival {
        connections.open().arriving += 1;
        Arrival(Arc::clone(connections))
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        self.0.open().arriving -= 1;
        self.0.changed.notify_waiters();
    }
}

#[derive(Debug, Default)]
struct Open {
    links: HashMap<u64, Arc<Link>>,
    last: u64,
    /// The number of ports that accept and of handshakes in progress.
    arriving: usize,
    order: Order,
}

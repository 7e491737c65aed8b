//! The locks and atomics that the two ends of a call share: the standard library's, or in tests with `--cfg shuttle` those of shuttle,
//! whose scheduler decides which thread goes on at each of them.

#[cfg(all(test, shuttle))]
pub(crate) use shuttle::sync::{Mutex, MutexGuard, atomic};
#[cfg(not(all(test, shuttle)))]
pub(crate) use std::sync::{Mutex, MutexGuard, atomic};

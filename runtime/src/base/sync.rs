//! The locks and atomics that both ends of a call share. They are those of the standard library, and in tests with `--cfg
//! shuttle` those of shuttle, which controls the order in which threads run.

#[cfg(all(test, shuttle))]
pub(crate) use shuttle::sync::{Mutex, MutexGuard, atomic};
#[cfg(not(all(test, shuttle)))]
pub(crate) use std::sync::{Mutex, MutexGuard, atomic};

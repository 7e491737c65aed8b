//! The locks and atomics that the two ends of a call share: the standard library's, or with `--cfg shuttle` those of shuttle, whose
//! scheduler decides which thread goes on at each of them.

#[cfg(shuttle)]
pub(crate) use shuttle::sync::{Mutex, MutexGuard, atomic};
#[cfg(not(shuttle))]
pub(crate) use std::sync::{Mutex, MutexGuard, atomic};

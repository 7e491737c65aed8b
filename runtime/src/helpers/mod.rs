//! Helpers for programs around their calls: streams written as code, computation off the threads of calls, and shutdown signals.

pub(crate) mod offload;
#[cfg(feature = "signal")]
mod signal;
pub(crate) mod stream;

pub use offload::{Cancellation, offload, offload_with};
#[cfg(feature = "signal")]
pub use signal::{ShutdownSignal, shutdown_signal};
pub use stream::{Sender, stream};

//! What programs may use around their calls: streams written as code, work that computes for long, the signals that end a server.

pub(crate) mod offload;
#[cfg(feature = "signal")]
mod signal;
pub(crate) mod stream;

pub use offload::{Cancellation, offload, offload_with};
#[cfg(feature = "signal")]
pub use signal::{ShutdownSignal, shutdown_signal};
pub use stream::{Sender, stream};

//! Ready-made interceptors.

mod spans;

pub use spans::ClientSpans;

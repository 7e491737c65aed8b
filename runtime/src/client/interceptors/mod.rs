//! Interceptors that are ready to be used.

mod spans;

pub use spans::ClientSpans;

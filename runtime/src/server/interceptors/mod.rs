//! Ready-made interceptors.

mod authentication;
mod concurrency;
#[cfg(feature = "tracing")]
mod spans;

pub use authentication::{authentication, bearer_token};
pub use concurrency::MethodConcurrency;
#[cfg(feature = "tracing")]
pub use spans::ServerSpans;

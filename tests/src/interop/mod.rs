//! gRPC's public interoperability tests: the servicer, the client's cases, and the flags that their programs take.

pub mod client;
mod flags;
mod servicer;

pub use flags::Flags;
pub use servicer::Interop;

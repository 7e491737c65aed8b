//! gRPC's public interoperability tests: the servicer, and the flags that their programs take.

mod flags;
mod servicer;

pub use flags::Flags;
pub use servicer::Interop;

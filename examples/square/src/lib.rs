//! The square service of the classic tutorial: a servicer, and a client's calls, for each kind of call.
//!
//! | rpc | kind | here |
//! |---|---|---|
//! | `square` | unary | a number in, its square out |
//! | `rangeSquare` | server streaming | n in, the squares of 0 to n out |
//! | `sumSquare` | client streaming | numbers in, the sum of their squares out |
//! | `streamrangeSquare` | bidirectional | numbers in, their squares out: at the end, or each as it comes |
//!
//! The binaries `square`, `square-server` and `square-client` run them; `square-blocking-client` calls without async.

pub mod calls;
mod servicer;

pub use servicer::{Answers, Squares};

// The module `squarerpc_service`, named after the package of `proto/square.proto`.
stubwright::include_protos!();

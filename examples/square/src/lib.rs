//! The square service of the classic tutorial: a servicer, and a client for each kind of call.
//!
//! | rpc | kind | meaning |
//! |---|---|---|
//! | `square` | unary | takes a number, returns its square |
//! | `rangeSquare` | server streaming | takes n, returns the squares of 0 to n |
//! | `sumSquare` | client streaming | takes numbers, returns the sum of their squares |
//! | `streamrangeSquare` | bidirectional | takes numbers, returns their squares: at the end, or each at once |
//!
//! The binaries `square`, `square-server` and `square-client` run them. `square-blocking-client` makes calls without
//! async.

pub mod calls;
mod servicer;

pub use servicer::{Answers, Squares};

// The module `squarerpc_service`, named after the package of `proto/square.proto`.
stubwright::include_protos!();

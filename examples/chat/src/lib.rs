//! A bidirectional call: the server answers each message, reversed and after a while, and the client speaks meanwhile.

mod servicer;

pub use servicer::ChatServicer;

// The module `chat`, named after the package of `proto/chat.proto`.
stubwright::include_protos!();

//! A bidirectional call. The server answers each message with its reverse after a pause, while the client goes on
//! sending.

mod servicer;

pub use servicer::ChatServicer;

// The module `chat`, named after the package of `proto/chat.proto`.
stubwright::include_protos!();

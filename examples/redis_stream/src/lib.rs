//! Server streaming from a Redis stream: a method that yields entries, with `XREAD`.

mod resp;
mod servicer;

pub use resp::{Redis, Value};
pub use servicer::RedisStreamServicer;

// The module `redis_stream`, named after the package of `proto/redis_stream.proto`.
stubwright::include_protos!();

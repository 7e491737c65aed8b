//! The standard services of gRPC servers. They are ordinary services, generated from the protos in `runtime/protos`.

#[cfg(feature = "health")]
pub mod health;
#[cfg(feature = "reflection")]
pub mod reflection;

//! The services that every server has. They are services like any other, from the protos in `runtime/protos`.

#[cfg(feature = "health")]
pub mod health;
#[cfg(feature = "reflection")]
pub mod reflection;

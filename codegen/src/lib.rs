//! Generates Rust for `.proto` services: servicer traits, typed stubs and handler registration for the `stubwright`
//! runtime, and the messages and enums by prost.
//!
//! In a build script:
//!
//! ```no_run
//! // build.rs
//! fn main() -> Result<(), stubwright_codegen::Error> {
//!     stubwright_codegen::compile_protos(&["proto/square.proto"], &["proto"])
//! }
//! ```
//!
//! and in the crate `stubwright::include_protos!();`. No `protoc` is needed. [`Config`] has the options.

mod check;
mod collisions;
mod compile;
mod config;
mod docs;
mod emit;
mod error;
mod generate;
mod lower;
mod messages;
mod model;
mod names;
mod parameters;
pub mod plugin;
mod render;
mod resolve;
mod source;
mod tree;

pub use compile::compile_protos;
pub use config::Config;
pub use error::{Error, SchemaError};

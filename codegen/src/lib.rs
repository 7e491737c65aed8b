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
//!
//! # What a service becomes
//!
//! For a service `SquareService`, in the module of its package:
//!
//! | item | what it is |
//! |---|---|
//! | `trait SquareServiceServicer` | implemented by a server; one method per rpc |
//! | `fn add_square_service_servicer_to_server` | adds an implementation to a `stubwright::Server` |
//! | `fn square_service_handler` | the handler set that the function above adds |
//! | `struct SquareServiceStub` | calls a server; one method per rpc |
//!
//! # Names
//!
//! Types are `UpperCamelCase`, methods and modules `snake_case`. Where that is not enough:
//!
//! - A keyword becomes a raw identifier: rpc `type` is `r#type`. `self`, `super`, `crate` and `Self` cannot be raw and get
//!   a trailing underscore: `self_`.
//! - The rpcs `New` and `Clone` are `new_` and `clone_`, for a stub has methods `new` and `clone`. On stubs, `Into` and
//!   `TryInto` are `into_` and `try_into_`: the methods of those names that every value has would be called in their place.
//! - Rpcs of one service that end up with one name are numbered in the order of the file: `get_item`, `get_item_2`.
//!   Services of one package likewise: `FooStub`, `Foo2Stub`.
//! - A trait or a stub that would be called like a message of its package gets a trailing underscore: `FooStub_`.
//! - Messages, fields, oneofs and enum values that end up with one name are an error that names both.

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

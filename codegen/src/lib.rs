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
//! | `struct SquareServiceBlockingStub` | the same for programs without async, with [`Config::blocking`] |
//!
//! A message is a struct for `prost`; with [`Config::json`] it is a `ReflectMessage`, too, which knows its descriptor and its JSON form.
//!
//! # Names
//!
//! Types are `UpperCamelCase`, fields, methods and modules `snake_case`. On the wire everything keeps its name in the proto: the
//! paths of methods, type URLs and the names of enum values are never changed. Where a name is taken, or is none in Rust:
//!
//! | in the proto | in Rust | why |
//! |---|---|---|
//! | field, rpc or package `type` | `r#type` | a keyword, which can be raw |
//! | `self`, `super`, `crate`, `Self` | `self_`, `super_`, `crate_`, `Self_` | keywords, which cannot |
//! | rpc `New`, `Clone` | `new_`, `clone_` | methods of every stub |
//! | rpc `Into`, `TryInto` | `into_`, `try_into_` | methods of every value, which would be called in their place |
//! | rpcs `GetItem`, `getItem` of one service | `get_item`, `get_item_2` | one name in Rust |
//! | services `foo`, `Foo` of one package | `FooStub`, `Foo2Stub` | one name in Rust |
//! | service `Foo` beside message `FooStub` | `FooStub_` (the stub), `FooStub` | one name in Rust |
//! | service `Foo` beside service `FooBlocking` | `FooBlockingStub_` (the blocking stub), `FooBlockingStub` | one name in Rust |
//! | messages or enums `FooBar`, `Foo_bar` | `FooBar`, `FooBar2` | one name in Rust |
//! | fields `foo_bar`, `fooBar` of one message | `foo_bar`, `foo_bar_2` | one name in Rust |
//! | members of a oneof, or values of an enum, likewise | `Red`, `Red2` | one name in Rust |
//! | enum fields `x`, `set_x` | `x`, `set_x_2` | `set_x` is a method that prost derives for `x` |
//! | optional field `push_x`, `get_x`, … | `push_x_2`, `get_x_2` | likewise, for a repeated enum or a map of enums `x` |
//! | oneof `kind` beside nested type `Kind` | field `kind`, enum `KindOneOf` | as prost-build has it |
//! | the same, beside `KindOneOf` too | field `kind`, enum `KindOneOf2` | one name in Rust |
//! | message `a.Bar` with nested types beside package `a.bar` | `a::Bar`, `a::bar_2::Nested`, `a::bar` | both are modules |
//! | value `KIND_SMALL` of enum `Kind` | `Kind::Small` | unless [`Config::retain_enum_prefix`] |
//! | a second name for an enum value (`allow_alias`) | the variant of the first | `from_str_name` knows both |
//! | a name of underscores alone, `_` | `__` (a service: `UnnamedServicer`) | no case can be made of it |
//!
//! Of several elements that want one name, the one that is spelled in the proto as it is in Rust keeps it, else the first in the
//! order of the files' names and then of the file; the next number that nobody wants goes to each of the others. What an
//! element is called thus depends on nothing but those that want its name, and its documentation says what it is called
//! in the proto.
//!
//! A run sees the files that it is given and those that they import. Elements that want one name have to be in one run: that goes
//! without saying for one package, but if `buf` runs the plugin for each directory by itself, a message `a.Bar` with nested
//! types and a package `a.bar` in another directory do not know of each other.
//!
//! What the proto calls deprecated is `#[deprecated]`: messages, fields, members of oneofs, enums, values, services and methods. The
//! build of the generated code warns of none of them; who uses them is warned. (Messages and enums of a proto
//! without a package are left out: no module of ours is around them that could keep the warnings from the build.)

//! # Messages
//!
//! A message is a struct with public fields, and `stubwright::prost::Message` encodes and decodes it. What Python's messages
//! offer, here:
//!
//! | in Python | in Rust |
//! |---|---|
//! | `M(text="a")` | `M { text: "a".to_owned(), ..Default::default() }` |
//! | `m.SerializeToString()`, `m.ByteSize()` | `m.encode_to_vec()`, `m.encoded_len()` |
//! | `M.FromString(data)` | `M::decode(data)` |
//! | `m.MergeFromString(data)` | `m.merge(data)` |
//! | `m.MergeFrom(other)` | `m.merge(other.encode_to_vec().as_slice())` |
//! | `m.CopyFrom(other)`, `m.Clear()` | `m = other.clone()`, `m.clear()` or `m = M::default()` |
//! | `m.HasField("child")`, `m.ClearField("child")` | `m.child.is_some()`, `m.child = None` |
//! | `m.number`, where `number` is optional | `m.number()`: the value, or the default that the proto gives |
//! | `m.WhichOneof("kind")` | `match m.kind { Some(Kind::Text(text)) => …, Some(Kind::Id(id)) => …, None => … }` |
//! | `m.child.text = "a"` | `m.child.get_or_insert_default().text = "a".to_owned()` |
//! | `m.items.add(text="a")` | `m.items.push(Item { text: "a".to_owned(), ..Default::default() })` |
//! | `m.size = M.LARGE`, `m.size` | `m.set_size(Size::Large)`, `m.size()`: the first value if the number is unknown |
//! | the number of an enum field, known or not | `m.size`, an `i32` |
//! | `Size.Name(2)`, `Size.Value("LARGE")` | `Size::try_from(2)?.as_str_name()`, `Size::from_str_name("LARGE")` |
//! | `m == other`, `str(m)` | `m == other`, `format!("{m:#?}")` |
//! | `any.Pack(m)`, `any.Unpack(m)` | `Any::from_msg(&m)?`, `any.to_msg::<M>()?`, with [`Config::enable_type_names`] |
//! | `timestamp.GetCurrentTime()` | `Timestamp::from(SystemTime::now())` |
//!
//! A child of a message that contains itself is in a `Box`. A message is `Copy`, `Eq` or `Hash` where all that is in it is.
//!
//! # Editions
//!
//! Files with `edition = "2023"` or `"2024"` work with the plugin `protoc-gen-rs`, with a `protoc` of yours
//! ([`Config::protoc`]) and with descriptors ([`Config::compile_descriptor_set`]); the compiler that is built in does not read
//! them. Features become what is in Rust's types already: `field_presence` says whether a field is an `Option`,
//! `repeated_field_encoding` and `message_encoding` how it is written. An enum field is an `i32`, be the enum open or
//! closed: a number that no value has is kept. A `string` has to be UTF-8, whatever `utf8_validation` says, for it is a
//! `String`.

mod check;
mod compile;
mod config;
mod descriptors;
mod docs;
mod editions;
mod emit;
mod error;
mod fields;
mod generate;
mod graph;
mod imports;
mod lower;
mod model;
mod names;
mod parameters;
mod parse;
mod paths;
pub mod plugin;
mod render;
mod resolve;
mod source;
mod symbols;
mod tree;

pub use compile::compile_protos;
pub use config::Config;
pub use error::{Error, SchemaError};
pub use render::package_of;
pub use tree::module_tree;

//! Generates Rust code for `.proto` files: servicer traits, typed stubs and handler registration for the `stubwright`
//! runtime, and messages and enums for prost.
//!
//! Call it from a build script:
//!
//! ```no_run
//! // build.rs
//! fn main() -> Result<(), stubwright_codegen::Error> {
//!     stubwright_codegen::compile_protos(&["proto/square.proto"], &["proto"])
//! }
//! ```
//!
//! Include the result in the crate with `stubwright::include_protos!();`. No `protoc` is needed. [`Config`] has the
//! options.
//!
//! # Services
//!
//! A service `SquareService` becomes these items, in the module of its package:
//!
//! | item | meaning |
//! |---|---|
//! | `trait SquareServiceServicer` | implemented by a server; one method per rpc |
//! | `fn add_square_service_servicer_to_server` | adds an implementation to a `stubwright::Server` |
//! | `fn square_service_handler` | returns the handler set that the function above adds |
//! | `struct SquareServiceStub` | calls a server; one method per rpc |
//! | `struct SquareServiceBlockingStub` | the same for programs without async, with [`Config::blocking`] |
//!
//! # Names
//!
//! Types are `UpperCamelCase`. Fields, methods and modules are `snake_case`. The wire keeps the names of the proto: paths
//! of methods, type URLs and names of enum values never change. Names that are taken or not valid in Rust change so:
//!
//! | in the proto | in Rust | why |
//! |---|---|---|
//! | field, rpc or package `type` | `r#type` | a keyword that can be raw |
//! | `self`, `super`, `crate`, `Self` | `self_`, `super_`, `crate_`, `Self_` | keywords that cannot be raw |
//! | rpc `New`, `Clone` | `new_`, `clone_` | methods of every stub |
//! | rpc `Into`, `TryInto` | `into_`, `try_into_` | methods of every type, which would be called instead |
//! | rpcs `GetItem`, `getItem` of one service | `get_item`, `get_item_2` | same name in Rust |
//! | services `foo`, `Foo` of one package | `FooStub`, `Foo2Stub` | same name in Rust |
//! | service `Foo` beside message `FooStub` | `FooStub_` (the stub), `FooStub` | same name in Rust |
//! | service `Foo` beside service `FooBlocking` | `FooBlockingStub_` (the blocking stub), `FooBlockingStub` | same name in Rust |
//! | messages or enums `FooBar`, `Foo_bar` | `FooBar`, `FooBar2` | same name in Rust |
//! | fields `foo_bar`, `fooBar` of one message | `foo_bar`, `foo_bar_2` | same name in Rust |
//! | members of a oneof or values of an enum, likewise | `Red`, `Red2` | same name in Rust |
//! | enum fields `x`, `set_x` | `x`, `set_x_2` | prost derives a method `set_x` for `x` |
//! | optional field `push_x`, `get_x`, … | `push_x_2`, `get_x_2` | likewise, for a repeated enum or a map of enums `x` |
//! | oneof `kind` beside nested type `Kind` | field `kind`, enum `KindOneOf` | as in prost-build |
//! | the same, beside `KindOneOf` too | field `kind`, enum `KindOneOf2` | same name in Rust |
//! | message `a.Bar` with nested types beside package `a.bar` | `a::Bar`, `a::bar_2::Nested`, `a::bar` | both are modules |
//! | value `KIND_SMALL` of enum `Kind` | `Kind::Small` | unless [`Config::retain_enum_prefix`] is on |
//! | a second name for an enum value (`allow_alias`) | the variant of the first | `from_str_name` accepts both |
//! | a name of underscores only, `_` | `__` (a service: `UnnamedServicer`) | it has no letters to convert |
//!
//! If several elements would have the same name, the one whose Rust spelling equals its spelling in the proto keeps the name. If
//! there is none, the first element keeps it, in the order of file names and then of the elements in a file. Each of the others
//! gets the next free number. So a name depends only on the elements that compete for it. The documentation of a renamed element
//! has its name in the proto.
//!
//! One run of the generator only sees its own files and their imports, so elements that compete for a name must be in the same
//! run. This matters if `buf` runs the plugin for each directory separately: a message `a.Bar` with nested types and a package
//! `a.bar` in another directory then don't see each other.
//!
//! # Deprecation
//!
//! Messages, fields, members of oneofs, enums, values, services and methods that are deprecated in the proto are `#[deprecated]`.
//! The compiler warns about their uses in your code, but not in the generated code. Messages and enums of a proto without a
//! package are not marked, because they are not in a generated module that could allow the warnings.

//! # Messages
//!
//! A message is a struct with public fields, encoded and decoded through `stubwright::prost::Message`. With
//! [`Config::json`] it also implements `ReflectMessage`, which gives access to its descriptor and its JSON form. This
//! table lists the equivalents of Python's message API:
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
//! | `m.number`, where `number` is optional | `m.number()`: the value, or the default from the proto |
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
//! A field is boxed if its message contains itself through it. A message is `Copy`, `Eq` or `Hash` if all of its fields
//! are.
//!
//! # Editions
//!
//! Files with `edition = "2023"` or `"2024"` work with the plugin `protoc-gen-rs`, with your own `protoc`
//! ([`Config::protoc`]) and with descriptor sets ([`Config::compile_descriptor_set`]). The built-in compiler does not
//! support them.
//!
//! `field_presence` decides whether a field is an `Option`. `repeated_field_encoding` and `message_encoding` decide how it is
//! encoded. The fields of an enum are `i32`, whether the enum is open or closed, so that unknown numbers are kept. A `string`
//! must be UTF-8, even if `utf8_validation` is off, because it is a `String`.

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

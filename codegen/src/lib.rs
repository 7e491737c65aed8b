//! Generates Rust code for `.proto` files: servicer traits, typed stubs and handler registration for the `stubwright`
//! runtime, and messages and enums for prost.
//!
//! Call [`compile_protos`] from a build script:
//!
//! ```no_run
//! // build.rs
//! fn main() -> Result<(), stubwright_codegen::Error> {
//!     stubwright_codegen::compile_protos(&["proto/square.proto"], &["proto"])
//! }
//! ```
//!
//! Include the generated code in the crate by `stubwright::include_protos!();`. No `protoc` is needed. To set
//! options, use [`Config`].
//!
//! # Services
//!
//! For a service `SquareService`, the generator creates these items in the module of its package:
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
//! Types are `UpperCamelCase`. Fields, methods and modules are `snake_case`. The wire keeps the names of the proto:
//! paths of methods, type URLs and names of enum values never change. Names that are taken or not valid in Rust
//! change as follows:
//!
//! | in the proto | in Rust | why |
//! |---|---|---|
//! | field, rpc or package `type` | `r#type` | a keyword that can be raw |
//! | `self`, `super`, `crate`, `Self` | `self_`, `super_`, `crate_`, `Self_` | keywords that cannot be raw |
//! | rpc `New`, `Clone` | `new_`, `clone_` | methods of every stub |
//! | rpc `Into`, `TryInto` | `into_`, `try_into_` | methods of every type, which a call would reach instead |
//! | rpcs `GetItem`, `getItem` of one service | `get_item`, `get_item_2` | same name in Rust |
//! | services `foo`, `Foo` of one package | `FooStub`, `Foo2Stub` | same name in Rust |
//! | service `Foo` beside message `FooStub` | `FooStub_` (the stub), `FooStub` | same name in Rust |
//! | service `Foo` beside service `FooBlocking` | `FooBlockingStub_` (the blocking stub), `FooBlockingStub` | same name in Rust |
//! | messages or enums `FooBar`, `Foo_bar` | `FooBar`, `FooBar2` | same name in Rust |
//! | fields `foo_bar`, `fooBar` of one message | `foo_bar`, `foo_bar_2` | same name in Rust |
//! | members of one oneof or values of one enum with the same name in Rust | `Red`, `Red2` | same name in Rust |
//! | enum fields `x`, `set_x` | `x`, `set_x_2` | `x` has a method `set_x` |
//! | optional field `push_x`, `get_x`, … | `push_x_2`, `get_x_2` | a list or map `x` of enums has such methods |
//! | field `unknown_fields` of a message with [`Config::unknown_fields`] | `unknown_fields`, and `unknown_fields_2` for what the schema does not have | same name in Rust |
//! | oneof `kind` beside nested type `Kind` | field `kind`, enum `KindOneOf` | as in prost-build |
//! | oneof `kind` beside nested types `Kind` and `KindOneOf` | field `kind`, enum `KindOneOf2` | same name in Rust |
//! | message `a.Bar` with nested types beside package `a.bar` | `a::Bar`, `a::bar_2::Nested`, `a::bar` | both are modules |
//! | value `KIND_SMALL` of enum `Kind` | `Kind::Small` | unless [`Config::retain_enum_prefix`] is on |
//! | a second name for an enum value (`allow_alias`) | the variant of the first | `from_str_name` accepts both |
//! | a name of underscores only, `_` | `__` (a service: `UnnamedServicer`) | it has no letters to convert |
//!
//! If several elements would have the same name in Rust, one of them keeps the name, and each of the others gets the
//! next free number. An element that has this spelling in the proto keeps it. If there is no such element, the first
//! one keeps it, in the order of file names and then of the elements in a file. So a name in Rust depends only on the
//! elements that compete for it. The documentation of a renamed element has its name in the proto.
//!
//! One run of the generator only sees its own files and their imports, so all elements that compete for a name must
//! be in the same run. This matters if `buf` runs the plugin for each directory separately. For example, if a message
//! `a.Bar` with nested types is in one directory and a package `a.bar` in another, neither run detects the conflict.
//!
//! # Deprecation
//!
//! Messages, fields, members of oneofs, enums, values, services and methods that are deprecated in the proto are
//! `#[deprecated]`. The compiler warns about their uses in your code, but not in the generated code. Messages and
//! enums of a proto without a package are not marked, because no generated module around them could turn off the
//! warnings.
//!
//! # Messages
//!
//! A message is a struct with public fields, of the types that prost-build gives them. `stubwright::prost::Message` encodes
//! and decodes it. With [`Config::json`], a message also has a JSON form. With [`Config::reflect`], it implements
//! `ReflectMessage`, which gives access to its descriptor. This table lists the equivalents of Python's message API:
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
//! By default, fields have the types that prost-build gives them. These options choose others:
//!
//! | option | type | what it costs |
//! |---|---|---|
//! | [`Config::shared_strings`], [`Config::bytes`] | strings and bytes that share the memory of what was received | a field that is kept keeps its message, or even the buffer around it |
//! | [`Config::map_type`] | maps that are decoded faster, or ordered | see [`MapType`] |
//! | [`Config::unknown_fields`] | a field for what the schema does not have | 24 bytes in each message |
//!
//! A field is boxed if its type contains, directly or indirectly, the message that the field belongs to. A message is
//! `Copy`, `Eq` or `Hash` if all of its fields are.
//!
//! # Editions
//!
//! Files with `edition = "2023"` or `"2024"` work with the plugin `protoc-gen-rs`, with your own `protoc`
//! ([`Config::protoc`]) and with descriptor sets ([`Config::compile_descriptor_set`]). The built-in compiler does not
//! support them.
//!
//! The feature `field_presence` decides whether a field is an `Option`. The features `repeated_field_encoding` and
//! `message_encoding` decide how a field is encoded. A field whose type is an enum is an `i32`, whether the enum is
//! open or closed, so that unknown numbers are kept. A `string` field is a text of Rust, so its bytes must be UTF-8 even
//! if `utf8_validation` is off.

mod check;
mod compile;
mod config;
mod descriptors;
mod docs;
mod editions;
mod emit;
mod error;
mod fields;
mod forms;
mod generate;
mod graph;
mod imports;
mod lower;
mod map_type;
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
mod views;

pub use compile::compile_protos;
pub use config::Config;
pub use error::{Error, SchemaError};
pub use map_type::MapType;
pub use render::package_of;
pub use tree::module_tree;

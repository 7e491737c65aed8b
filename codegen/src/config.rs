//! Options of the generator, for build scripts and for the plugin.

use std::path::PathBuf;

use prost_types::{DescriptorProto, FieldDescriptorProto};
use syn::parse::Parser as _;

use crate::error::Error;
use crate::fields::in_oneof;
use crate::graph::Rules;
use crate::map_type::MapType;
use crate::parameters;
use crate::paths;

/// Options of the generator.
///
/// Some options take the path of proto elements, in the form of prost-build. `.package.Message` matches the element
/// with this full name and everything in it. `Message.field`, without a leading dot, matches every element whose full
/// name ends with it. `.` matches everything.
///
/// ```no_run
/// # fn main() -> Result<(), stubwright_codegen::Error> {
/// stubwright_codegen::Config::new()
///     .client(false)
///     .btree_map(".")
///     .compile_protos(&["proto/square.proto"], &["proto"])
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) server: bool,
    pub(crate) client: bool,
    pub(crate) blocking: bool,
    pub(crate) server_attribute: Vec<String>,
    pub(crate) client_attribute: Vec<String>,
    pub(crate) all_methods_required: bool,
    pub(crate) descriptors: bool,
    pub(crate) json: bool,
    pub(crate) reflect: bool,
    pub(crate) extern_path: Vec<(String, String)>,
    pub(crate) type_attribute: Vec<(String, String)>,
    pub(crate) message_attribute: Vec<(String, String)>,
    pub(crate) enum_attribute: Vec<(String, String)>,
    pub(crate) field_attribute: Vec<(String, String)>,
    pub(crate) bytes: Vec<String>,
    pub(crate) shared_strings: Vec<String>,
    pub(crate) map_type: Vec<(String, MapType)>,
    pub(crate) unknown_fields: Vec<String>,
    pub(crate) boxed: Vec<String>,
    pub(crate) views: Vec<String>,
    pub(crate) borrowed_requests: Vec<String>,
    pub(crate) received_requests: Vec<String>,
    pub(crate) encoded_responses: Vec<String>,
    pub(crate) encoded_requests: Vec<String>,
    pub(crate) received_responses: Vec<String>,
    pub(crate) skip_debug: Vec<String>,
    pub(crate) disable_comments: Vec<String>,
    pub(crate) type_name_domain: Vec<(String, String)>,
    pub(crate) enable_type_names: bool,
    pub(crate) retain_enum_prefix: bool,
    pub(crate) compile_well_known_types: bool,
    pub(crate) default_package_filename: String,
    pub(crate) protoc: Option<PathBuf>,
    pub(crate) progress: Option<fn(usize, usize)>,
    pub(crate) out_dir: Option<PathBuf>,
    pub(crate) include_file: String,
    pub(crate) module_tree: bool,
    pub(crate) file_descriptor_set_path: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server: true,
            client: true,
            blocking: false,
            server_attribute: Vec::new(),
            client_attribute: Vec::new(),
            all_methods_required: false,
            descriptors: true,
            json: false,
            reflect: false,
            extern_path: Vec::new(),
            type_attribute: Vec::new(),
            message_attribute: Vec::new(),
            enum_attribute: Vec::new(),
            field_attribute: Vec::new(),
            bytes: Vec::new(),
            shared_strings: Vec::new(),
            map_type: Vec::new(),
            unknown_fields: Vec::new(),
            boxed: Vec::new(),
            views: Vec::new(),
            borrowed_requests: Vec::new(),
            received_requests: Vec::new(),
            encoded_responses: Vec::new(),
            encoded_requests: Vec::new(),
            received_responses: Vec::new(),
            skip_debug: Vec::new(),
            disable_comments: Vec::new(),
            type_name_domain: Vec::new(),
            enable_type_names: false,
            retain_enum_prefix: false,
            compile_well_known_types: false,
            default_package_filename: "_".to_owned(),
            protoc: None,
            progress: None,
            out_dir: None,
            include_file: "stubwright.rs".to_owned(),
            module_tree: true,
            file_descriptor_set_path: None,
        }
    }
}

impl Config {
    /// Creates the default options, which generate code for servers and clients, and descriptors for reflection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Parses the options from the parameters of the plugin: `key=value,key=value`.
    ///
    /// A key is the name of a method of `Config`. Repeat the key to pass several values. Escape a comma in a value with a
    /// backslash.
    ///
    /// # Errors
    /// Returns [`Error::Config`] if a parameter is unknown or has an unusable value. The error names all such
    /// parameters.
    pub fn from_parameters(text: &str) -> Result<Self, Error> {
        parameters::parse(text)
    }

    /// Sets whether to generate the code for servers: servicer traits, handler sets and registration. On by default.
    #[must_use]
    pub fn server(mut self, yes: bool) -> Self {
        self.server = yes;
        self
    }

    /// Sets whether to generate the code for clients: stubs. On by default.
    #[must_use]
    pub fn client(mut self, yes: bool) -> Self {
        self.client = yes;
        self
    }

    /// Sets whether to generate a blocking stub, `XBlockingStub`, beside each stub. Off by default.
    ///
    /// Blocking stubs are for programs without async. The generated code needs the feature `blocking` of
    /// `stubwright`.
    #[must_use]
    pub fn blocking(mut self, yes: bool) -> Self {
        self.blocking = yes;
        self
    }

    /// Adds an attribute to every item that is generated for servers.
    ///
    /// For example, `.server_attribute(r#"#[cfg(feature = "server")]"#)` puts the items behind a feature of the
    /// crate.
    #[must_use]
    pub fn server_attribute(mut self, attribute: impl Into<String>) -> Self {
        self.server_attribute.push(attribute.into());
        self
    }

    /// Adds an attribute to every item that is generated for clients.
    #[must_use]
    pub fn client_attribute(mut self, attribute: impl Into<String>) -> Self {
        self.client_attribute.push(attribute.into());
        self
    }

    /// Sets whether a servicer must implement every method of its service. Off by default.
    ///
    /// When this is on, adding an rpc to the proto breaks the build of every server until its servicer implements the
    /// rpc. When this is off, calls of a method that is not implemented end with UNIMPLEMENTED.
    #[must_use]
    pub fn all_methods_required(mut self, yes: bool) -> Self {
        self.all_methods_required = yes;
        self
    }

    /// Sets whether to embed the descriptors of services and their imports, for server reflection
    /// (`server.add_reflection()`). On by default.
    ///
    /// The descriptors include custom options, but no comments. They are constants, so the linker removes them from
    /// programs that do not use reflection.
    #[must_use]
    pub fn descriptors(mut self, yes: bool) -> Self {
        self.descriptors = yes;
        self
    }

    /// Sets whether messages have tables, by which `stubwright::json` converts them to and from ProtoJSON. Off by default.
    ///
    /// A table is constant data with the names, numbers and types of a message's fields. There is no code for each message. The
    /// generated code needs the feature `json` of `stubwright`.
    ///
    /// Messages with fields of types that are not generated here ([`extern_path`](Self::extern_path)) have a JSON form too: their
    /// tables are made of the descriptors. In a `google.protobuf.Any`, a message knows the types of its package and of its imports.
    #[must_use]
    pub fn json(mut self, yes: bool) -> Self {
        self.json = yes;
        self
    }

    /// Sets whether messages implement `ReflectMessage` of `stubwright::reflect`, which gives access to their descriptors and to
    /// their fields by name. Off by default.
    ///
    /// The generated code needs the feature `reflect` of `stubwright`.
    #[must_use]
    pub fn reflect(mut self, yes: bool) -> Self {
        self.reflect = yes;
        self
    }

    /// Uses existing Rust types for a message, an enum or a whole package instead of generating them.
    ///
    /// `proto` is a full name with a leading dot, and `rust` the path of the type or module that replaces it, as in
    /// `.extern_path(".google.type", "::google_types")`.
    #[must_use]
    pub fn extern_path(mut self, proto: impl Into<String>, rust: impl Into<String>) -> Self {
        self.extern_path.push((proto.into(), rust.into()));
        self
    }

    /// Adds an attribute to the messages, enums and oneofs that `path` matches.
    #[must_use]
    pub fn type_attribute(mut self, path: impl Into<String>, attribute: impl Into<String>) -> Self {
        self.type_attribute.push((path.into(), attribute.into()));
        self
    }

    /// Adds an attribute to the messages that `path` matches.
    #[must_use]
    pub fn message_attribute(
        mut self,
        path: impl Into<String>,
        attribute: impl Into<String>,
    ) -> Self {
        self.message_attribute.push((path.into(), attribute.into()));
        self
    }

    /// Adds an attribute to the enums and oneofs that `path` matches.
    #[must_use]
    pub fn enum_attribute(mut self, path: impl Into<String>, attribute: impl Into<String>) -> Self {
        self.enum_attribute.push((path.into(), attribute.into()));
        self
    }

    /// Adds an attribute to the fields, oneof members and enum values that `path` matches.
    #[must_use]
    pub fn field_attribute(
        mut self,
        path: impl Into<String>,
        attribute: impl Into<String>,
    ) -> Self {
        self.field_attribute.push((path.into(), attribute.into()));
        self
    }

    /// Generates `Bytes` instead of `Vec<u8>` for the `bytes` fields that `path` matches. Such a field shares the
    /// buffer of the received message instead of copying from it.
    ///
    /// A field that is kept keeps its message in memory, as [`shared_strings`](Self::shared_strings) explains.
    #[must_use]
    pub fn bytes(mut self, path: impl Into<String>) -> Self {
        self.bytes.push(path.into());
        self
    }

    /// Generates `bytestring::ByteString` instead of `String` for the `string` fields that `path` matches, also in
    /// lists, maps and oneofs. Such a string is a slice of the received message, so decoding allocates no memory for it.
    /// It is a `str` that cannot be changed, and a clone shares its memory too.
    ///
    /// A string that is kept keeps its whole message in memory. A message under 16 KiB, or under a quarter of the buffer
    /// in which it lies, is first copied to a buffer of its own. A larger message is not copied, and a string of it keeps
    /// the buffer: that of a connection usually has 64 KiB. If you keep few strings of large messages, convert them to
    /// `String`. Shared strings do not count against the limit of a decoded message's memory, but the copy does.
    ///
    /// The generated code needs the feature `shared-strings` of `stubwright`, which adds the crate `bytestring`.
    #[must_use]
    pub fn shared_strings(mut self, path: impl Into<String>) -> Self {
        self.shared_strings.push(path.into());
        self
    }

    /// Sets the Rust type of the map fields that `path` matches. [`MapType`] explains what each costs. The default is
    /// `HashMap`. If several paths match a field, the most specific one applies, and the first of equally specific ones.
    #[must_use]
    pub fn map_type(mut self, path: impl Into<String>, kind: MapType) -> Self {
        self.map_type.push((path.into(), kind));
        self
    }

    /// Generates `BTreeMap` instead of `HashMap` for the map fields that `path` matches:
    /// [`map_type`](Self::map_type) with [`MapType::BTreeMap`].
    #[must_use]
    pub fn btree_map(self, path: impl Into<String>) -> Self {
        self.map_type(path, MapType::BTreeMap)
    }

    /// Adds a field `unknown_fields` to the messages that `path` matches. It keeps the fields of a received message that
    /// the schema does not have, among them extensions of proto2. They are written after the known fields, as they came.
    /// By default such fields are skipped.
    ///
    /// The field, of type `stubwright::UnknownFields`, takes 24 bytes in each message, and a message without such fields
    /// nothing else. The message is not `Copy`. If the proto has a field with this name, the field is called
    /// `unknown_fields_2`.
    #[must_use]
    pub fn unknown_fields(mut self, path: impl Into<String>) -> Self {
        self.unknown_fields.push(path.into());
        self
    }

    /// Puts the message fields that `path` matches in a `Box`. Recursive fields are always boxed.
    #[must_use]
    pub fn boxed(mut self, path: impl Into<String>) -> Self {
        self.boxed.push(path.into());
        self
    }

    /// Generates a view, `FooView<'a>`, beside each message `Foo` that `path` matches, and beside the messages in it.
    ///
    /// A view has the fields of its message, but its texts are `&'a str` and its bytes `&'a [u8]`, which borrow the encoded
    /// message. So decoding a view copies no text, and takes a fraction of the time of decoding the message. A map is a list
    /// of entries. A field for unknown fields is the message's. The trait `stubwright::View` has the methods of views.
    ///
    /// Each view is a further type to compile, with about as much code as its message. Attributes of other options are not
    /// added to views.
    #[must_use]
    pub fn views(mut self, path: impl Into<String>) -> Self {
        self.views.push(path.into());
        self
    }

    /// Lets servicers take a view of the request in place of the request: `FooView<'_>`, which borrows the received bytes. Its
    /// texts are not copied.
    ///
    /// `method` is `package.Service/Method`, `package.Service` for all methods of a service that take one request, or `.`
    /// for all such methods. The requests of these methods have views, as if [`views`](Self::views) matched them. A
    /// request without texts and bytes is its own view, and stays as it is.
    ///
    /// The view lives as long as the method's future or stream, and cannot be moved to another task. In calls whose
    /// messages an interceptor observes, the request is decoded twice. Stubs don't change.
    #[must_use]
    pub fn borrowed_requests(mut self, method: impl Into<String>) -> Self {
        self.borrowed_requests.push(method.into());
        self
    }

    /// Lets servicers take requests as they were received: `Received<Foo>`, which is decoded on demand, to a view or to the
    /// message. For streams of requests this is the way to views.
    ///
    /// `method` is `package.Service/Method`, `package.Service`, or `.`. A request that is not a message is not refused
    /// before the method has it. In calls whose messages an interceptor observes, requests are decoded and encoded again
    /// for it. A `Received` keeps the buffer alive into which it was read. Stubs don't change.
    #[must_use]
    pub fn received_requests(mut self, method: impl Into<String>) -> Self {
        self.received_requests.push(method.into());
        self
    }

    /// Lets servicers return encoded responses: `EncodedMessage<Foo>`, made of a message, of a view, or of bytes.
    ///
    /// `method` is `package.Service/Method`, `package.Service`, or `.`. In calls whose messages an interceptor observes,
    /// responses are decoded and encoded again for it. Stubs don't change.
    #[must_use]
    pub fn encoded_responses(mut self, method: impl Into<String>) -> Self {
        self.encoded_responses.push(method.into());
        self
    }

    /// Lets stubs take encoded requests: `EncodedMessage<Foo>`, made of a message, of a view, or of bytes.
    ///
    /// `method` is `package.Service/Method`, `package.Service`, or `.`. In calls whose messages an interceptor observes,
    /// requests are decoded and encoded again for it. Servicers don't change.
    #[must_use]
    pub fn encoded_requests(mut self, method: impl Into<String>) -> Self {
        self.encoded_requests.push(method.into());
        self
    }

    /// Lets stubs return responses as they were received: `Received<Foo>`, which is decoded on demand, to a view or to the
    /// message.
    ///
    /// `method` is `package.Service/Method`, `package.Service`, or `.`. A response that is not a message does not fail the
    /// call. In calls whose messages an interceptor observes, responses are decoded and encoded again for it. A `Received`
    /// keeps the buffer alive into which it was read. Servicers don't change.
    #[must_use]
    pub fn received_responses(mut self, method: impl Into<String>) -> Self {
        self.received_responses.push(method.into());
        self
    }

    /// Leaves out `Debug` for the types that `path` matches, so that you can implement `Debug` yourself.
    #[must_use]
    pub fn skip_debug(mut self, path: impl Into<String>) -> Self {
        self.skip_debug.push(path.into());
        self
    }

    /// Leaves out the doc comments of the messages, fields, enums and enum values that `path` matches.
    #[must_use]
    pub fn disable_comments(mut self, path: impl Into<String>) -> Self {
        self.disable_comments.push(path.into());
        self
    }

    /// Sets whether messages implement `prost::Name`, which gives their full name and type URL. Off by default.
    #[must_use]
    pub fn enable_type_names(mut self, yes: bool) -> Self {
        self.enable_type_names = yes;
        self
    }

    /// Sets the domain in the type URLs of the messages that `path` matches. This has an effect only with
    /// [`enable_type_names`](Self::enable_type_names).
    #[must_use]
    pub fn type_name_domain(mut self, path: impl Into<String>, domain: impl Into<String>) -> Self {
        self.type_name_domain.push((path.into(), domain.into()));
        self
    }

    /// Sets whether the values of an enum keep a prefix that is the enum's name. Off by default: the value
    /// `KIND_LARGE` of the enum `Kind` becomes `Kind::Large`.
    #[must_use]
    pub fn retain_enum_prefix(mut self, yes: bool) -> Self {
        self.retain_enum_prefix = yes;
        self
    }

    /// Sets whether to generate code for the package `google.protobuf`. Off by default: the generated code uses the
    /// types of `stubwright::prost_types`.
    #[must_use]
    pub fn compile_well_known_types(mut self, yes: bool) -> Self {
        self.compile_well_known_types = yes;
        self
    }

    /// Sets the name, without `.rs`, of the generated file for protos without a package. The default is `_`.
    #[must_use]
    pub fn default_package_filename(mut self, name: impl Into<String>) -> Self {
        self.default_package_filename = name.into();
        self
    }

    /// Compiles the `.proto` files with this `protoc` instead of the built-in compiler.
    ///
    /// `path` is the path of the program, or a name that is looked up in `PATH`. Files with `edition = "2023"` or
    /// `"2024"` need `protoc`, because the built-in compiler does not support them. Only the methods that read
    /// `.proto` files run it: [`compile_protos`](Self::compile_protos) and
    /// [`generate_protos`](Self::generate_protos).
    #[must_use]
    pub fn protoc(mut self, path: impl Into<PathBuf>) -> Self {
        self.protoc = Some(path.into());
        self
    }

    /// Sets a function that is called before the built-in compiler reads each file. Its arguments are the number of
    /// files that have been read, and the number of all files. Imports are not counted. With
    /// [`protoc`](Self::protoc), the function is not called.
    #[must_use]
    pub fn progress(mut self, tell: fn(usize, usize)) -> Self {
        self.progress = Some(tell);
        self
    }

    /// Sets the directory to which generated files are written. The default is Cargo's `OUT_DIR`.
    ///
    /// The directory is created if it does not exist. The module tree includes the other files by relative paths, so
    /// the directory can be checked in.
    #[must_use]
    pub fn out_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.out_dir = Some(path.into());
        self
    }

    /// Sets the name of the module tree, the file that includes all other generated files. The default is
    /// `stubwright.rs`.
    ///
    /// `stubwright::include_protos!()` includes `stubwright.rs`, and `include_protos!("name")` includes `name.rs`. A
    /// build script that compiles twice must give the second tree another name.
    #[must_use]
    pub fn include_file(mut self, name: impl Into<String>) -> Self {
        self.include_file = name.into();
        self
    }

    /// Sets whether to write the module tree, the file that includes all other generated files. On by default.
    ///
    /// Turn this off if several runs write to one directory, for example because `buf` runs the plugin once for each
    /// directory of protos. After the last run, create the tree of all files by `protoc-gen-rs modules DIR` or by
    /// [`module_tree`](crate::module_tree).
    #[must_use]
    pub fn module_tree(mut self, yes: bool) -> Self {
        self.module_tree = yes;
        self
    }

    /// Sets a path to which an encoded `google.protobuf.FileDescriptorSet` is written beside the generated code. By
    /// default none is written. The set has the descriptors of all files and imports, with source information.
    #[must_use]
    pub fn file_descriptor_set_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.file_descriptor_set_path = Some(path.into());
        self
    }
}

impl Config {
    /// Returns an error if an option has an invalid value: a path that cannot match, a proto path without its leading dot,
    /// or text that is not valid Rust.
    ///
    /// Options are checked here because an error inside a long generated file would be hard to trace to its option.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let mut faults = Vec::new();
        for (proto, rust) in &self.extern_path {
            if !proto.starts_with('.') {
                faults.push(format!(
                    "the proto path of `extern_path` must begin with a dot, not `{proto}`"
                ));
            }
            if syn::parse_str::<syn::Type>(rust).is_err() {
                faults.push(format!(
                    "`{rust}`, the `extern_path` of `{proto}`, is not a Rust path"
                ));
            }
        }
        let maps = self.map_type.iter().map(|(path, _)| path);
        let paths = [
            ("bytes", self.bytes.iter().collect::<Vec<_>>()),
            ("shared_strings", self.shared_strings.iter().collect()),
            ("map_type", maps.collect()),
            ("unknown_fields", self.unknown_fields.iter().collect()),
            ("views", self.views.iter().collect()),
        ];
        for (option, paths) in paths {
            for path in paths.into_iter().filter(|path| !paths::is_pattern(path)) {
                faults.push(format!(
                    "`{path}`, a path of `{option}`, is not `.package.Message.field`, `Message.field` or `.`"
                ));
            }
        }
        let attributes = [
            &self.type_attribute,
            &self.message_attribute,
            &self.enum_attribute,
            &self.field_attribute,
        ];
        let attributes = attributes
            .into_iter()
            .flatten()
            .map(|(path, attribute)| (format!("`{path}`"), attribute))
            .chain(of(&self.server_attribute, "servers"))
            .chain(of(&self.client_attribute, "clients"));
        for (target, attribute) in attributes {
            if syn::Attribute::parse_outer.parse_str(attribute).is_err() {
                faults.push(format!(
                    "`{attribute}`, the attribute for {target}, is not a Rust attribute"
                ));
            }
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(Error::Config(faults.join("\n")))
        }
    }
}

impl Rules for Config {
    fn keeps_unknown_fields(&self, proto_type: &str) -> bool {
        let mut paths = self.unknown_fields.iter();
        paths.any(|path| paths::matches(path, proto_type))
    }

    fn is_foreign(&self, proto_type: &str) -> bool {
        let mut externs = self.extern_path.iter();
        externs.any(|(path, _)| {
            let below = proto_type.strip_prefix(path.as_str());
            below.is_some_and(|below| below.is_empty() || below.starts_with('.'))
        })
    }

    fn is_boxed(
        &self,
        full_name: &str,
        message: &DescriptorProto,
        field: &FieldDescriptorProto,
    ) -> bool {
        if self.boxed.is_empty() {
            return false;
        }
        let oneof = field.oneof_index.filter(|_| in_oneof(field));
        let oneof = oneof.and_then(|index| message.oneof_decl.get(usize::try_from(index).ok()?));
        let path = match oneof {
            Some(oneof) => format!("{full_name}.{}.{}", oneof.name(), field.name()),
            None => format!("{full_name}.{}", field.name()),
        };
        self.boxed.iter().any(|boxed| paths::matches(boxed, &path))
    }
}

/// Pairs each attribute with a description of its target, for error messages.
fn of<'a>(attributes: &'a [String], target: &str) -> impl Iterator<Item = (String, &'a String)> {
    attributes
        .iter()
        .map(move |attribute| (target.to_owned(), attribute))
}

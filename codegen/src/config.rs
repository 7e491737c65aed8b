//! Options of the generator, for build scripts and for the plugin.

use std::path::PathBuf;

use prost_types::{DescriptorProto, FieldDescriptorProto};
use syn::parse::Parser as _;

use crate::error::Error;
use crate::fields::in_oneof;
use crate::graph::Rules;
use crate::parameters;
use crate::paths;

/// Options of the generator.
///
/// Paths of proto elements are written as in prost-build. `.package.Message.field` matches from the root,
/// `Message.field` matches every path that ends so, and `.` matches everything.
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
    pub(crate) extern_path: Vec<(String, String)>,
    pub(crate) type_attribute: Vec<(String, String)>,
    pub(crate) message_attribute: Vec<(String, String)>,
    pub(crate) enum_attribute: Vec<(String, String)>,
    pub(crate) field_attribute: Vec<(String, String)>,
    pub(crate) bytes: Vec<String>,
    pub(crate) btree_map: Vec<String>,
    pub(crate) boxed: Vec<String>,
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
            extern_path: Vec::new(),
            type_attribute: Vec::new(),
            message_attribute: Vec::new(),
            enum_attribute: Vec::new(),
            field_attribute: Vec::new(),
            bytes: Vec::new(),
            btree_map: Vec::new(),
            boxed: Vec::new(),
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
    /// Creates the default options: servers, clients and descriptors for reflection are generated.
    pub fn new() -> Self {
        Self::default()
    }

    /// Parses the parameters of the plugin: `key=value,key=value`.
    ///
    /// A key is the name of a method of `Config`. Repeat the key to pass several values. Escape a comma in a value with a
    /// backslash.
    ///
    /// # Errors
    /// Returns [`Error::Config`] if a parameter is unknown or has an unusable value. The error names all of them.
    pub fn from_parameters(text: &str) -> Result<Self, Error> {
        parameters::parse(text)
    }

    /// Sets whether to generate the code for servers: servicer traits, handler sets and registration. On by default.
    #[must_use]
    pub fn server(mut self, yes: bool) -> Self {
        self.server = yes;
        self
    }

    /// Sets whether to generate stubs. On by default.
    #[must_use]
    pub fn client(mut self, yes: bool) -> Self {
        self.client = yes;
        self
    }

    /// Sets whether to generate a blocking stub, `XBlockingStub`, beside each stub. Off by default.
    ///
    /// Blocking stubs are for programs without async. They need the feature `blocking` of `stubwright`.
    #[must_use]
    pub fn blocking(mut self, yes: bool) -> Self {
        self.blocking = yes;
        self
    }

    /// Adds an attribute to every item that is generated for servers.
    ///
    /// A crate uses it to put its servers behind a feature: `.server_attribute(r#"#[cfg(feature = "server")]"#)`.
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
    /// When on, a new rpc in the proto is a compile error in every server. When off, a method that is not implemented
    /// returns `UNIMPLEMENTED`.
    #[must_use]
    pub fn all_methods_required(mut self, yes: bool) -> Self {
        self.all_methods_required = yes;
        self
    }

    /// Sets whether to embed the descriptors of services and their imports, for server reflection
    /// (`server.add_reflection()`). On by default.
    ///
    /// The descriptors include custom options, but no comments. They are constants, so the linker drops them from
    /// programs without reflection.
    #[must_use]
    pub fn descriptors(mut self, yes: bool) -> Self {
        self.descriptors = yes;
        self
    }

    /// Sets whether messages implement `ReflectMessage`, which `stubwright::json` needs to convert them to and from
    /// ProtoJSON. Off by default.
    ///
    /// It needs the feature `json` of `stubwright`.
    #[must_use]
    pub fn json(mut self, yes: bool) -> Self {
        self.json = yes;
        self
    }

    /// Uses existing Rust types for a message, an enum or a whole package instead of generating them:
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

    /// Generates `Bytes` instead of `Vec<u8>` for the `bytes` fields that `path` matches. Decoding then shares the
    /// buffer instead of copying.
    #[must_use]
    pub fn bytes(mut self, path: impl Into<String>) -> Self {
        self.bytes.push(path.into());
        self
    }

    /// Generates `BTreeMap` instead of `HashMap` for the map fields that `path` matches.
    #[must_use]
    pub fn btree_map(mut self, path: impl Into<String>) -> Self {
        self.btree_map.push(path.into());
        self
    }

    /// Boxes the message fields that `path` matches. Recursive fields are always boxed.
    #[must_use]
    pub fn boxed(mut self, path: impl Into<String>) -> Self {
        self.boxed.push(path.into());
        self
    }

    /// Skips the derive of `Debug` for the types that `path` matches, so that you can implement it yourself.
    #[must_use]
    pub fn skip_debug(mut self, path: impl Into<String>) -> Self {
        self.skip_debug.push(path.into());
        self
    }

    /// Leaves out the doc comments of the messages and fields that `path` matches.
    #[must_use]
    pub fn disable_comments(mut self, path: impl Into<String>) -> Self {
        self.disable_comments.push(path.into());
        self
    }

    /// Implements `prost::Name` for messages. Off by default.
    #[must_use]
    pub fn enable_type_names(mut self, yes: bool) -> Self {
        self.enable_type_names = yes;
        self
    }

    /// Sets the domain in the type URLs of the messages that `path` matches. It has an effect only with
    /// [`enable_type_names`](Self::enable_type_names).
    #[must_use]
    pub fn type_name_domain(mut self, path: impl Into<String>, domain: impl Into<String>) -> Self {
        self.type_name_domain.push((path.into(), domain.into()));
        self
    }

    /// Keeps the enum's name as the prefix of its values. Off by default: `KIND_LARGE` of `Kind` becomes
    /// `Kind::Large`.
    #[must_use]
    pub fn retain_enum_prefix(mut self, yes: bool) -> Self {
        self.retain_enum_prefix = yes;
        self
    }

    /// Generates `google.protobuf.*` like any other package. Off by default: `stubwright::prost_types` is used.
    #[must_use]
    pub fn compile_well_known_types(mut self, yes: bool) -> Self {
        self.compile_well_known_types = yes;
        self
    }

    /// Sets the name, without `.rs`, of the file for protos without a package. `_` by default.
    #[must_use]
    pub fn default_package_filename(mut self, name: impl Into<String>) -> Self {
        self.default_package_filename = name.into();
        self
    }

    /// Compiles the `.proto` files with this `protoc` instead of the built-in compiler.
    ///
    /// `protoc` is a path, or a name that is looked up in `PATH`. It is required for files with an `edition` (2023 or
    /// 2024), which the built-in compiler does not support. Only methods that read `.proto` files use it.
    #[must_use]
    pub fn protoc(mut self, path: impl Into<PathBuf>) -> Self {
        self.protoc = Some(path.into());
        self
    }

    /// Sets a function that reports progress. Before the built-in compiler reads a file, it is called with the number
    /// of files already read and the number of all files, imports not counted.
    #[must_use]
    pub fn progress(mut self, tell: fn(usize, usize)) -> Self {
        self.progress = Some(tell);
        self
    }

    /// Sets the directory to write to. Cargo's `OUT_DIR` by default.
    ///
    /// The directory is created if it does not exist. Its module tree includes the other files by relative paths, so
    /// that the directory can be checked in.
    #[must_use]
    pub fn out_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.out_dir = Some(path.into());
        self
    }

    /// Sets the name of the module tree. `stubwright.rs` by default.
    ///
    /// `stubwright::include_protos!()` includes `stubwright.rs`, and `include_protos!("name")` includes `name.rs`. A
    /// build script that compiles twice must name the second tree.
    #[must_use]
    pub fn include_file(mut self, name: impl Into<String>) -> Self {
        self.include_file = name.into();
        self
    }

    /// Sets whether to write the module tree. On by default.
    ///
    /// Turn it off if separate runs write to one directory, for example because `buf` runs the plugin once for each
    /// directory of protos. Create the tree of all files afterwards, with `protoc-gen-rs modules DIR` or
    /// [`module_tree`](crate::module_tree).
    #[must_use]
    pub fn module_tree(mut self, yes: bool) -> Self {
        self.module_tree = yes;
        self
    }

    /// Also writes an encoded `google.protobuf.FileDescriptorSet` to this path. It has the descriptors of all files
    /// and imports, with source information.
    #[must_use]
    pub fn file_descriptor_set_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.file_descriptor_set_path = Some(path.into());
        self
    }
}

impl Config {
    /// Reports options whose values are not valid Rust.
    ///
    /// They are checked here because an error inside a long generated file would be hard to trace to its option.
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

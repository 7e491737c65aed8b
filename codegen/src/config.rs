//! The options, one struct for build scripts and for the plugin.

use std::path::PathBuf;

use prost_types::{DescriptorProto, FieldDescriptorProto};
use syn::parse::Parser as _;

use crate::error::Error;
use crate::fields::in_oneof;
use crate::graph::Rules;
use crate::parameters;
use crate::paths;

/// What to generate, and how.
///
/// Paths of proto elements are written as prost writes them: `.package.Message.field` from the root, `Message.field`
/// wherever it ends like this, `.` for everything.
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
    /// Servers and clients, every other option off.
    pub fn new() -> Self {
        Self::default()
    }

    /// The options that a text has as the parameters of the plugin: `key=value,key=value`, under the names that they
    /// have here. A list is the same key again, and a comma in a value is escaped with a backslash.
    ///
    /// # Errors
    /// There is no such parameter, or its value cannot be used. All of them are named.
    pub fn from_parameters(text: &str) -> Result<Self, Error> {
        parameters::parse(text)
    }

    /// Whether to generate what a server needs: servicer traits, handler sets, registration. On by default.
    #[must_use]
    pub fn server(mut self, yes: bool) -> Self {
        self.server = yes;
        self
    }

    /// Whether to generate stubs. On by default.
    #[must_use]
    pub fn client(mut self, yes: bool) -> Self {
        self.client = yes;
        self
    }

    /// Whether to generate blocking stubs beside the stubs, `XBlockingStub`, for programs without async; they need the feature
    /// `blocking` of `stubwright`. Off by default.
    #[must_use]
    pub fn blocking(mut self, yes: bool) -> Self {
        self.blocking = yes;
        self
    }

    /// Puts an attribute on every item that is generated for servers, for a crate that leaves them to a feature:
    /// `.server_attribute(r#"#[cfg(feature = "server")]"#)`.
    #[must_use]
    pub fn server_attribute(mut self, attribute: impl Into<String>) -> Self {
        self.server_attribute.push(attribute.into());
        self
    }

    /// Puts an attribute on every item that is generated for clients.
    #[must_use]
    pub fn client_attribute(mut self, attribute: impl Into<String>) -> Self {
        self.client_attribute.push(attribute.into());
        self
    }

    /// Whether a servicer must implement every method of its service, so that a new rpc is a compile error in every
    /// server. Off by default: a method that is not implemented answers `UNIMPLEMENTED`.
    #[must_use]
    pub fn all_methods_required(mut self, yes: bool) -> Self {
        self.all_methods_required = yes;
        self
    }

    /// Whether the code for servers has the descriptors of its services and of all that they import, custom options
    /// included and comments left out, so that server reflection (`server.add_reflection()`) can tell them. On by default.
    /// They are constant data, which a program without reflection does not contain.
    #[must_use]
    pub fn descriptors(mut self, yes: bool) -> Self {
        self.descriptors = yes;
        self
    }

    /// Whether messages know their descriptors, and by them their JSON form and the names of their fields: they are then
    /// `ReflectMessage`s, which `stubwright::json` turns into ProtoJSON and back. It needs the feature `json` of `stubwright`. Off by
    /// default: nothing of it is in a program then.
    #[must_use]
    pub fn json(mut self, yes: bool) -> Self {
        self.json = yes;
        self
    }

    /// Takes a message, an enum or a whole package from elsewhere instead of generating it:
    /// `.extern_path(".google.type", "::google_types")`.
    #[must_use]
    pub fn extern_path(mut self, proto: impl Into<String>, rust: impl Into<String>) -> Self {
        self.extern_path.push((proto.into(), rust.into()));
        self
    }

    /// Puts an attribute on the messages, enums and oneofs that `path` matches.
    #[must_use]
    pub fn type_attribute(mut self, path: impl Into<String>, attribute: impl Into<String>) -> Self {
        self.type_attribute.push((path.into(), attribute.into()));
        self
    }

    /// Puts an attribute on the messages that `path` matches.
    #[must_use]
    pub fn message_attribute(
        mut self,
        path: impl Into<String>,
        attribute: impl Into<String>,
    ) -> Self {
        self.message_attribute.push((path.into(), attribute.into()));
        self
    }

    /// Puts an attribute on the enums and oneofs that `path` matches.
    #[must_use]
    pub fn enum_attribute(mut self, path: impl Into<String>, attribute: impl Into<String>) -> Self {
        self.enum_attribute.push((path.into(), attribute.into()));
        self
    }

    /// Puts an attribute on the fields, oneof members and enum values that `path` matches.
    #[must_use]
    pub fn field_attribute(
        mut self,
        path: impl Into<String>,
        attribute: impl Into<String>,
    ) -> Self {
        self.field_attribute.push((path.into(), attribute.into()));
        self
    }

    /// Makes the `bytes` fields that `path` matches `Bytes` instead of `Vec<u8>`: decoding then shares the buffer.
    #[must_use]
    pub fn bytes(mut self, path: impl Into<String>) -> Self {
        self.bytes.push(path.into());
        self
    }

    /// Makes the map fields that `path` matches `BTreeMap` instead of `HashMap`.
    #[must_use]
    pub fn btree_map(mut self, path: impl Into<String>) -> Self {
        self.btree_map.push(path.into());
        self
    }

    /// Boxes the message fields that `path` matches. Recursive fields are boxed anyway.
    #[must_use]
    pub fn boxed(mut self, path: impl Into<String>) -> Self {
        self.boxed.push(path.into());
        self
    }

    /// Leaves out `Debug` for the types that `path` matches, so that they can have one of their own.
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

    /// The domain in the type URLs of the messages that `path` matches, with [`enable_type_names`](Self::enable_type_names).
    #[must_use]
    pub fn type_name_domain(mut self, path: impl Into<String>, domain: impl Into<String>) -> Self {
        self.type_name_domain.push((path.into(), domain.into()));
        self
    }

    /// Keeps the name of the enum in the names of its values. Off by default: `KIND_LARGE` of `Kind` is `Kind::Large`.
    #[must_use]
    pub fn retain_enum_prefix(mut self, yes: bool) -> Self {
        self.retain_enum_prefix = yes;
        self
    }

    /// Generates `google.protobuf.*` like any other package instead of taking them from `stubwright::prost_types`. Off
    /// by default.
    #[must_use]
    pub fn compile_well_known_types(mut self, yes: bool) -> Self {
        self.compile_well_known_types = yes;
        self
    }

    /// The name of the generated file for protos without a package, without `.rs`. `_` by default.
    #[must_use]
    pub fn default_package_filename(mut self, name: impl Into<String>) -> Self {
        self.default_package_filename = name.into();
        self
    }

    /// Has this `protoc` compile the `.proto` files, a path or a name that is on the `PATH`, instead of the compiler that is
    /// built in. It is needed for files with an `edition`, which the built-in compiler does not read; 2023 and 2024 are
    /// known. Nothing but [`compile_protos`](Self::compile_protos) looks at this.
    #[must_use]
    pub fn protoc(mut self, path: impl Into<PathBuf>) -> Self {
        self.protoc = Some(path.into());
        self
    }

    /// Is told, before each file that the built-in compiler reads, how many were read and how many there are, without those
    /// that are imported.
    #[must_use]
    pub fn progress(mut self, tell: fn(usize, usize)) -> Self {
        self.progress = Some(tell);
        self
    }

    /// Where to write. Cargo's `OUT_DIR` by default. A given directory is created if it does not exist, and the module
    /// tree in it includes its files by relative paths, so that the directory can be checked in.
    #[must_use]
    pub fn out_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.out_dir = Some(path.into());
        self
    }

    /// The name of the module tree. `stubwright.rs` by default, which `stubwright::include_protos!()` includes;
    /// `include_protos!("name")` includes `name.rs`. A build script that compiles twice needs a name for the second.
    #[must_use]
    pub fn include_file(mut self, name: impl Into<String>) -> Self {
        self.include_file = name.into();
        self
    }

    /// Whether to write the module tree. On by default. It has to be off in runs that write into one directory without
    /// knowing of each other, as `buf` runs the plugin for each directory of protos; `protoc-gen-rs modules DIR`, or
    /// [`module_tree`](crate::module_tree), then makes the tree over all files.
    #[must_use]
    pub fn module_tree(mut self, yes: bool) -> Self {
        self.module_tree = yes;
        self
    }

    /// Also writes the descriptors of all files, imports and source information included, encoded as a
    /// `google.protobuf.FileDescriptorSet`, to this path.
    #[must_use]
    pub fn file_descriptor_set_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.file_descriptor_set_path = Some(path.into());
        self
    }
}

impl Config {
    /// Finds the options whose values are Rust and would not parse, before they are inside a file of a thousand lines.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let mut faults = Vec::new();
        for (proto, rust) in &self.extern_path {
            if !proto.starts_with('.') {
                faults.push(format!(
                    "`extern_path` is for a proto path that begins with a dot, not `{proto}`"
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

/// Attributes with what they are for.
fn of<'a>(attributes: &'a [String], target: &str) -> impl Iterator<Item = (String, &'a String)> {
    attributes
        .iter()
        .map(move |attribute| (target.to_owned(), attribute))
}

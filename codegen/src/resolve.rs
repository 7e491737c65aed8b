//! Resolves proto types to Rust types, as seen from the module that uses them.

use std::collections::BTreeMap;

use prost_types::FileDescriptorProto;

use crate::config::Config;
use crate::model::TypePath;
use crate::names;
use crate::symbols::Symbols;

/// Path of prost in generated code.
pub(crate) const PROST: &str = "::stubwright::prost";
/// Path of the well-known types in generated code.
pub(crate) const PROST_TYPES: &str = "::stubwright::prost_types";

/// The Rust types of well-known types that the runtime reads and writes. A path that begins with `::` stands in prost or in
/// prost's well-known types.
const READ_BY_RUNTIME: [&str; 17] = [
    "bool",
    "f64",
    "()",
    "f32",
    "i32",
    "i64",
    "u32",
    "u64",
    "::stubwright::prost::alloc::vec::Vec<u8>",
    "::stubwright::prost::alloc::string::String",
    "::stubwright::prost_types::Any",
    "::stubwright::prost_types::Duration",
    "::stubwright::prost_types::FieldMask",
    "::stubwright::prost_types::ListValue",
    "::stubwright::prost_types::Struct",
    "::stubwright::prost_types::Timestamp",
    "::stubwright::prost_types::Value",
];

/// External types, and the names of generated types.
pub(crate) struct Resolver {
    /// Pairs of a proto path with a leading dot and a Rust path.
    externs: BTreeMap<String, String>,
    pub(crate) symbols: Symbols,
}

impl Resolver {
    /// Decides the names of everything in `files`, which must have passed the checks.
    pub(crate) fn new(files: &[FileDescriptorProto], config: &Config) -> Self {
        let mut externs: BTreeMap<String, String> = config.extern_path.iter().cloned().collect();
        if !config.compile_well_known_types {
            for (name, path) in well_known() {
                externs
                    .entry(format!(".google.protobuf{name}"))
                    .or_insert(path);
            }
        }
        let mut resolver = Self {
            externs,
            symbols: Symbols::default(),
        };
        resolver.symbols = Symbols::new(files, config.retain_enum_prefix, |proto_type| {
            resolver.is_extern(proto_type)
        });
        resolver
    }

    /// Returns whether the type is external and not generated. The name has a leading dot.
    pub(crate) fn is_extern(&self, proto_type: &str) -> bool {
        self.external(proto_type).is_some()
    }

    /// Returns whether the message has code of Stubwright: it is generated, or a well-known type that the runtime reads
    /// and writes. The name has a leading dot.
    pub(crate) fn is_ours(&self, proto_type: &str) -> bool {
        match self.external(proto_type) {
            Some(path) => READ_BY_RUNTIME.contains(&path.as_str()),
            None => true,
        }
    }

    /// Returns the Rust path of a message or an enum as seen from the module `here`. The proto name has a leading
    /// dot.
    pub(crate) fn resolve(&self, here: &[String], proto_type: &str) -> TypePath {
        let path = match self.symbols.place(proto_type) {
            Some((modules, name)) => relative(here, modules, name),
            None => self.external(proto_type).unwrap_or_default(),
        };
        TypePath(path)
    }

    fn external(&self, proto_type: &str) -> Option<String> {
        if let Some(path) = self.externs.get(proto_type) {
            return Some(path.clone());
        }
        let (path, below) = proto_type.rmatch_indices('.').find_map(|(dot, _)| {
            let path = self.externs.get(proto_type.get(..dot)?)?;
            Some((path, proto_type.get(dot + 1..)?))
        })?;
        let (modules, name) = below.rsplit_once('.').unwrap_or(("", below));
        let segments = path
            .split("::")
            .chain(modules.split('.').filter(|module| !module.is_empty()))
            .enumerate()
            .map(|(index, segment)| match (index, segment) {
                (0, "crate") => segment.to_owned(),
                (_, "") => String::new(),
                _ => names::snake(segment),
            })
            .chain([names::upper_camel(name)])
            .collect::<Vec<_>>();
        Some(segments.join("::"))
    }
}

/// Returns the path from one module to a type in another: up to the common ancestor, then down.
pub(crate) fn relative(here: &[String], modules: &[String], name: &str) -> String {
    let pairs = here.iter().zip(modules);
    let common = pairs.take_while(|(a, b)| a == b).count();
    let up = here.iter().skip(common).map(|_| "super");
    let down = modules.iter().skip(common).map(String::as_str);
    up.chain(down).chain([name]).collect::<Vec<_>>().join("::")
}

/// Returns the Rust types for types below `.google.protobuf`.
///
/// Wrappers are Rust's scalars and `Empty` is `()`, because prost implements `Message` for these.
fn well_known() -> [(&'static str, String); 11] {
    let scalar = str::to_owned;
    [
        ("", PROST_TYPES.to_owned()),
        (".BoolValue", scalar("bool")),
        (".BytesValue", format!("{PROST}::alloc::vec::Vec<u8>")),
        (".DoubleValue", scalar("f64")),
        (".Empty", scalar("()")),
        (".FloatValue", scalar("f32")),
        (".Int32Value", scalar("i32")),
        (".Int64Value", scalar("i64")),
        (".StringValue", format!("{PROST}::alloc::string::String")),
        (".UInt32Value", scalar("u32")),
        (".UInt64Value", scalar("u64")),
    ]
}

//! Resolves proto types to Rust types, as seen from the module that uses them.

use std::collections::{BTreeMap, HashSet};

use prost_types::FileDescriptorProto;

use crate::config::Config;
use crate::forms;
use crate::model::TypePath;
use crate::names;
use crate::paths;
use crate::symbols::Symbols;
use crate::views::{Rules, Views};

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
    pub(crate) views: Views,
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
            views: Views::default(),
        };
        let chosen = Chosen {
            config,
            resolver: &resolver,
            borrowed: forms::borrowed(files, config),
        };
        resolver.views = Views::new(files, &chosen);
        resolver.symbols = Symbols::new(
            files,
            config.retain_enum_prefix,
            |proto_type| resolver.is_extern(proto_type),
            |proto_type| resolver.views.borrows(proto_type).is_some(),
        );
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

    /// Returns the type in the place of a message in a view, as seen from the module `here`. Returns `None` if it is the
    /// message itself. The proto name has a leading dot.
    pub(crate) fn resolve_view(&self, here: &[String], proto_type: &str) -> Option<TypePath> {
        if let Some(borrowed) = self.wrapper(proto_type) {
            return Some(TypePath(borrowed.to_owned()));
        }
        let path = self.view_path(here, proto_type)?;
        Some(TypePath(format!("{path}<'a>")))
    }

    /// Returns the path of a message's view without its lifetime, or `None` if there is no view that borrows.
    pub(crate) fn view_path(&self, here: &[String], proto_type: &str) -> Option<String> {
        self.views.borrows(proto_type).filter(|borrows| *borrows)?;
        let names = self.symbols.message(proto_type)?;
        Some(relative(here, &names.modules, names.view.as_ref()?))
    }

    /// Returns what a view has in the place of a wrapper of texts or bytes.
    fn wrapper(&self, proto_type: &str) -> Option<&'static str> {
        match self.external(proto_type)?.as_str() {
            "::stubwright::prost::alloc::string::String" => Some("&'a str"),
            "::stubwright::prost::alloc::vec::Vec<u8>" => Some("&'a [u8]"),
            _ => None,
        }
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

/// The messages whose views the user wants.
struct Chosen<'a> {
    config: &'a Config,
    resolver: &'a Resolver,
    /// The requests that servicers take as views.
    borrowed: HashSet<String>,
}

impl Rules for Chosen<'_> {
    fn is_chosen(&self, proto_type: &str) -> bool {
        let mut patterns = self.config.views.iter();
        self.borrowed.contains(proto_type)
            || patterns.any(|pattern| paths::matches(pattern, proto_type))
    }

    fn is_extern(&self, proto_type: &str) -> bool {
        self.resolver.is_extern(proto_type)
    }

    fn wrapper(&self, proto_type: &str) -> Option<&'static str> {
        self.resolver.wrapper(proto_type)
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

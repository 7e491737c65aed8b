//! Proto types as Rust types, seen from a package's module, exactly as prost-build sees them.
//!
//! prost-build resolves the types of fields itself and keeps the rules to itself, so they are here once more for the
//! requests and responses of services. A test in `lower` compares both.

use std::collections::BTreeMap;

use crate::model::TypePath;
use crate::names;

/// Where generated code finds prost.
pub(crate) const PROST: &str = "::stubwright::prost";
/// Where generated code finds the well-known types.
pub(crate) const PROST_TYPES: &str = "::stubwright::prost_types";

/// The types that are not generated, and the rules for those that are.
pub(crate) struct Resolver {
    externs: BTreeMap<String, String>,
}

impl Resolver {
    /// `externs` are pairs of a proto path with a leading dot and a Rust path.
    pub(crate) fn new(externs: &[(String, String)], compile_well_known_types: bool) -> Self {
        let mut externs: BTreeMap<String, String> = externs.iter().cloned().collect();
        if !compile_well_known_types {
            for (name, path) in well_known() {
                externs
                    .entry(format!(".google.protobuf{name}"))
                    .or_insert(path);
            }
        }
        Self { externs }
    }

    /// Whether the type, with a leading dot, lives elsewhere and is not generated.
    pub(crate) fn is_extern(&self, proto_type: &str) -> bool {
        self.external(proto_type).is_some()
    }

    /// The Rust path of a message, with a leading dot, seen from the module of `package`.
    pub(crate) fn resolve(&self, package: &str, proto_type: &str) -> TypePath {
        let path = self
            .external(proto_type)
            .unwrap_or_else(|| relative(package, proto_type));
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

/// From one package to another: up to what they have in common, then down.
fn relative(package: &str, proto_type: &str) -> String {
    let here: Vec<&str> = package.split('.').filter(|s| !s.is_empty()).collect();
    let there = proto_type.strip_prefix('.').unwrap_or(proto_type);
    let (modules, name) = there.rsplit_once('.').unwrap_or(("", there));
    let modules: Vec<&str> = modules.split('.').filter(|s| !s.is_empty()).collect();
    let common = here
        .iter()
        .zip(&modules)
        .take_while(|(a, b)| a == b)
        .count();
    let up = here.iter().skip(common).map(|_| "super".to_owned());
    let down = modules
        .iter()
        .skip(common)
        .map(|module| names::snake(module));
    up.chain(down)
        .chain([names::upper_camel(name)])
        .collect::<Vec<_>>()
        .join("::")
}

/// The well-known types below `.google.protobuf`: wrappers are Rust's scalars and `Empty` is `()`, for prost
/// implements `Message` for these.
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

//! Enums and their values.

use std::collections::BTreeMap;

use prost_types::EnumDescriptorProto;

use super::file::File;
use crate::model::{Enum, Variant};
use crate::names;
use crate::paths;
use crate::source::{children, number};

/// Lowers the enum below `scope`. Returns `None` if it is external.
pub(super) fn enumeration(
    file: &File<'_>,
    path: &[i32],
    scope: &str,
    enumeration: &EnumDescriptorProto,
) -> Option<Enum> {
    let config = file.config;
    let full_name = format!("{scope}.{}", enumeration.name());
    let names = file.resolver.symbols.enumeration(&full_name)?;
    let mut variants: Vec<Variant> = Vec::new();
    let mut by_number = BTreeMap::new();
    let values = children(path, number::ENUM_VALUE, &enumeration.value).zip(&names.variants);
    for ((path, value), name) in values {
        let index = *by_number.entry(value.number()).or_insert(variants.len());
        if let Some(first) = variants.get_mut(index) {
            first.aliases.push(value.name().to_owned());
            continue;
        }
        let element = format!("{full_name}.{}", value.name());
        let docs = file.docs(&path, &element, || format!("Value `{}`.", value.name()));
        let derived = names::variant(
            &names::upper_camel(enumeration.name()),
            value.name(),
            config.retain_enum_prefix,
        );
        variants.push(Variant {
            name: name.clone(),
            proto_name: value.name().to_owned(),
            number: value.number(),
            docs: super::renamed(docs, value.name(), &derived, name),
            attributes: paths::all(&config.field_attribute, &element),
            deprecated: value
                .options
                .as_ref()
                .is_some_and(|options| options.deprecated()),
            aliases: Vec::new(),
        });
    }
    let plain = full_name.trim_start_matches('.');
    let docs = file.docs(path, &full_name, || format!("Enum `{plain}`."));
    let derived = names::upper_camel(enumeration.name());
    Some(Enum {
        name: names.name.clone(),
        docs: super::renamed(docs, enumeration.name(), &derived, &names.name),
        attributes: [&config.type_attribute, &config.enum_attribute]
            .into_iter()
            .flat_map(|attributes| paths::all(attributes, &full_name))
            .collect(),
        deprecated: file.deprecates_types()
            && enumeration
                .options
                .as_ref()
                .is_some_and(|options| options.deprecated()),
        debug: !file.is(&config.skip_debug, &full_name),
        variants,
        table: config
            .json
            .then(|| super::table::enumeration(&full_name, enumeration)),
    })
}

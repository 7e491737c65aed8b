//! Emits enums and the conversions between values and names.

use super::table;
use super::writer::Writer;
use crate::model::{Enum, Variant};
use crate::resolve::PROST;

pub(super) fn enumeration(out: &mut Writer, enumeration: &Enum) {
    out.docs(&enumeration.docs);
    out.attributes(&enumeration.attributes);
    out.deprecated(enumeration.deprecated);
    let debug = if enumeration.debug { "Debug, " } else { "" };
    out.line(format_args!(
        "#[derive(Clone, Copy, {debug}Default, PartialEq, Eq, Hash, PartialOrd, Ord)]"
    ));
    out.line(format_args!("#[repr(i32)]"));
    out.open(format_args!("pub enum {} {{", enumeration.name));
    for (index, variant) in enumeration.variants.iter().enumerate() {
        out.docs(&variant.docs);
        if index == 0 {
            out.line(format_args!("#[default]"));
        }
        out.attributes(&variant.attributes);
        out.deprecated(variant.deprecated);
        out.line(format_args!("{} = {},", variant.name, variant.number));
    }
    out.close();
    out.blank();
    let deprecated = enumeration
        .variants
        .iter()
        .any(|variant| variant.deprecated);
    allow(out, deprecated || enumeration.deprecated);
    out.open(format_args!("impl {} {{", enumeration.name));
    to_name(out, &enumeration.variants);
    out.blank();
    from_name(out, &enumeration.variants);
    out.blank();
    is_valid(out, &enumeration.variants);
    out.close();
    let deprecated = deprecated || enumeration.deprecated;
    conversions(out, enumeration, deprecated);
    if let Some(table) = &enumeration.table {
        out.blank();
        allow(out, deprecated);
        table::enumeration(out, &enumeration.name, table);
    }
}

fn is_valid(out: &mut Writer, variants: &[Variant]) {
    let numbers = variants.iter().map(|variant| variant.number.to_string());
    let numbers: Vec<String> = numbers.collect();
    out.line(format_args!(
        "/// Returns whether the enum has a value with this number."
    ));
    out.open(format_args!("pub const fn is_valid(value: i32) -> bool {{"));
    out.line(format_args!(
        "::core::matches!(value, {})",
        numbers.join(" | ")
    ));
    out.close();
}

/// Emits the conversions between values and numbers.
fn conversions(out: &mut Writer, enumeration: &Enum, deprecated: bool) {
    let name = &enumeration.name;
    out.blank();
    allow(out, deprecated);
    out.open(format_args!(
        "impl ::core::convert::From<{name}> for i32 {{"
    ));
    out.open(format_args!("fn from(value: {name}) -> i32 {{"));
    out.line(format_args!("value as i32"));
    out.close();
    out.close();
    out.blank();
    allow(out, deprecated);
    out.open(format_args!(
        "impl ::core::convert::TryFrom<i32> for {name} {{"
    ));
    out.line(format_args!("type Error = {PROST}::UnknownEnumValue;"));
    out.blank();
    out.open(format_args!(
        "fn try_from(value: i32) -> ::core::result::Result<Self, {PROST}::UnknownEnumValue> {{"
    ));
    out.open(format_args!("match value {{"));
    for variant in &enumeration.variants {
        out.line(format_args!(
            "{} => ::core::result::Result::Ok(Self::{}),",
            variant.number, variant.name
        ));
    }
    out.line(format_args!(
        "_ => ::core::result::Result::Err({PROST}::UnknownEnumValue(value)),"
    ));
    out.close();
    out.close();
    out.close();
}

fn to_name(out: &mut Writer, variants: &[Variant]) {
    out.line(format_args!(
        "/// Returns the name of the value in the proto."
    ));
    out.open(format_args!("pub fn as_str_name(&self) -> &'static str {{"));
    out.open(format_args!("match self {{"));
    for variant in variants {
        out.line(format_args!(
            "Self::{} => \"{}\",",
            variant.name, variant.proto_name
        ));
    }
    out.close();
    out.close();
}

fn from_name(out: &mut Writer, variants: &[Variant]) {
    out.line(format_args!(
        "/// Returns the value with this name in the proto. The name may be an alias."
    ));
    out.open(format_args!(
        "pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {{"
    ));
    out.open(format_args!("match value {{"));
    for variant in variants {
        for name in [&variant.proto_name].into_iter().chain(&variant.aliases) {
            out.line(format_args!(
                "\"{name}\" => ::core::option::Option::Some(Self::{}),",
                variant.name
            ));
        }
    }
    out.line(format_args!("_ => ::core::option::Option::None,"));
    out.close();
    out.close();
}

/// Allows the next item to use something deprecated, so that the user's build does not warn.
pub(super) fn allow(out: &mut Writer, touches: bool) {
    if touches {
        out.line(format_args!("#[allow(deprecated)]"));
    }
}

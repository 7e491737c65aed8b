//! Emits messages: a struct with its code, and a module for the types declared inside the message.

use super::accessors;
use super::codec;
use super::descriptors::OF_MESSAGES;
use super::enumeration::enumeration;
use super::view;
use super::writer::Writer;
use crate::map_type::MapType;
use crate::model::{Derives, Field, Message, Oneof, Shape, TypeName, Value};
use crate::resolve::PROST;

/// Emits a message. With `reflected`, the message implements `ReflectMessage`.
pub(super) fn message(out: &mut Writer, message: &Message, reflected: bool) {
    out.docs(&message.docs);
    out.attributes(&message.attributes);
    out.deprecated(message.deprecated);
    let own_debug = accessors::has_own_debug(message);
    let own_default = accessors::has_own_default(message);
    derive(out, message.derives, own_debug, !own_default);
    if message.fields.is_empty() && message.oneofs.is_empty() && message.unknown_fields.is_none() {
        out.line(format_args!("pub struct {} {{}}", message.name));
    } else {
        out.open(format_args!("pub struct {} {{", message.name));
        for field in &message.fields {
            self::field(out, field);
        }
        for oneof in &message.oneofs {
            oneof_field(out, &message.module, oneof);
        }
        unknown_fields(out, message);
        out.close();
    }
    if own_default {
        accessors::default(out, message);
    }
    if own_debug && message.derives.debug {
        accessors::debug(out, message);
    }
    accessors::methods(out, message);
    codec::message(out, message);
    if let Some(type_name) = &message.type_name {
        name(out, message, type_name);
    }
    if reflected {
        reflect(out, message);
    }
    view::message(out, message);
    if message.has_module() {
        module(out, message, reflected);
    }
}

fn module(out: &mut Writer, message: &Message, reflected: bool) {
    out.blank();
    out.line(format_args!(
        "/// Types declared in message `{}`.",
        message.full_name
    ));
    out.open(format_args!("pub mod {} {{", message.module));
    let mut first = true;
    let mut separate = |out: &mut Writer| {
        if !std::mem::take(&mut first) {
            out.blank();
        }
    };
    for nested in &message.messages {
        separate(out);
        self::message(out, nested, reflected);
    }
    for nested in &message.enums {
        separate(out);
        enumeration(out, nested);
    }
    for oneof in &message.oneofs {
        separate(out);
        self::oneof(out, oneof);
        view::oneof(out, oneof);
    }
    out.close();
}

/// Emits the derives of a type. With `own_debug`, `Debug` is implemented and not derived.
fn derive(out: &mut Writer, derives: Derives, own_debug: bool, default: bool) {
    let copy = if derives.copy { "Copy, " } else { "" };
    let debug = if derives.debug && !own_debug {
        "Debug, "
    } else {
        ""
    };
    let default = if default { "Default, " } else { "" };
    let eq = if derives.eq { ", Eq, Hash" } else { "" };
    out.line(format_args!(
        "#[derive(Clone, {copy}{debug}{default}PartialEq{eq})]"
    ));
}

pub(super) fn field(out: &mut Writer, field: &Field) {
    out.docs(&field.docs);
    out.deprecated(field.deprecated);
    out.attributes(&field.attributes);
    out.line(format_args!("pub {}: {},", field.name, field_type(field)));
}

/// Emits the field for what the schema does not have, if there is one. A view has the same.
pub(super) fn unknown_fields(out: &mut Writer, message: &Message) {
    if let Some(name) = &message.unknown_fields {
        out.line(format_args!(
            "/// Fields of a received message that the schema does not have."
        ));
        out.line(format_args!("pub {name}: ::stubwright::UnknownFields,"));
    }
}

fn field_type(field: &Field) -> String {
    let value = boxed(field);
    match &field.shape {
        Shape::Plain | Shape::Required => value,
        Shape::Optional => format!("::core::option::Option<{value}>"),
        Shape::Repeated | Shape::Unpacked => format!("{PROST}::alloc::vec::Vec<{value}>"),
        Shape::Map { key, kind } => {
            let key = rust(key);
            match kind {
                MapType::HashMap => format!("::std::collections::HashMap<{key}, {value}>"),
                MapType::BTreeMap => {
                    format!("{PROST}::alloc::collections::BTreeMap<{key}, {value}>")
                }
                MapType::FastMap => format!("::stubwright::FastMap<{key}, {value}>"),
                MapType::Vec => format!("{PROST}::alloc::vec::Vec<({key}, {value})>"),
            }
        }
        Shape::MapView { key } => format!("::stubwright::MapView<{}, {value}>", rust(key)),
    }
}

/// Returns the type of a field's value, boxed if necessary.
fn boxed(field: &Field) -> String {
    let value = rust(&field.value);
    if field.boxed {
        format!("{PROST}::alloc::boxed::Box<{value}>")
    } else {
        value
    }
}

pub(super) fn rust(value: &Value) -> String {
    match value {
        Value::Scalar(_, rust) => (*rust).to_owned(),
        Value::String { shared: false } => format!("{PROST}::alloc::string::String"),
        Value::String { shared: true } => "::stubwright::bytestring::ByteString".to_owned(),
        Value::Bytes { shared: false } => format!("{PROST}::alloc::vec::Vec<u8>"),
        Value::Bytes { shared: true } => format!("{PROST}::bytes::Bytes"),
        Value::Message { path, .. } | Value::Group { path, .. } | Value::View { path, .. } => {
            path.0.clone()
        }
        Value::Enum(_) => "i32".to_owned(),
        Value::BorrowedString => "&'a str".to_owned(),
        Value::BorrowedBytes => "&'a [u8]".to_owned(),
    }
}

/// Emits the field that holds a oneof. Its enum is in the message's module.
pub(super) fn oneof_field(out: &mut Writer, module: &str, oneof: &Oneof) {
    let lifetime = if oneof.is_view { "<'a>" } else { "" };
    let path = format!("{module}::{}{lifetime}", oneof.name);
    out.docs(&oneof.docs);
    out.attributes(&oneof.field_attributes);
    out.line(format_args!(
        "pub {}: ::core::option::Option<{path}>,",
        oneof.field
    ));
}

fn oneof(out: &mut Writer, oneof: &Oneof) {
    out.docs(&oneof.docs);
    out.attributes(&oneof.attributes);
    let own_debug = accessors::oneof_has_own_debug(oneof);
    derive(out, oneof.derives, own_debug, false);
    out.open(format_args!("pub enum {} {{", oneof.name));
    members(out, oneof);
    out.close();
    if own_debug && oneof.derives.debug {
        accessors::debug_oneof(out, oneof);
    }
    codec::oneof(out, oneof);
}

/// Emits the variants of a oneof.
pub(super) fn members(out: &mut Writer, oneof: &Oneof) {
    for member in &oneof.members {
        out.docs(&member.docs);
        out.deprecated(member.deprecated);
        out.attributes(&member.attributes);
        out.line(format_args!("{}({}),", member.name, boxed(member)));
    }
}

fn name(out: &mut Writer, message: &Message, type_name: &TypeName) {
    let TypeName {
        name,
        package,
        domain,
    } = type_name;
    let full_name = &message.full_name;
    let string = format!("{PROST}::alloc::string::String");
    out.blank();
    out.open(format_args!("impl {PROST}::Name for {} {{", message.name));
    out.line(format_args!("const NAME: &'static str = \"{name}\";"));
    out.line(format_args!("const PACKAGE: &'static str = \"{package}\";"));
    for (function, text) in [
        ("full_name", full_name.clone()),
        ("type_url", format!("{domain}/{full_name}")),
    ] {
        out.blank();
        out.open(format_args!("fn {function}() -> {string} {{"));
        out.line(format_args!("\"{text}\".into()"));
        out.close();
    }
    out.close();
}

/// Implements `ReflectMessage` for a message.
fn reflect(out: &mut Writer, message: &Message) {
    let root = "super::".repeat(out.modules());
    out.blank();
    out.line(format_args!(
        "::stubwright::reflect_message!({}, {root}{OF_MESSAGES}, \"{}\");",
        message.name, message.full_name
    ));
}

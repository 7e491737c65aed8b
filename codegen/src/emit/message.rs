//! Emits messages: a struct for `prost::Message`, and a module for the types declared inside the message.

use super::descriptors::OF_MESSAGES;
use super::enumeration::{allow, enumeration};
use super::writer::Writer;
use crate::model::{Derives, Field, Message, Oneof, Shape, TypeName, Value};
use crate::resolve::PROST;

/// Emits a message. With `reflected`, the message implements `ReflectMessage`.
pub(super) fn message(out: &mut Writer, message: &Message, reflected: bool) {
    out.docs(&message.docs);
    out.attributes(&message.attributes);
    out.deprecated(message.deprecated);
    derive(out, message.derives, "Message", has_ordered_map(message));
    if message.fields.is_empty() && message.oneofs.is_empty() {
        out.line(format_args!("pub struct {} {{}}", message.name));
    } else {
        out.open(format_args!("pub struct {} {{", message.name));
        for field in &message.fields {
            self::field(out, field);
        }
        for oneof in &message.oneofs {
            oneof_field(out, &message.module, oneof);
        }
        out.close();
    }
    if let Some(type_name) = &message.type_name {
        name(out, message, type_name);
    }
    if reflected {
        reflect(out, message);
    }
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
    }
    out.close();
}

/// Returns whether the message has a `BTreeMap`. prost's `Debug` refers to it by a path that users do not have, so
/// such a message derives std's `Debug` instead.
fn has_ordered_map(message: &Message) -> bool {
    let mut fields = message.fields.iter();
    fields.any(|field| matches!(field.shape, Shape::Map { ordered: true, .. }))
}

/// Emits the derives of a type. With `own_debug`, `Debug` is not derived by prost.
fn derive(out: &mut Writer, derives: Derives, kind: &str, own_debug: bool) {
    let copy = if derives.copy { "Copy, " } else { "" };
    let eq = if derives.eq { "Eq, Hash, " } else { "" };
    let own_debug = own_debug && derives.debug;
    let debug = if own_debug { "Debug, " } else { "" };
    out.line(format_args!(
        "#[derive(Clone, {copy}{debug}PartialEq, {eq}{PROST}::{kind})]"
    ));
    out.line(format_args!("#[prost(prost_path = \"{PROST}\")]"));
    if own_debug || !derives.debug {
        // prost recognizes `skip_debug` only in an attribute of its own.
        out.line(format_args!("#[prost(skip_debug)]"));
    }
}

fn field(out: &mut Writer, field: &Field) {
    out.docs(&field.docs);
    out.deprecated(field.deprecated);
    let default = match &field.default {
        Some(default) => format!(", default = \"{default}\""),
        None => String::new(),
    };
    out.line(format_args!(
        "#[prost({}{}{}, tag = \"{}\"{default})]",
        attribute(field),
        match field.shape {
            Shape::Plain | Shape::Map { .. } => "",
            Shape::Optional => ", optional",
            Shape::Required => ", required",
            Shape::Repeated => ", repeated",
            Shape::Unpacked => ", repeated, packed = \"false\"",
        },
        if field.boxed { ", boxed" } else { "" },
        field.number,
    ));
    out.attributes(&field.attributes);
    out.line(format_args!("pub {}: {},", field.name, field_type(field)));
}

/// Returns the type of a field in prost's attribute.
fn attribute(field: &Field) -> String {
    match &field.shape {
        Shape::Map { key, ordered } => {
            let map = if *ordered { "btree_map" } else { "map" };
            let value = match &field.value {
                Value::Enum(path) => format!("enumeration({})", path.0),
                Value::Bytes { .. } => "bytes".to_owned(),
                other => word(other),
            };
            format!("{map} = \"{}, {value}\"", word(key))
        }
        _ => word(&field.value),
    }
}

/// Returns prost's word for a type.
fn word(value: &Value) -> String {
    match value {
        Value::Scalar(word, _) => (*word).to_owned(),
        Value::String => "string".to_owned(),
        Value::Bytes { shared: false } => "bytes = \"vec\"".to_owned(),
        Value::Bytes { shared: true } => "bytes = \"bytes\"".to_owned(),
        Value::Message(_) => "message".to_owned(),
        Value::Group(_) => "group".to_owned(),
        Value::Enum(path) => format!("enumeration = \"{}\"", path.0),
    }
}

fn field_type(field: &Field) -> String {
    let value = boxed(field);
    match &field.shape {
        Shape::Plain | Shape::Required => value,
        Shape::Optional => format!("::core::option::Option<{value}>"),
        Shape::Repeated | Shape::Unpacked => format!("{PROST}::alloc::vec::Vec<{value}>"),
        Shape::Map { key, ordered } => {
            let map = if *ordered {
                format!("{PROST}::alloc::collections::BTreeMap")
            } else {
                "::std::collections::HashMap".to_owned()
            };
            format!("{map}<{}, {value}>", rust(key))
        }
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

fn rust(value: &Value) -> String {
    match value {
        Value::Scalar(_, rust) => (*rust).to_owned(),
        Value::String => format!("{PROST}::alloc::string::String"),
        Value::Bytes { shared: false } => format!("{PROST}::alloc::vec::Vec<u8>"),
        Value::Bytes { shared: true } => format!("{PROST}::bytes::Bytes"),
        Value::Message(path) | Value::Group(path) => path.0.clone(),
        Value::Enum(_) => "i32".to_owned(),
    }
}

/// Emits the field that holds a oneof. Its enum is in the message's module.
fn oneof_field(out: &mut Writer, module: &str, oneof: &Oneof) {
    let tags: Vec<String> = oneof
        .members
        .iter()
        .map(|member| member.number.to_string())
        .collect();
    let tags = tags.join(", ");
    let path = format!("{module}::{}", oneof.name);
    out.docs(&oneof.docs);
    out.line(format_args!(
        "#[prost(oneof = \"{path}\", tags = \"{tags}\")]"
    ));
    out.attributes(&oneof.field_attributes);
    out.line(format_args!(
        "pub {}: ::core::option::Option<{path}>,",
        oneof.field
    ));
}

fn oneof(out: &mut Writer, oneof: &Oneof) {
    out.docs(&oneof.docs);
    out.attributes(&oneof.attributes);
    derive(out, oneof.derives, "Oneof", false);
    out.open(format_args!("pub enum {} {{", oneof.name));
    for member in &oneof.members {
        out.docs(&member.docs);
        out.deprecated(member.deprecated);
        out.line(format_args!(
            "#[prost({}, tag = \"{}\")]",
            word(&member.value),
            member.number
        ));
        out.attributes(&member.attributes);
        out.line(format_args!("{}({}),", member.name, boxed(member)));
    }
    out.close();
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
    let modules = out.modules();
    out.blank();
    allow(out, message.deprecated);
    out.open(format_args!(
        "impl ::stubwright::json::ReflectMessage for {} {{",
        message.name
    ));
    out.open(format_args!(
        "fn descriptor(&self) -> ::stubwright::json::MessageDescriptor {{"
    ));
    out.line(format_args!(
        "::stubwright::private::descriptor(&{}{OF_MESSAGES}, \"{}\")",
        "super::".repeat(modules),
        message.full_name
    ));
    out.close();
    out.close();
}

//! Emits what prost's derive adds to a message: methods for optional fields and for enums, the default, and `Debug`.

use super::codec::touches_deprecated;
use super::enumeration::allow;
use super::writer::Writer;
use crate::map_type::MapType;
use crate::model::{Field, Message, Oneof, Shape, Value};
use crate::names::unraw;
use crate::resolve::PROST;

/// Returns whether the default of a message differs from that of its fields' types.
pub(super) fn has_own_default(message: &Message) -> bool {
    message.fields.iter().any(has_default)
}

/// Returns whether the default of a field without an `Option` is not that of its type.
fn has_default(field: &Field) -> bool {
    match field.shape {
        Shape::Plain | Shape::Required => {
            field.default.is_some()
                || matches!(field.value, Value::Enum(_)) && field.shape == Shape::Required
        }
        _ => false,
    }
}

/// Emits `Default` for a message with defaults of its own.
pub(super) fn default(out: &mut Writer, message: &Message) {
    out.blank();
    allow(out, touches_deprecated(message));
    out.open(format_args!(
        "impl ::core::default::Default for {}{} {{",
        message.name,
        lifetime(message.is_view)
    ));
    out.open(format_args!("fn default() -> Self {{"));
    out.open(format_args!("Self {{"));
    for field in &message.fields {
        let value = if has_default(field) {
            owned(field)
        } else {
            "::core::default::Default::default()".to_owned()
        };
        out.line(format_args!("{}: {value},", field.name));
    }
    for oneof in &message.oneofs {
        out.line(format_args!(
            "{}: ::core::option::Option::None,",
            oneof.field
        ));
    }
    if let Some(name) = &message.unknown_fields {
        out.line(format_args!("{name}: ::core::default::Default::default(),"));
    }
    out.close();
    out.close();
    out.close();
}

/// Returns the default of a field as a value of the field's type.
fn owned(field: &Field) -> String {
    let value = default_value(field);
    match &field.value {
        Value::String { .. } => format!("::core::convert::From::from({value})"),
        Value::Bytes { shared: false } => format!("{value}.to_vec()"),
        Value::Bytes { shared: true } => format!("{PROST}::bytes::Bytes::from_static({value})"),
        Value::Enum(_) => format!("{value} as i32"),
        _ => value,
    }
}

/// Returns the default of a field as an expression: a literal for a text or bytes, a variant for an enum.
fn default_value(field: &Field) -> String {
    match (&field.value, &field.default) {
        (Value::Enum(path), Some(variant)) => format!("{}::{variant}", path.0),
        (Value::Enum(path), None) => {
            format!("<{} as ::core::default::Default>::default()", path.0)
        }
        (_, Some(text)) => text.clone(),
        (Value::String { .. } | Value::BorrowedString, None) => "\"\"".to_owned(),
        (Value::Bytes { .. } | Value::BorrowedBytes, None) => "b\"\"".to_owned(),
        (Value::Scalar("Bool", _), None) => "false".to_owned(),
        (Value::Scalar("Float" | "Double", _), None) => "0.0".to_owned(),
        (_, None) => "0".to_owned(),
    }
}

/// Emits the methods of a message, if it has any.
pub(super) fn methods(out: &mut Writer, message: &Message) {
    let fields: Vec<&Field> = message
        .fields
        .iter()
        .filter(|field| has_methods(field))
        .collect();
    if fields.is_empty() {
        return;
    }
    out.blank();
    allow(out, touches_deprecated(message));
    out.line(format_args!("#[allow(dead_code)]"));
    let name = &message.name;
    if fields.iter().any(|field| names_lifetime(field)) {
        out.open(format_args!("impl<'a> {name}<'a> {{"));
    } else {
        out.open(format_args!("impl {name}{} {{", lifetime(message.is_view)));
    }
    for (index, field) in fields.into_iter().enumerate() {
        if index > 0 {
            out.blank();
        }
        match &field.value {
            Value::Enum(path) => enum_methods(out, field, &path.0),
            _ => getter(out, field),
        }
    }
    out.close();
}

fn has_methods(field: &Field) -> bool {
    match field.value {
        Value::Enum(_) => true,
        Value::Scalar(..)
        | Value::String { .. }
        | Value::Bytes { .. }
        | Value::BorrowedString
        | Value::BorrowedBytes => field.shape == Shape::Optional,
        _ => false,
    }
}

/// Returns whether a method of the field names the lifetime of a view.
fn names_lifetime(field: &Field) -> bool {
    match (&field.value, &field.shape) {
        (Value::BorrowedString | Value::BorrowedBytes, _) => true,
        (_, Shape::MapView { key }) => *key == Value::BorrowedString,
        _ => false,
    }
}

/// Returns the parameter of a type that may be a view, where the lifetime is not named.
fn lifetime(is_view: bool) -> &'static str {
    if is_view { "<'_>" } else { "" }
}

/// Emits the method that returns an optional value or its default.
fn getter(out: &mut Writer, field: &Field) {
    let name = &field.name;
    let default = default_value(field);
    let (result, body) = match &field.value {
        Value::String { .. } => (
            "&str",
            format!("self.{name}.as_deref().unwrap_or({default})"),
        ),
        Value::Bytes { .. } => (
            "&[u8]",
            format!("self.{name}.as_deref().unwrap_or({default})"),
        ),
        Value::BorrowedString => ("&'a str", format!("self.{name}.unwrap_or({default})")),
        Value::BorrowedBytes => ("&'a [u8]", format!("self.{name}.unwrap_or({default})")),
        Value::Scalar(_, rust) => (*rust, format!("self.{name}.unwrap_or({default})")),
        _ => return,
    };
    out.line(format_args!(
        "/// Returns the value of `{}`, or the default if the field is not set.",
        unraw(name)
    ));
    out.open(format_args!("pub fn {name}(&self) -> {result} {{"));
    out.line(format_args!("{body}"));
    out.close();
}

/// Emits the methods that read and write numbers as values of an enum.
fn enum_methods(out: &mut Writer, field: &Field, path: &str) {
    let name = &field.name;
    let plain = unraw(name);
    let default = default_value(field);
    match &field.shape {
        Shape::Plain | Shape::Required => {
            out.line(format_args!(
                "/// Returns the value of `{plain}`, or the default if the number is not a value of the enum."
            ));
            out.open(format_args!("pub fn {name}(&self) -> {path} {{"));
            out.line(format_args!(
                "::core::convert::TryFrom::try_from(self.{name}).unwrap_or({default})"
            ));
            out.close();
            setter(out, plain, path, &format!("self.{name} = value as i32;"));
        }
        Shape::Optional => {
            out.line(format_args!(
                "/// Returns the value of `{plain}`, or the default if the field is not set or the number is not a value of the enum."
            ));
            out.open(format_args!("pub fn {name}(&self) -> {path} {{"));
            out.line(format_args!(
                "self.{name}.and_then(|number| ::core::convert::TryFrom::try_from(number).ok()).unwrap_or({default})"
            ));
            out.close();
            setter(
                out,
                plain,
                path,
                &format!("self.{name} = ::core::option::Option::Some(value as i32);"),
            );
        }
        Shape::Repeated | Shape::Unpacked => {
            out.line(format_args!(
                "/// Returns the values in `{plain}`, without numbers that are not values of the enum."
            ));
            out.open(format_args!(
                "pub fn {name}(&self) -> ::core::iter::FilterMap<::core::iter::Cloned<::core::slice::Iter<'_, i32>>, fn(i32) -> ::core::option::Option<{path}>> {{"
            ));
            out.line(format_args!(
                "self.{name}.iter().cloned().filter_map(|number| ::core::convert::TryFrom::try_from(number).ok())"
            ));
            out.close();
            out.blank();
            out.line(format_args!("/// Appends a value to `{plain}`."));
            out.open(format_args!(
                "pub fn push_{plain}(&mut self, value: {path}) {{"
            ));
            out.line(format_args!("self.{name}.push(value as i32);"));
            out.close();
        }
        Shape::MapView { key } => map_view_methods(out, name, key, path),
        Shape::Map { key, kind } => {
            let owned = super::message::rust(key);
            let (borrowed, reference) = match key {
                Value::String { .. } => ("&str", ""),
                _ => (owned.as_str(), "&"),
            };
            let (get, insert) = match kind {
                MapType::Vec => (
                    format!("::stubwright::Pairs::lookup(&self.{name}, {reference}key)"),
                    format!("::stubwright::Pairs::set(&mut self.{name}, key, value as i32)"),
                ),
                _ => (
                    format!("self.{name}.get({reference}key)"),
                    format!("self.{name}.insert(key, value as i32)"),
                ),
            };
            let found = "and_then(|number| ::core::convert::TryFrom::try_from(number).ok())";
            out.line(format_args!(
                "/// Returns the value of a key in `{plain}`. Returns `None` if the key does not exist, or its number is not a value of the enum."
            ));
            out.open(format_args!(
                "pub fn get_{plain}(&self, key: {borrowed}) -> ::core::option::Option<{path}> {{"
            ));
            out.line(format_args!("{get}.cloned().{found}"));
            out.close();
            out.blank();
            out.line(format_args!("/// Inserts a key and its value into `{plain}`. Returns the value that the key had."));
            out.open(format_args!(
                "pub fn insert_{plain}(&mut self, key: {owned}, value: {path}) -> ::core::option::Option<{path}> {{"
            ));
            out.line(format_args!("{insert}.{found}"));
            out.close();
        }
    }
}

/// Emits the methods of a view's map from keys to values of an enum.
fn map_view_methods(out: &mut Writer, name: &str, key: &Value, path: &str) {
    let (plain, owned) = (unraw(name), super::message::rust(key));
    let borrowed = match key {
        Value::BorrowedString => "&str",
        _ => owned.as_str(),
    };
    out.line(format_args!(
        "/// Returns the last value of a key in `{plain}`. Returns `None` if the key does not exist, or its number is not a value of the enum."
    ));
    out.open(format_args!(
        "pub fn get_{plain}(&self, key: {borrowed}) -> ::core::option::Option<{path}> {{"
    ));
    out.line(format_args!(
        "self.{name}.get(key).and_then(|number| ::core::convert::TryFrom::try_from(*number).ok())"
    ));
    out.close();
    out.blank();
    out.line(format_args!(
        "/// Appends a key and its value to `{plain}`."
    ));
    out.open(format_args!(
        "pub fn insert_{plain}(&mut self, key: {owned}, value: {path}) {{"
    ));
    out.line(format_args!("self.{name}.push(key, value as i32);"));
    out.close();
}

fn setter(out: &mut Writer, plain: &str, path: &str, body: &str) {
    out.blank();
    out.line(format_args!("/// Sets `{plain}` to a value of the enum."));
    out.open(format_args!(
        "pub fn set_{plain}(&mut self, value: {path}) {{"
    ));
    out.line(format_args!("{body}"));
    out.close();
}

/// Returns whether a message has an enum, whose numbers `Debug` prints as names.
pub(super) fn has_own_debug(message: &Message) -> bool {
    message.fields.iter().any(is_enum)
}

/// Returns whether a oneof has an enum.
pub(super) fn oneof_has_own_debug(oneof: &Oneof) -> bool {
    oneof.members.iter().any(is_enum)
}

fn is_enum(field: &Field) -> bool {
    matches!(field.value, Value::Enum(_))
}

/// Emits `Debug` for a message with an enum.
pub(super) fn debug(out: &mut Writer, message: &Message) {
    let name = format!("{}{}", message.name, lifetime(message.is_view));
    debug_of(out, &name, touches_deprecated(message), |out| {
        out.line(format_args!("f.debug_struct(\"{}\")", unraw(&message.name)));
        for field in &message.fields {
            let place = format!("self.{}", field.name);
            out.line(format_args!(
                "    .field(\"{}\", &{})",
                unraw(&field.name),
                shown(field, &place)
            ));
        }
        for oneof in &message.oneofs {
            out.line(format_args!(
                "    .field(\"{}\", &self.{})",
                unraw(&oneof.field),
                oneof.field
            ));
        }
        if let Some(name) = &message.unknown_fields {
            out.line(format_args!("    .field(\"{name}\", &self.{name})"));
        }
        out.line(format_args!("    .finish()"));
    });
}

/// Emits `Debug` for a oneof with an enum.
pub(super) fn debug_oneof(out: &mut Writer, oneof: &Oneof) {
    let deprecated = oneof.members.iter().any(|member| member.deprecated);
    let name = format!("{}{}", oneof.name, lifetime(oneof.is_view));
    debug_of(out, &name, deprecated, |out| {
        out.open(format_args!("match self {{"));
        for member in &oneof.members {
            let shown = if is_enum(member) {
                format!("&{}", shown(member, "*value"))
            } else {
                "value".to_owned()
            };
            out.line(format_args!(
                "Self::{}(value) => f.debug_tuple(\"{}\").field({shown}).finish(),",
                member.name,
                unraw(&member.name)
            ));
        }
        out.close();
    });
}

/// Returns the expression that `Debug` prints for a field. `place` is the expression of the field.
fn shown(field: &Field, place: &str) -> String {
    match &field.value {
        Value::Enum(path) => {
            format!(
                "::stubwright::message::Named::<_, {}>::new(&{place})",
                path.0
            )
        }
        _ => place.to_owned(),
    }
}

fn debug_of(out: &mut Writer, name: &str, deprecated: bool, body: impl FnOnce(&mut Writer)) {
    out.blank();
    allow(out, deprecated);
    out.open(format_args!("impl ::core::fmt::Debug for {name} {{"));
    out.open(format_args!(
        "fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {{"
    ));
    body(out);
    out.close();
    out.close();
}

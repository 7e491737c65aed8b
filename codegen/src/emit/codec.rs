//! Emits the code that reads and writes a message: an implementation of the runtime's `Message`, and of prost's.
//!
//! It stands in a block of its own, in which the runtime's names are in scope. Names of the proto begin with `self::` there.

use super::table;
use super::writer::Writer;
use crate::model::{Field, Message, Oneof, Shape, Value};

/// The wire type of values that begin with their length. Packed numbers are such values too.
const LENGTH: u32 = 2;

/// Emits the code of a message.
pub(super) fn message(out: &mut Writer, message: &Message) {
    let root = "super::".repeat(out.modules());
    block(out, touches_deprecated(message), "prelude", |out| {
        out.open(format_args!("impl Message for self::{} {{", message.name));
        fields(out, message);
        out.blank();
        merge(out, message);
        out.blank();
        write(out, message);
        out.close();
        out.blank();
        if let Some(table) = &message.table {
            table::described(out, message, table, &root);
            out.blank();
        }
        out.line(format_args!(
            "::stubwright::prost_message!(self::{});",
            message.name
        ));
    });
}

/// Emits the code of a oneof.
pub(super) fn oneof(out: &mut Writer, oneof: &Oneof) {
    let deprecated = oneof.members.iter().any(|member| member.deprecated);
    block(out, deprecated, "prelude", |out| oneof_code(out, oneof));
}

/// Emits the functions that read and write a oneof.
pub(super) fn oneof_code(out: &mut Writer, oneof: &Oneof) {
    let name = &oneof.name;
    let lifetime = if oneof.is_view {
        out.open(format_args!("impl<'a> Oneof<'a> for self::{name}<'a> {{"));
        "'a"
    } else {
        out.open(format_args!("impl Oneof<'_> for self::{name} {{"));
        "'_"
    };
    out.open(format_args!(
            "fn merge(place: &mut Option<Self>, from: &mut Reader<{lifetime}>) -> Result<(), DecodeError> {{"
        ));
    out.open(format_args!("match from.last_key() {{"));
    for member in &oneof.members {
        merge_member(out, member);
    }
    out.line(format_args!("_ => {{}}"));
    out.close();
    out.line(format_args!("Ok(())"));
    out.close();
    out.blank();
    out.open(format_args!("fn write(&self, to: &mut impl Sink) {{"));
    out.open(format_args!("match self {{"));
    for member in &oneof.members {
        out.line(format_args!(
            "Self::{}(value) => to.required({}, {}, value),",
            member.name,
            kind(member),
            key(member, wire(&member.value)),
        ));
    }
    out.close();
    out.close();
    out.close();
}

/// Emits a block in which the names of one of the runtime's preludes are in scope.
pub(super) fn block(
    out: &mut Writer,
    deprecated: bool,
    prelude: &str,
    write: impl FnOnce(&mut Writer),
) {
    out.blank();
    super::enumeration::allow(out, deprecated);
    out.open(format_args!("const _: () = {{"));
    out.line(format_args!("use ::stubwright::message::{prelude}::*;"));
    out.blank();
    write(out);
    out.close_with(";");
}

/// Returns whether the code of a message uses something deprecated.
pub(super) fn touches_deprecated(message: &Message) -> bool {
    let members = message.oneofs.iter().flat_map(|oneof| &oneof.members);
    message.deprecated
        || message
            .fields
            .iter()
            .chain(members)
            .any(|field| field.deprecated)
}

/// Emits the constants: the names and numbers of all fields, in the order of the numbers, and the table if there is one.
fn fields(out: &mut Writer, message: &Message) {
    let members = message.oneofs.iter().flat_map(|oneof| &oneof.members);
    let mut fields: Vec<&Field> = message.fields.iter().chain(members).collect();
    fields.sort_by_key(|field| field.number);
    out.open(format_args!("const FIELDS: &'static Fields = &Fields {{"));
    out.line(format_args!("name: \"{}\",", message.full_name));
    out.open(format_args!("fields: &["));
    for Field {
        number, proto_name, ..
    } in fields
    {
        out.line(format_args!(
            "Field {{ number: {number}, name: \"{proto_name}\" }},"
        ));
    }
    out.close_list();
    out.close_with(";");
    if message.table.is_some() {
        out.line(format_args!(
            "const TABLE: Option<TableOf> = Some(<Self as Described>::table);"
        ));
    }
}

/// Emits the function that reads fields.
pub(super) fn merge(out: &mut Writer, message: &Message) {
    let lifetime = if message.is_view { "'a" } else { "'_" };
    out.open(format_args!(
        "fn merge(&mut self, from: &mut Reader<{lifetime}>) -> Result<(), DecodeError> {{"
    ));
    out.open(format_args!("loop {{"));
    out.open(format_args!("match from.key()? {{"));
    out.line(format_args!("0 => return Ok(()),"));
    for field in &message.fields {
        merge_field(out, field);
    }
    for oneof in &message.oneofs {
        let keys: Vec<String> = oneof
            .members
            .iter()
            .map(|member| key(member, wire(&member.value)).to_string())
            .collect();
        out.line(format_args!(
            "{} => Oneof::merge(&mut self.{}, from)?,",
            keys.join(" | "),
            oneof.field
        ));
    }
    out.open(format_args!("_ => {{"));
    let other = match &message.unknown_fields {
        Some(name) => format!("keep(Self::FIELDS, &mut self.{name})"),
        None => "other(Self::FIELDS)".to_owned(),
    };
    out.open(format_args!("if from.{other}? {{"));
    out.line(format_args!("return Ok(());"));
    out.close();
    out.close();
    out.close();
    out.close();
    out.close();
}

fn merge_field(out: &mut Writer, field: &Field) {
    let (kind, name, own) = (kind(field), &field.name, key(field, wire(&field.value)));
    match &field.shape {
        Shape::Plain | Shape::Required => out.line(format_args!(
            "{own} => from.value({kind}, &mut self.{name})?,"
        )),
        Shape::Optional if field.boxed => out.line(format_args!(
            "{own} => from.boxed({kind}, &mut self.{name})?,"
        )),
        Shape::Optional => out.line(format_args!(
            "{own} => from.value({kind}, self.{name}.get_or_insert_default())?,"
        )),
        Shape::Repeated | Shape::Unpacked => {
            out.line(format_args!(
                "{own} => from.element({kind}, &mut self.{name})?,"
            ));
            if is_packable(&field.value) {
                out.line(format_args!(
                    "{} => from.packed({kind}, &mut self.{name})?,",
                    key(field, LENGTH)
                ));
            }
        }
        Shape::Map { key: of_keys, .. } | Shape::MapView { key: of_keys } => {
            let (field_key, of_keys) = (key(field, LENGTH), plain_kind(of_keys));
            match &field.value {
                // The first value of an enum in proto2 may be any number.
                Value::Enum(path) => out.line(format_args!(
                    "{field_key} => from.map_with({of_keys}, {kind}, {}::default() as i32, &mut self.{name})?,",
                    scoped(&path.0)
                )),
                _ => out.line(format_args!(
                    "{field_key} => from.map({of_keys}, {kind}, &mut self.{name})?,"
                )),
            }
        }
    }
}

fn merge_member(out: &mut Writer, member: &Field) {
    let (name, kind, key) = (&member.name, kind(member), key(member, wire(&member.value)));
    let new = if member.boxed { "new_box" } else { "new_value" };
    match &member.value {
        // Parts of a message may come one after another.
        Value::Message { .. } | Value::Group { .. } | Value::View { .. } => {
            out.open(format_args!("{key} => match place {{"));
            out.line(format_args!(
                "Some(Self::{name}(value)) => from.value({kind}, value)?,"
            ));
            out.line(format_args!(
                "_ => *place = Some(Self::{name}(from.{new}({kind})?)),"
            ));
            out.close_with(",");
        }
        _ => out.line(format_args!(
            "{key} => *place = Some(Self::{name}(from.{new}({kind})?)),"
        )),
    }
}

/// Emits the function that writes all fields, in the order of their numbers, and then those that the schema does not have. A oneof has
/// the place of its first member.
pub(super) fn write(out: &mut Writer, message: &Message) {
    let mut lines: Vec<(u32, String)> = Vec::new();
    for field in &message.fields {
        lines.push((field.number, write_field(field)));
    }
    for oneof in &message.oneofs {
        let first = oneof.members.iter().map(|member| member.number).min();
        lines.push((
            first.unwrap_or_default(),
            format!("to.oneof(&self.{});", oneof.field),
        ));
    }
    lines.sort();
    let is_empty = lines.is_empty() && message.unknown_fields.is_none();
    let sink = if is_empty { "_to" } else { "to" };
    out.open(format_args!("fn write(&self, {sink}: &mut impl Sink) {{"));
    for (_, line) in lines {
        out.line(format_args!("{line}"));
    }
    if let Some(name) = &message.unknown_fields {
        out.line(format_args!("to.raw(self.{name}.as_bytes());"));
    }
    out.close();
}

fn write_field(field: &Field) -> String {
    let (kind, name, own) = (kind(field), &field.name, key(field, wire(&field.value)));
    match &field.shape {
        Shape::Plain => format!("to.plain({kind}, {own}, &self.{name});"),
        Shape::Required => format!("to.required({kind}, {own}, &self.{name});"),
        Shape::Optional => format!("to.optional({kind}, {own}, &self.{name});"),
        Shape::Repeated if is_packable(&field.value) => {
            format!("to.packed({kind}, {}, &self.{name});", key(field, LENGTH))
        }
        Shape::Repeated | Shape::Unpacked => format!("to.list({kind}, {own}, &self.{name});"),
        Shape::Map { key: of_keys, .. } | Shape::MapView { key: of_keys } => format!(
            "to.map({}, {kind}, {}, &self.{name});",
            plain_kind(of_keys),
            key(field, LENGTH)
        ),
    }
}

/// Returns the key of a field's values.
fn key(field: &Field, wire: u32) -> u32 {
    field.number << 3 | wire
}

/// Returns the wire type of a value.
fn wire(value: &Value) -> u32 {
    match value {
        Value::Scalar("Fixed64" | "Sfixed64" | "Double", _) => 1,
        Value::Scalar("Fixed32" | "Sfixed32" | "Float", _) => 5,
        Value::Scalar(..) | Value::Enum(_) => 0,
        Value::Group { .. } | Value::View { is_group: true, .. } => 3,
        Value::String { .. }
        | Value::Bytes { .. }
        | Value::Message { .. }
        | Value::BorrowedString
        | Value::BorrowedBytes
        | Value::View { .. } => LENGTH,
    }
}

fn is_packable(value: &Value) -> bool {
    matches!(value, Value::Scalar(..) | Value::Enum(_))
}

/// Returns the kind of a field's values, as an expression.
fn kind(field: &Field) -> String {
    match &field.value {
        Value::Message {
            path,
            is_extern: true,
            ..
        } => {
            let path = scoped(&path.0);
            if field.boxed {
                format!("(&Extern::<Box<{path}>>::new()).kind()")
            } else {
                format!("(&Extern::<{path}>::new()).kind()")
            }
        }
        Value::View { .. } if field.boxed => format!("Boxed({})", plain_kind(&field.value)),
        other => plain_kind(other).to_owned(),
    }
}

/// Returns the kind of values that are no extern messages.
fn plain_kind(value: &Value) -> &'static str {
    match value {
        Value::Scalar(kind, _) => kind,
        Value::String { .. } | Value::BorrowedString => "Text",
        Value::Bytes { .. } | Value::BorrowedBytes => "Octets",
        Value::Group { .. } | Value::View { is_group: true, .. } => "Group",
        Value::Message { .. } | Value::View { .. } => "Nested",
        Value::Enum(_) => "Enum",
    }
}

/// Returns how to write a path of the module inside a `block`, where the runtime's names are in scope too.
pub(super) fn scoped(path: &str) -> String {
    let is_absolute = ["::", "crate::", "super::", "self::", "()"]
        .iter()
        .any(|start| path.starts_with(start));
    let is_primitive = !path.contains("::") && path.starts_with(char::is_lowercase);
    if is_absolute || is_primitive {
        path.to_owned()
    } else {
        format!("self::{path}")
    }
}

//! Emits views: a struct beside the message, and an enum beside each of its oneofs, which borrow texts and bytes.
//!
//! A view is emitted like a message, from a model with other types. Only the conversions between the two are its own.

use super::codec::{self, block, touches_deprecated};
use super::message::{field, oneof_field, unknown_fields};
use super::writer::Writer;
use super::{accessors, enumeration};
use crate::model::{Field, Message, Oneof, Shape, TypePath, Value};

/// Emits the view of a message, if it has one.
pub(super) fn message(out: &mut Writer, message: &Message) {
    let Some(view) = &message.view else {
        return;
    };
    out.blank();
    if view.borrows {
        borrowing(out, message, &borrowed(message, &view.name));
    } else {
        own(out, message, &view.name);
    }
}

/// Emits the name of a view that does not borrow.
fn own(out: &mut Writer, message: &Message, view: &str) {
    let name = &message.name;
    out.line(format_args!(
        "/// View of [`{name}`]. It has no texts and no bytes, so it is the message itself."
    ));
    out.deprecated(message.deprecated);
    enumeration::allow(out, message.deprecated);
    out.line(format_args!("pub type {view}<'a> = {name};"));
    out.blank();
    enumeration::allow(out, message.deprecated);
    out.line(format_args!("const _: () = {{"));
    out.line(format_args!(
        "    ::stubwright::message_is_view!(self::{name});"
    ));
    out.line(format_args!("}};"));
}

fn borrowing(out: &mut Writer, message: &Message, view: &Message) {
    out.line(format_args!(
        "/// View of [`{}`]: its texts and bytes are borrowed.",
        message.name
    ));
    out.deprecated(view.deprecated);
    let own_debug = accessors::has_own_debug(view);
    let own_default = accessors::has_own_default(view);
    derive(out, view.derives.debug && !own_debug, !own_default);
    out.open(format_args!("pub struct {}<'a> {{", view.name));
    for field in &view.fields {
        self::field(out, field);
    }
    for oneof in &view.oneofs {
        oneof_field(out, &view.module, oneof);
    }
    unknown_fields(out, view);
    out.close();
    if own_default {
        accessors::default(out, view);
    }
    if own_debug && view.derives.debug {
        accessors::debug(out, view);
    }
    accessors::methods(out, view);
    block(out, touches_deprecated(view), "view_prelude", |out| {
        out.open(format_args!(
            "impl<'a> Binary<'a> for self::{}<'a> {{",
            view.name
        ));
        out.line(format_args!(
            "const FIELDS: &'static Fields = <self::{} as Message>::FIELDS;",
            message.name
        ));
        out.blank();
        codec::merge(out, view);
        out.blank();
        codec::write(out, view);
        out.close();
        out.blank();
        conversions(out, message, view);
        out.blank();
        out.line(format_args!(
            "::stubwright::message_view!(self::{}, {});",
            message.name, view.name
        ));
    });
}

fn derive(out: &mut Writer, debug: bool, default: bool) {
    let debug = if debug { "Debug, " } else { "" };
    let default = if default { "Default, " } else { "" };
    out.line(format_args!("#[derive(Clone, {debug}{default}PartialEq)]"));
}

/// Emits the conversions between a message and its view, field by field.
fn conversions(out: &mut Writer, message: &Message, view: &Message) {
    let (owned, borrowed) = (&message.name, &view.name);
    let fields = message
        .fields
        .iter()
        .map(|field| (&field.name, is_same(field)));
    let oneofs = message.oneofs.iter();
    let oneofs = oneofs.map(|oneof| (&oneof.field, oneof.view.is_none()));
    let unknown_fields = message.unknown_fields.iter().map(|name| (name, true));
    let fields: Vec<(&String, bool)> = fields.chain(oneofs).chain(unknown_fields).collect();
    out.open(format_args!(
        "impl<'a> FieldView<'a, self::{owned}> for self::{borrowed}<'a> {{"
    ));
    out.open(format_args!("fn of(message: &'a self::{owned}) -> Self {{"));
    out.open(format_args!("Self {{"));
    for (name, is_same) in &fields {
        out.line(format_args!(
            "{name}: {}(&message.{name}),",
            if *is_same {
                "Clone::clone"
            } else {
                "FieldView::of"
            }
        ));
    }
    out.close();
    out.close();
    out.blank();
    out.open(format_args!("fn to_field(&self) -> self::{owned} {{"));
    out.open(format_args!("self::{owned} {{"));
    for (name, is_same) in &fields {
        out.line(format_args!(
            "{name}: {}(&self.{name}),",
            if *is_same {
                "Clone::clone"
            } else {
                "FieldView::to_field"
            }
        ));
    }
    out.close();
    out.close();
    out.close();
}

/// Emits the view of a oneof, if it borrows.
pub(super) fn oneof(out: &mut Writer, oneof: &Oneof) {
    let Some(name) = &oneof.view else {
        return;
    };
    let view = borrowed_oneof(oneof, name);
    out.blank();
    out.line(format_args!(
        "/// View of [`{}`]: its texts and bytes are borrowed.",
        oneof.name
    ));
    let own_debug = accessors::oneof_has_own_debug(&view);
    derive(out, view.derives.debug && !own_debug, false);
    out.open(format_args!("pub enum {name}<'a> {{"));
    super::message::members(out, &view);
    out.close();
    if own_debug && view.derives.debug {
        accessors::debug_oneof(out, &view);
    }
    let deprecated = oneof.members.iter().any(|member| member.deprecated);
    block(out, deprecated, "view_prelude", |out| {
        codec::oneof_code(out, &view);
        out.blank();
        let owned = &oneof.name;
        out.open(format_args!(
            "impl<'a> FieldView<'a, self::{owned}> for self::{name}<'a> {{"
        ));
        out.open(format_args!("fn of(oneof: &'a self::{owned}) -> Self {{"));
        out.open(format_args!("match oneof {{"));
        for member in &oneof.members {
            let convert = if is_same(member) {
                "Clone::clone"
            } else {
                "FieldView::of"
            };
            let member = &member.name;
            out.line(format_args!(
                "self::{owned}::{member}(value) => Self::{member}({convert}(value)),"
            ));
        }
        out.close();
        out.close();
        out.blank();
        out.open(format_args!("fn to_field(&self) -> self::{owned} {{"));
        out.open(format_args!("match self {{"));
        for member in &oneof.members {
            let convert = if is_same(member) {
                "Clone::clone"
            } else {
                "FieldView::to_field"
            };
            let member = &member.name;
            out.line(format_args!(
                "Self::{member}(value) => self::{owned}::{member}({convert}(value)),"
            ));
        }
        out.close();
        out.close();
        out.close();
    });
}

/// Returns whether a view holds a field as the message does. Messages of other crates have no conversion.
fn is_same(field: &Field) -> bool {
    matches!(
        field.value,
        Value::Message {
            is_extern: true,
            ..
        }
    )
}

/// Returns the model of a view.
fn borrowed(message: &Message, name: &str) -> Message {
    Message {
        name: name.to_owned(),
        fields: message.fields.iter().map(borrowed_field).collect(),
        oneofs: message
            .oneofs
            .iter()
            .map(|oneof| match &oneof.view {
                Some(name) => borrowed_oneof(oneof, name),
                None => oneof.clone(),
            })
            .collect(),
        is_view: true,
        ..message.clone()
    }
}

fn borrowed_oneof(oneof: &Oneof, name: &str) -> Oneof {
    Oneof {
        name: name.to_owned(),
        field_attributes: Vec::new(),
        members: oneof.members.iter().map(borrowed_field).collect(),
        is_view: true,
        ..oneof.clone()
    }
}

fn borrowed_field(field: &Field) -> Field {
    let same = is_same(field);
    Field {
        attributes: Vec::new(),
        shape: match &field.shape {
            Shape::Map { key, .. } if !same => Shape::MapView {
                key: borrowed_value(key),
            },
            other => other.clone(),
        },
        value: borrowed_value(&field.value),
        ..field.clone()
    }
}

fn borrowed_value(value: &Value) -> Value {
    let view = |path: &TypePath, is_group| Value::View {
        path: path.clone(),
        is_group,
    };
    match value {
        Value::String { .. } => Value::BorrowedString,
        Value::Bytes { .. } => Value::BorrowedBytes,
        Value::Message {
            view: Some(path), ..
        } => view(path, false),
        Value::Group {
            view: Some(path), ..
        } => view(path, true),
        other => other.clone(),
    }
}

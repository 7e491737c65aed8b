//! Emits tables of messages and enums, for JSON.

use super::codec::scoped;
use super::writer::Writer;
use crate::model::{
    EnumTable, ExternTable, Message, Table, TableField, TableLabel, TableRef, TableType, Tables,
};

/// Name of the static with all tables of a module. Like [`descriptors::NAME`](super::descriptors::NAME), it is the only value in
/// the module with this name.
const NAME: &str = "TABLES";

/// Emits the table of a message, where the runtime's names are in scope.
///
/// `root` is the path of the package's module.
pub(super) fn described(out: &mut Writer, message: &Message, table: &Table, root: &str) {
    out.open(format_args!("impl Described for self::{} {{", message.name));
    out.open(format_args!("fn table() -> &'static Table {{"));
    self::table(out, table, root);
    out.close();
    out.close();
}

/// Emits the table of an enum.
pub(super) fn enumeration(out: &mut Writer, name: &str, table: &EnumTable) {
    out.open(format_args!(
        "impl ::stubwright::message::Enumeration for {name} {{"
    ));
    out.open(format_args!(
        "fn table() -> &'static ::stubwright::message::EnumTable {{"
    ));
    enum_table(out, table);
    out.close();
    out.close();
}

/// Emits what a module has beside the tables of its types.
pub(super) fn of_module(out: &mut Writer, tables: &Tables) {
    for (function, table) in &tables.externs {
        out.blank();
        let (name, kind) = match table {
            ExternTable::Message(table) => (&table.full_name, "Table"),
            ExternTable::Enum(table) => (&table.full_name, "EnumTable"),
        };
        out.line(format_args!(
            "/// Returns the table of `{name}`, which is not generated here."
        ));
        out.open(format_args!(
            "fn {function}() -> &'static ::stubwright::message::{kind} {{"
        ));
        match table {
            ExternTable::Message(table) => {
                out.line(format_args!("use ::stubwright::message::prelude::*;"));
                out.blank();
                self::table(out, table, "");
            }
            ExternTable::Enum(table) => enum_table(out, table),
        }
        out.close();
    }
    out.blank();
    out.line(format_args!(
        "/// Tables of the messages that are known in this module, for JSON."
    ));
    out.line(format_args!("#[doc(hidden)]"));
    out.open(format_args!(
        "pub static {NAME}: ::stubwright::message::Tables = ::stubwright::message::Tables {{"
    ));
    out.open(format_args!("messages: &["));
    for (name, reference) in &tables.messages {
        let function = match reference {
            TableRef::Type(path) => {
                format!("<{} as ::stubwright::message::Described>::table", path.0)
            }
            TableRef::Function(path) => path.0.clone(),
        };
        out.line(format_args!("(\"{name}\", {function}),"));
    }
    out.close_list();
    let imports = tables.imports.iter();
    let imports: Vec<String> = imports.map(|module| format!("&{module}{NAME}")).collect();
    out.line(format_args!("imports: &[{}],", imports.join(", ")));
    out.close_with(";");
}

/// Emits a table as the value of a function.
fn table(out: &mut Writer, table: &Table, root: &str) {
    out.open(format_args!("static TABLE: Table = Table {{"));
    out.line(format_args!("name: \"{}\",", table.full_name));
    out.line(format_args!("form: Form::{},", table.form));
    out.open(format_args!("fields: &["));
    for field in &table.fields {
        let TableField {
            number,
            name,
            json_name,
            label,
            kind,
        } = field;
        out.line(format_args!(
            "TableField::new({number}, \"{name}\", \"{}\", {}, {}),",
            json_name.escape_default(),
            self::label(label),
            self::kind(kind)
        ));
    }
    out.close_list();
    let names = table.names.iter();
    let names: Vec<String> = names
        .map(|(name, index)| format!("(\"{}\", {index})", name.escape_default()))
        .collect();
    out.line(format_args!("names: &[{}],", names.join(", ")));
    out.line(format_args!("module: &{root}{NAME},"));
    out.close_with(";");
    out.line(format_args!("&TABLE"));
}

fn enum_table(out: &mut Writer, table: &EnumTable) {
    let numbers = table.numbers.iter();
    let numbers: Vec<String> = numbers
        .map(|(number, name)| format!("({number}, \"{name}\")"))
        .collect();
    let names = table.names.iter();
    let names: Vec<String> = names
        .map(|(name, number)| format!("(\"{name}\", {number})"))
        .collect();
    out.open(format_args!(
        "static TABLE: ::stubwright::message::EnumTable = ::stubwright::message::EnumTable {{"
    ));
    out.line(format_args!("name: \"{}\",", table.full_name));
    out.line(format_args!("numbers: &[{}],", numbers.join(", ")));
    out.line(format_args!("names: &[{}],", names.join(", ")));
    out.close_with(";");
    out.line(format_args!("&TABLE"));
}

fn label(label: &TableLabel) -> String {
    match label {
        TableLabel::Plain => "Label::Plain".to_owned(),
        TableLabel::Optional => "Label::Optional".to_owned(),
        TableLabel::Member(oneof) => format!("Label::Member({oneof})"),
        TableLabel::List => "Label::List".to_owned(),
        TableLabel::Unpacked => "Label::Unpacked".to_owned(),
        TableLabel::Map(key) => format!("Label::Map({})", kind(key)),
    }
}

fn kind(kind: &TableType) -> String {
    match kind {
        TableType::Scalar(name) => format!("Type::{name}"),
        TableType::Message(of) => format!("Type::Message({})", function(of, "Described")),
        TableType::Group(of) => format!("Type::Group({})", function(of, "Described")),
        TableType::Enum(of) => format!("Type::Enum({})", function(of, "Enumeration")),
    }
}

/// Returns the function that returns a table, where the runtime's names are in scope.
fn function(of: &TableRef, name: &str) -> String {
    match of {
        TableRef::Type(path) => format!("<{} as {name}>::table", scoped(&path.0)),
        TableRef::Function(path) => scoped(&path.0),
    }
}

//! Static tables of messages and enums, for JSON.

use super::TypePath;

/// The table of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    /// Name in the proto, with the package.
    pub(crate) full_name: String,
    /// The variant of the runtime's `Form`.
    pub(crate) form: &'static str,
    /// The fields, in the order of their numbers.
    pub(crate) fields: Vec<TableField>,
    /// The indexes of fields by their names, sorted by name.
    pub(crate) names: Vec<(String, usize)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableField {
    pub(crate) number: u32,
    pub(crate) name: String,
    pub(crate) json_name: String,
    pub(crate) label: TableLabel,
    pub(crate) kind: TableType,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TableLabel {
    Plain,
    Optional,
    /// A member of the oneof with this index.
    Member(usize),
    List,
    /// Numbers that are not packed.
    Unpacked,
    /// A map with these keys.
    Map(TableType),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TableType {
    /// The variant of the runtime's `Type`.
    Scalar(&'static str),
    Message(TableRef),
    Group(TableRef),
    Enum(TableRef),
}

/// Where the table of another type is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TableRef {
    /// The type has it.
    Type(TypePath),
    /// A function of the module returns it, because the type is not generated here.
    Function(TypePath),
}

/// The table of an enum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EnumTable {
    pub(crate) full_name: String,
    /// The first name of each number, sorted by number.
    pub(crate) numbers: Vec<(i32, String)>,
    /// The number of each name, sorted by name.
    pub(crate) names: Vec<(String, i32)>,
}

/// The tables of a module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tables {
    /// The tables of all messages by their full names, sorted by name.
    pub(crate) messages: Vec<(String, TableRef)>,
    /// Tables of types that are not generated here, with the name of the function that returns each.
    pub(crate) externs: Vec<(String, ExternTable)>,
    /// The modules of everything that is imported. Each is a path that ends in `::`.
    pub(crate) imports: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ExternTable {
    Message(Table),
    Enum(EnumTable),
}

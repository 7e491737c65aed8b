//! Tables of messages and enums: what JSON has to know about a type, as static data.

/// A function that returns the table of a message. Tables refer to each other through functions, because a message may contain
/// itself.
pub type TableOf = fn() -> &'static Table;

/// What there is to know about a message.
#[derive(Debug)]
pub struct Table {
    /// The message's name in the proto, with its package.
    pub name: &'static str,
    /// How the message is written as JSON.
    pub form: Form,
    /// The fields, in the order of their numbers.
    pub fields: &'static [TableField],
    /// The indexes of the fields by their names in JSON and in the proto, in the order of the names.
    pub names: &'static [(&'static str, u32)],
    /// The messages that are known where this one is declared.
    pub module: &'static Tables,
}

/// How a message is written as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An object with a member for each field.
    Message,
    /// The value of the only field.
    Wrapper,
    /// `google.protobuf.Any`.
    Any,
    /// `google.protobuf.Duration`.
    Duration,
    /// `google.protobuf.FieldMask`.
    FieldMask,
    /// `google.protobuf.ListValue`.
    ListValue,
    /// `google.protobuf.Struct`.
    Struct,
    /// `google.protobuf.Timestamp`.
    Timestamp,
    /// `google.protobuf.Value`.
    Value,
}

/// A field of a message.
#[derive(Debug)]
pub struct TableField {
    /// The field's number.
    pub number: u32,
    /// The field's name in the proto.
    pub name: &'static str,
    /// The field's name in JSON.
    pub json_name: &'static str,
    /// How many values the field has.
    pub label: Label,
    /// The type of a value. For a map, the type of the entries' values.
    pub kind: Type,
}

/// How many values a field has.
#[derive(Clone, Copy, Debug)]
pub enum Label {
    /// One value. The default value means that the field is not set.
    Plain,
    /// One value or none.
    Optional,
    /// One value or none, and at most one field of the oneof with this index is set.
    Member(u32),
    /// Any number of values. Numbers are packed into one field.
    List,
    /// Any number of values, each of which is a field.
    Unpacked,
    /// A map with keys of this type.
    Map(Type),
}

/// The type of a value.
#[derive(Clone, Copy, Debug)]
#[expect(
    missing_docs,
    reason = "the variants have the names of protobuf's types"
)]
pub enum Type {
    Double,
    Float,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    String,
    Bytes,
    Enum(fn() -> &'static EnumTable),
    /// `google.protobuf.NullValue`.
    Null,
    Message(TableOf),
    Group(TableOf),
}

/// The names and numbers of an enum.
#[derive(Debug)]
pub struct EnumTable {
    /// The enum's name in the proto, with its package.
    pub name: &'static str,
    /// The first name of each number, in the order of the numbers.
    pub numbers: &'static [(i32, &'static str)],
    /// The number of each name, in the order of the names.
    pub names: &'static [(&'static str, i32)],
}

/// The messages that a module of generated code knows.
#[derive(Debug)]
pub struct Tables {
    /// The tables of the module's messages, in the order of their names.
    pub messages: &'static [(&'static str, TableOf)],
    /// All modules that this one imports, directly or through others.
    pub imports: &'static [&'static Tables],
}

impl TableField {
    /// Creates a field.
    pub const fn new(
        number: u32,
        name: &'static str,
        json_name: &'static str,
        label: Label,
        kind: Type,
    ) -> TableField {
        TableField {
            number,
            name,
            json_name,
            label,
            kind,
        }
    }
}

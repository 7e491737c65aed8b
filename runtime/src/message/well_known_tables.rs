//! The tables of the well-known types.

use bytes::Bytes;
use prost_types::{Any, Duration, FieldMask, ListValue, Struct, Timestamp, Value};

use super::described::Described;
use super::table::{Form, Label, Table, TableField, TableOf, Tables, Type};

/// The well-known types.
pub(crate) static WELL_KNOWN: Tables = Tables {
    messages: &[
        ("google.protobuf.Any", table::<Any>()),
        ("google.protobuf.BoolValue", table::<bool>()),
        ("google.protobuf.BytesValue", table::<Bytes>()),
        ("google.protobuf.DoubleValue", table::<f64>()),
        ("google.protobuf.Duration", table::<Duration>()),
        ("google.protobuf.Empty", table::<()>()),
        ("google.protobuf.FieldMask", table::<FieldMask>()),
        ("google.protobuf.FloatValue", table::<f32>()),
        ("google.protobuf.Int32Value", table::<i32>()),
        ("google.protobuf.Int64Value", table::<i64>()),
        ("google.protobuf.ListValue", table::<ListValue>()),
        ("google.protobuf.StringValue", table::<String>()),
        ("google.protobuf.Struct", table::<Struct>()),
        ("google.protobuf.Timestamp", table::<Timestamp>()),
        ("google.protobuf.UInt32Value", table::<u32>()),
        ("google.protobuf.UInt64Value", table::<u64>()),
        ("google.protobuf.Value", table::<Value>()),
    ],
    imports: &[],
};

const fn table<M: Described>() -> TableOf {
    M::table
}

/// Implements [`Described`]. Takes the type, its name, its form, its fields, and the sorted names of the fields with the index of
/// each field.
macro_rules! table {
    ($type:ty, $name:literal, $form:ident, [$($number:literal $field:literal $json:literal $label:expr, $kind:expr;)*],
        [$($spelling:literal $index:literal),*]) => {
        impl Described for $type {
            fn table() -> &'static Table {
                static TABLE: Table = Table {
                    name: concat!("google.protobuf.", $name),
                    form: Form::$form,
                    fields: &[$(TableField::new($number, $field, $json, $label, $kind)),*],
                    names: &[$(($spelling, $index)),*],
                    module: &WELL_KNOWN,
                };
                &TABLE
            }
        }
    };
}

table! { Any, "Any", Any, [
    1 "type_url" "typeUrl" Label::Plain, Type::String;
    2 "value" "value" Label::Plain, Type::Bytes;
], ["typeUrl" 0, "type_url" 0, "value" 1] }
table! { Timestamp, "Timestamp", Timestamp, [
    1 "seconds" "seconds" Label::Plain, Type::Int64;
    2 "nanos" "nanos" Label::Plain, Type::Int32;
], ["nanos" 1, "seconds" 0] }
table! { Duration, "Duration", Duration, [
    1 "seconds" "seconds" Label::Plain, Type::Int64;
    2 "nanos" "nanos" Label::Plain, Type::Int32;
], ["nanos" 1, "seconds" 0] }
table! { FieldMask, "FieldMask", FieldMask, [1 "paths" "paths" Label::List, Type::String;], ["paths" 0] }
table! { Struct, "Struct", Struct, [
    1 "fields" "fields" Label::Map(Type::String), Type::Message(Value::table);
], ["fields" 0] }
table! { ListValue, "ListValue", ListValue, [1 "values" "values" Label::List, Type::Message(Value::table);], ["values" 0] }
table! { Value, "Value", Value, [
    1 "null_value" "nullValue" Label::Member(0), Type::Null;
    2 "number_value" "numberValue" Label::Member(0), Type::Double;
    3 "string_value" "stringValue" Label::Member(0), Type::String;
    4 "bool_value" "boolValue" Label::Member(0), Type::Bool;
    5 "struct_value" "structValue" Label::Member(0), Type::Message(Struct::table);
    6 "list_value" "listValue" Label::Member(0), Type::Message(ListValue::table);
], [
    "boolValue" 3, "bool_value" 3, "listValue" 5, "list_value" 5, "nullValue" 0, "null_value" 0, "numberValue" 1,
    "number_value" 1, "stringValue" 2, "string_value" 2, "structValue" 4, "struct_value" 4
] }
table! { (), "Empty", Message, [], [] }

/// Implements [`Described`] for the value of a wrapper.
macro_rules! wrapper {
    ($type:ty, $name:literal, $kind:ident) => {
        table! { $type, $name, Wrapper, [1 "value" "value" Label::Plain, Type::$kind;], ["value" 0] }
    };
}

wrapper! { bool, "BoolValue", Bool }
wrapper! { u32, "UInt32Value", Uint32 }
wrapper! { u64, "UInt64Value", Uint64 }
wrapper! { i32, "Int32Value", Int32 }
wrapper! { i64, "Int64Value", Int64 }
wrapper! { f32, "FloatValue", Float }
wrapper! { f64, "DoubleValue", Double }
wrapper! { String, "StringValue", String }
wrapper! { Vec<u8>, "BytesValue", Bytes }
wrapper! { Bytes, "BytesValue", Bytes }

//! The well-known types, whose Rust types are prost's. They are read and written by our code.

use bytes::Bytes;
use prost_types::value::Kind as Variant;
use prost_types::{Any, Duration, FieldMask, ListValue, Struct, Timestamp, Value};

use super::prelude::*;

/// Implements [`Message`] for a struct. Takes its name in the proto, and the form, number, name, kind and wire type of each
/// field. The form is `plain` or `list`.
macro_rules! message {
    ($type:ty, $name:literal, $($form:ident $number:literal $text:literal $field:ident: $kind:expr, $wire:literal;)*) => {
        impl Message for $type {
            const TABLE: Option<TableOf> = Some(<Self as Described>::table);
            const FIELDS: &'static Fields = &Fields {
                name: concat!("google.protobuf.", $name),
                fields: &[$(Field { number: $number, name: $text }),*],
            };

            fn merge(&mut self, from: &mut Reader<'_>) -> Result<(), DecodeError> {
                loop {
                    match from.key()? {
                        0 => return Ok(()),
                        $(key if key == $number << 3 | $wire => message!(@read $form, from, $kind, self.$field),)*
                        _ => if from.other(Self::FIELDS)? { return Ok(()) },
                    }
                }
            }

            fn write(&self, to: &mut impl Sink) {
                $(to.$form($kind, $number << 3 | $wire, &self.$field);)*
            }
        }
    };
    (@read plain, $from:ident, $kind:expr, $field:expr) => { $from.value($kind, &mut $field)? };
    (@read list, $from:ident, $kind:expr, $field:expr) => { $from.element($kind, &mut $field)? };
}

message! { Timestamp, "Timestamp", plain 1 "seconds" seconds: Int64, 0; plain 2 "nanos" nanos: Int32, 0; }
message! { Duration, "Duration", plain 1 "seconds" seconds: Int64, 0; plain 2 "nanos" nanos: Int32, 0; }
message! { Any, "Any", plain 1 "type_url" type_url: Text, 2; plain 2 "value" value: Octets, 2; }
message! { FieldMask, "FieldMask", list 1 "paths" paths: Text, 2; }
message! { ListValue, "ListValue", list 1 "values" values: Nested, 2; }

impl Message for () {
    const TABLE: Option<TableOf> = Some(<Self as Described>::table);
    const FIELDS: &'static Fields = &Fields {
        name: "google.protobuf.Empty",
        fields: &[],
    };

    fn merge(&mut self, from: &mut Reader<'_>) -> Result<(), DecodeError> {
        loop {
            if from.key()? == 0 || from.other(Self::FIELDS)? {
                return Ok(());
            }
        }
    }

    fn write(&self, _to: &mut impl Sink) {}
}

/// Implements [`Message`] for the value of a wrapper: the type that prost has for `google.protobuf.StringValue` and the others.
macro_rules! wrapper {
    ($type:ty, $name:literal, $kind:expr, $wire:literal) => {
        impl Message for $type {
            const TABLE: Option<TableOf> = Some(<Self as Described>::table);
            const FIELDS: &'static Fields = &Fields {
                name: concat!("google.protobuf.", $name),
                fields: &[Field {
                    number: 1,
                    name: "value",
                }],
            };

            fn merge(&mut self, from: &mut Reader<'_>) -> Result<(), DecodeError> {
                loop {
                    match from.key()? {
                        0 => return Ok(()),
                        key if key == 1 << 3 | $wire => from.value($kind, self)?,
                        _ => {
                            if from.other(Self::FIELDS)? {
                                return Ok(());
                            }
                        }
                    }
                }
            }

            fn write(&self, to: &mut impl Sink) {
                to.plain($kind, 1 << 3 | $wire, self);
            }
        }
    };
}

wrapper! { bool, "BoolValue", Bool, 0 }
wrapper! { u32, "UInt32Value", Uint32, 0 }
wrapper! { u64, "UInt64Value", Uint64, 0 }
wrapper! { i32, "Int32Value", Int32, 0 }
wrapper! { i64, "Int64Value", Int64, 0 }
wrapper! { f32, "FloatValue", Float, 5 }
wrapper! { f64, "DoubleValue", Double, 1 }
wrapper! { String, "StringValue", Text, 2 }
wrapper! { Vec<u8>, "BytesValue", Octets, 2 }
wrapper! { Bytes, "BytesValue", Octets, 2 }

impl Message for Struct {
    const TABLE: Option<TableOf> = Some(<Self as Described>::table);
    const FIELDS: &'static Fields = &Fields {
        name: "google.protobuf.Struct",
        fields: &[Field {
            number: 1,
            name: "fields",
        }],
    };

    fn merge(&mut self, from: &mut Reader<'_>) -> Result<(), DecodeError> {
        loop {
            match from.key()? {
                0 => return Ok(()),
                0xa => from.map(Text, Nested, &mut self.fields)?,
                _ => {
                    if from.other(Self::FIELDS)? {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn write(&self, to: &mut impl Sink) {
        to.map(Text, Nested, 0xa, &self.fields);
    }
}

impl Message for Value {
    const TABLE: Option<TableOf> = Some(<Self as Described>::table);
    const FIELDS: &'static Fields = &Fields {
        name: "google.protobuf.Value",
        fields: &[
            Field {
                number: 1,
                name: "null_value",
            },
            Field {
                number: 2,
                name: "number_value",
            },
            Field {
                number: 3,
                name: "string_value",
            },
            Field {
                number: 4,
                name: "bool_value",
            },
            Field {
                number: 5,
                name: "struct_value",
            },
            Field {
                number: 6,
                name: "list_value",
            },
        ],
    };

    fn merge(&mut self, from: &mut Reader<'_>) -> Result<(), DecodeError> {
        loop {
            let kind = match from.key()? {
                0 => return Ok(()),
                0x8 => Variant::NullValue(from.new_value(Enum)?),
                0x11 => Variant::NumberValue(from.new_value(Double)?),
                0x1a => Variant::StringValue(from.new_value(Text)?),
                0x20 => Variant::BoolValue(from.new_value(Bool)?),
                0x2a => match &mut self.kind {
                    Some(Variant::StructValue(value)) => {
                        from.value(Nested, value)?;
                        continue;
                    }
                    _ => Variant::StructValue(from.new_value(Nested)?),
                },
                0x32 => match &mut self.kind {
                    Some(Variant::ListValue(value)) => {
                        from.value(Nested, value)?;
                        continue;
                    }
                    _ => Variant::ListValue(from.new_value(Nested)?),
                },
                _ => {
                    if from.other(Self::FIELDS)? {
                        return Ok(());
                    }
                    continue;
                }
            };
            self.kind = Some(kind);
        }
    }

    fn write(&self, to: &mut impl Sink) {
        match &self.kind {
            Some(Variant::NullValue(value)) => to.required(Enum, 0x8, value),
            Some(Variant::NumberValue(value)) => to.required(Double, 0x11, value),
            Some(Variant::StringValue(value)) => to.required(Text, 0x1a, value),
            Some(Variant::BoolValue(value)) => to.required(Bool, 0x20, value),
            Some(Variant::StructValue(value)) => to.required(Nested, 0x2a, value),
            Some(Variant::ListValue(value)) => to.required(Nested, 0x32, value),
            None => {}
        }
    }
}

//! Protobuf messages: how generated code reads and writes them.
//!
//! The generator writes an implementation of [`Message`] for each message. It has the names and numbers of the fields, a function
//! that reads each field by its key, and a function that writes the fields in order. All other code is here:
//!
//! - [`Reader`] is a cursor over the bytes of a message, which may lie in several pieces;
//! - a [`Sink`] is what a message is written to: [`Sizes`], which measures it, and then [`Writer`];
//! - a [`Kind`] is a type of protobuf, for example `sint32`. It reads and writes one value;
//! - [`Fields`] has the names and numbers of a message's fields, for errors;
//! - a [`Table`] is all that JSON has to know about a message. A message has one if it was generated with the option `json`;
//! - a [`View`] is a message whose texts and bytes borrow the bytes that it was read from. It has the same kinds of fields, and
//!   the same functions read and write it: [`Binary`] is what messages and views have in common.

mod borrowed;
mod bytes_field;
mod debug;
mod described;
mod error;
mod features;
mod field_view;
mod fields;
mod foreign;
mod generated;
mod kind;
mod map_field;
mod map_view;
mod pairs;
#[cfg(feature = "json")]
mod raw_field;
mod reader;
mod reading;
mod shared;
mod sink;
mod sizes;
mod table;
#[cfg(feature = "json")]
mod table_lookup;
mod unknown;
mod varint;
mod view;
mod well_known;
mod well_known_tables;
pub(crate) mod wire;
mod wrapper_views;
mod writer;

pub use self::debug::Named;
pub use self::described::{Described, Enumeration};
pub use self::error::DecodeError;
pub use self::features::{FastMap, bytestring};
pub use self::field_view::FieldView;
pub use self::fields::{Field, Fields};
pub use self::foreign::{decode_field, decode_shared};
pub use self::generated::{Binary, Decode, Message, Oneof};
pub use self::kind::Kind;
pub use self::map_field::MapField;
pub use self::map_view::MapView;
pub use self::pairs::Pairs;
#[cfg(feature = "json")]
pub(crate) use self::raw_field::{Malformed, RawField, RawFields, RawValue};
pub(crate) use self::reader::MEMORY;
pub use self::reader::Reader;
pub(crate) use self::shared::BUFFER;
pub use self::sink::Sink;
pub use self::sizes::Sizes;
pub use self::table::{EnumTable, Form, Label, Table, TableField, TableOf, Tables, Type};
pub use self::unknown::UnknownFields;
pub use self::view::{HasView, View};
#[cfg(feature = "json")]
pub(crate) use self::well_known_tables::WELL_KNOWN;
pub(crate) use self::writer::encode_to;
pub use self::writer::{Encode, Writer, encode, encoded_len};

/// The names that are in scope where generated code reads and writes messages. They include Rust's own names, for example
/// `Option`, because a message of the proto may have the same name and would hide them.
pub mod prelude {
    pub use std::boxed::Box;
    pub use std::option::Option::{self, None, Some};
    pub use std::result::Result::{self, Ok};

    pub use super::described::{Described, Enumeration};
    pub use super::foreign::{Extern, IsForeign, IsNested};
    pub use super::kind::*;
    pub use super::table::*;
    pub use super::{DecodeError, Field, Fields, Message, Oneof, Reader, Sink};
}

/// The names that are in scope where generated code reads and writes views.
pub mod view_prelude {
    pub use super::prelude::*;
    pub use super::{Binary, FieldView};
}

/// Implements [`prost::Message`] for a [`Message`].
#[doc(hidden)]
#[macro_export]
macro_rules! prost_message {
    ($message:ty) => {
        impl $crate::prost::Message for $message {
            fn encode_raw(&self, buffer: &mut impl $crate::prost::bytes::BufMut) {
                $crate::message::encode(self, buffer);
            }

            fn encoded_len(&self) -> ::core::primitive::usize {
                $crate::message::encoded_len(self)
            }

            fn merge_field(
                &mut self,
                number: ::core::primitive::u32,
                wire_type: $crate::prost::encoding::WireType,
                buffer: &mut impl $crate::prost::bytes::Buf,
                _context: $crate::prost::encoding::DecodeContext,
            ) -> ::core::result::Result<(), $crate::prost::DecodeError> {
                $crate::message::decode_field(self, number, wire_type, buffer)
            }

            fn merge(
                &mut self,
                buffer: impl $crate::prost::bytes::Buf,
            ) -> ::core::result::Result<(), $crate::prost::DecodeError> {
                $crate::message::decode_shared(self, buffer)
            }

            fn clear(&mut self) {
                *self = ::core::default::Default::default();
            }
        }
    };
}

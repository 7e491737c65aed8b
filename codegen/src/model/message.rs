//! Messages and enums.

use super::{EnumTable, Table, TypePath};
use crate::graph::Traits;
use crate::map_type::MapType;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// The name of the struct.
    pub(crate) name: String,
    /// Name of the module with the types declared inside the message.
    pub(crate) module: String,
    /// Name in the proto, with the package.
    pub(crate) full_name: String,
    pub(crate) docs: Vec<String>,
    /// The user's attributes.
    pub(crate) attributes: Vec<String>,
    pub(crate) deprecated: bool,
    pub(crate) derives: Derives,
    pub(crate) fields: Vec<Field>,
    pub(crate) oneofs: Vec<Oneof>,
    /// Name of the field for what the schema does not have, if there is one.
    pub(crate) unknown_fields: Option<String>,
    pub(crate) messages: Vec<Message>,
    pub(crate) enums: Vec<Enum>,
    /// Content of `prost::Name`, if it is implemented.
    pub(crate) type_name: Option<TypeName>,
    /// The table for JSON, if messages have one.
    pub(crate) table: Option<Table>,
    /// The message's view, if it has one.
    pub(crate) view: Option<View>,
    /// Set for a view that borrows for `'a`.
    pub(crate) is_view: bool,
}

impl Message {
    /// Returns whether the module of the message has any content.
    pub(crate) fn has_module(&self) -> bool {
        !(self.messages.is_empty() && self.enums.is_empty() && self.oneofs.is_empty())
    }
}

/// A view of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) name: String,
    /// Set if it has a lifetime. Otherwise it is the message itself.
    pub(crate) borrows: bool,
}

/// Traits that a type derives in addition to those of every message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Derives {
    pub(crate) copy: bool,
    /// `Eq` and `Hash`.
    pub(crate) eq: bool,
    pub(crate) debug: bool,
}

impl From<Traits> for Derives {
    fn from(traits: Traits) -> Self {
        Self {
            copy: traits.copy,
            eq: traits.eq,
            debug: true,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TypeName {
    pub(crate) name: String,
    pub(crate) package: String,
    pub(crate) domain: String,
}

/// A field of a struct, or a member of a oneof, which becomes a variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    /// Name in the proto.
    pub(crate) proto_name: String,
    pub(crate) number: u32,
    pub(crate) docs: Vec<String>,
    pub(crate) attributes: Vec<String>,
    pub(crate) deprecated: bool,
    pub(crate) shape: Shape,
    pub(crate) value: Value,
    pub(crate) boxed: bool,
    /// The default value in the proto: a Rust expression, or the name of an enum's variant.
    pub(crate) default: Option<String>,
}

/// Cardinality and presence of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Exactly one value, with no presence: the default value means unset. Also used for members of oneofs.
    Plain,
    /// One value or none.
    Optional,
    Required,
    Repeated,
    /// Repeated numbers that are not packed.
    Unpacked,
    /// A map with these keys.
    Map {
        key: Value,
        kind: MapType,
    },
    /// A map of a view.
    MapView {
        key: Value,
    },
}

/// The type of a field, or of a map's keys or values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A number or a bool: the kind in the runtime's `message`, and the Rust type.
    Scalar(&'static str, &'static str),
    String {
        /// True for `ByteString`, false for `String`.
        shared: bool,
    },
    Bytes {
        /// True for `Bytes`, false for `Vec<u8>`.
        shared: bool,
    },
    Message {
        path: TypePath,
        /// Set if it is unknown whether Stubwright generated the message.
        is_extern: bool,
        /// The type in the place of the message in a view, if that type borrows for `'a`.
        view: Option<TypePath>,
    },
    Group {
        path: TypePath,
        view: Option<TypePath>,
    },
    Enum(TypePath),
    /// A text of a view.
    BorrowedString,
    /// Bytes of a view.
    BorrowedBytes,
    /// A view in a view.
    View {
        path: TypePath,
        is_group: bool,
    },
}

impl Value {
    /// Returns whether the value in a view borrows.
    pub(crate) fn borrows(&self) -> bool {
        match self {
            Self::String { .. } | Self::Bytes { .. } => true,
            Self::Message { view, .. } | Self::Group { view, .. } => view.is_some(),
            Self::Scalar(..) | Self::Enum(_) => false,
            Self::BorrowedString | Self::BorrowedBytes | Self::View { .. } => true,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Oneof {
    /// Name of the field.
    pub(crate) field: String,
    /// Name of the enum, in the module of the message.
    pub(crate) name: String,
    pub(crate) docs: Vec<String>,
    /// The user's attributes for the field, and for the enum.
    pub(crate) field_attributes: Vec<String>,
    pub(crate) attributes: Vec<String>,
    pub(crate) derives: Derives,
    pub(crate) members: Vec<Field>,
    /// Name of the enum in the view of the message, if it differs: if it borrows.
    pub(crate) view: Option<String>,
    /// Set for the enum of a view, which borrows for `'a`.
    pub(crate) is_view: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Enum {
    pub(crate) name: String,
    pub(crate) docs: Vec<String>,
    pub(crate) attributes: Vec<String>,
    pub(crate) deprecated: bool,
    pub(crate) debug: bool,
    pub(crate) variants: Vec<Variant>,
    /// The table for JSON, if enums have one.
    pub(crate) table: Option<EnumTable>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) name: String,
    pub(crate) proto_name: String,
    pub(crate) number: i32,
    pub(crate) docs: Vec<String>,
    pub(crate) attributes: Vec<String>,
    pub(crate) deprecated: bool,
    /// Other names of the same number in the proto.
    pub(crate) aliases: Vec<String>,
}

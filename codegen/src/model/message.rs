//! Messages and enums.

use super::TypePath;
use crate::graph::Traits;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// The name of the struct.
    pub(crate) name: String,
    /// The name of the module with everything that is declared inside the message.
    pub(crate) module: String,
    /// The name in the proto, package included.
    pub(crate) full_name: String,
    pub(crate) docs: Vec<String>,
    /// Attributes that the user asked for.
    pub(crate) attributes: Vec<String>,
    pub(crate) deprecated: bool,
    pub(crate) derives: Derives,
    pub(crate) fields: Vec<Field>,
    pub(crate) oneofs: Vec<Oneof>,
    pub(crate) messages: Vec<Message>,
    pub(crate) enums: Vec<Enum>,
    /// What `prost::Name` says, if that is wanted.
    pub(crate) type_name: Option<TypeName>,
}

impl Message {
    /// Whether there is anything in the module of the message.
    pub(crate) fn has_module(&self) -> bool {
        !(self.messages.is_empty() && self.enums.is_empty() && self.oneofs.is_empty())
    }
}

/// What a type derives besides what every message does.
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

/// A field of a struct, or a member of a oneof, which is a variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) number: i32,
    pub(crate) docs: Vec<String>,
    pub(crate) attributes: Vec<String>,
    pub(crate) deprecated: bool,
    pub(crate) shape: Shape,
    pub(crate) value: Value,
    pub(crate) boxed: bool,
    /// Inside the quotes of prost's attribute.
    pub(crate) default: Option<String>,
}

/// How many values a field has, and how it tells that it has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One; the default value is as good as none. Also the member of a oneof.
    Plain,
    /// One or none.
    Optional,
    Required,
    Repeated,
    /// Repeated and not packed, though it could be.
    Unpacked,
    /// A map with these keys.
    Map {
        key: Value,
        ordered: bool,
    },
}

/// The type of a field, of a key or of a value in a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A number or a bool: prost's word for it, and the Rust type.
    Scalar(&'static str, &'static str),
    String,
    Bytes {
        /// `Bytes` instead of `Vec<u8>`.
        shared: bool,
    },
    Message(TypePath),
    Group(TypePath),
    Enum(TypePath),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Oneof {
    /// The name of the field.
    pub(crate) field: String,
    /// The name of the enum, in the module of the message.
    pub(crate) name: String,
    pub(crate) docs: Vec<String>,
    /// Attributes of the field and of the enum.
    pub(crate) field_attributes: Vec<String>,
    pub(crate) attributes: Vec<String>,
    pub(crate) derives: Derives,
    pub(crate) members: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Enum {
    pub(crate) name: String,
    pub(crate) docs: Vec<String>,
    pub(crate) attributes: Vec<String>,
    pub(crate) deprecated: bool,
    pub(crate) debug: bool,
    pub(crate) variants: Vec<Variant>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) name: String,
    pub(crate) proto_name: String,
    pub(crate) number: i32,
    pub(crate) docs: Vec<String>,
    pub(crate) attributes: Vec<String>,
    pub(crate) deprecated: bool,
    /// The other names of the same number, in the proto.
    pub(crate) aliases: Vec<String>,
}

//! The input of the emitters: plain data, independent of descriptors, with every name decided.

mod message;
mod table;

pub(crate) use message::{
    Derives, Enum, Field, Message, Oneof, Shape, TypeName, Value, Variant, View,
};
pub(crate) use table::{
    EnumTable, ExternTable, Table, TableField, TableLabel, TableRef, TableType, Tables,
};

/// The content of one Rust module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Package {
    /// Name in the proto. Empty for files without a package.
    pub(crate) name: String,
    /// The `.proto` files whose content goes into the module, sorted.
    pub(crate) files: Vec<String>,
    pub(crate) messages: Vec<Message>,
    pub(crate) enums: Vec<Enum>,
    pub(crate) services: Vec<Service>,
    /// Descriptors for server reflection, if a service needs them.
    pub(crate) embedded: Option<Embedded>,
    /// Descriptors for `ReflectMessage`, if messages implement it.
    pub(crate) reflected: Option<Embedded>,
    /// Tables of messages, if messages have a JSON form.
    pub(crate) tables: Option<Tables>,
}

/// The descriptors of the files of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Embedded {
    /// An encoded `google.protobuf.FileDescriptorSet`.
    pub(crate) set: Vec<u8>,
    /// Modules that have the descriptors of the imports of these files. Each is a path that ends in `::`.
    pub(crate) imports: Vec<String>,
}

impl Package {
    /// Returns whether there is nothing to generate.
    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.enums.is_empty() && self.services.is_empty()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Service {
    /// Name on the wire: package and service, `squarerpc_service.SquareService`.
    pub(crate) full_name: String,
    /// Lines of Markdown that are safe for rustdoc. Empty if the proto has no comment.
    pub(crate) docs: Vec<String>,
    pub(crate) deprecated: bool,
    pub(crate) names: ServiceNames,
    /// Set if a method has a message that Stubwright perhaps did not generate.
    pub(crate) has_extern_messages: bool,
    pub(crate) methods: Vec<Method>,
}

impl Service {
    /// Returns whether the items of the service use something deprecated.
    pub(crate) fn touches_deprecated(&self) -> bool {
        self.deprecated || self.methods.iter().any(|method| method.deprecated)
    }
}

/// Rust names of a service's items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceNames {
    /// The trait, `SquareServiceServicer`.
    pub(crate) servicer: String,
    /// The struct, `SquareServiceStub`.
    pub(crate) stub: String,
    /// The blocking stub, `SquareServiceBlockingStub`.
    pub(crate) blocking_stub: String,
    /// The function that makes the handler set, `square_service_handler`.
    pub(crate) handler: String,
    /// The registration function, `add_square_service_servicer_to_server`.
    pub(crate) register: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Method {
    /// Name in the proto, which is the name on the wire.
    pub(crate) proto_name: String,
    /// Rust name, the same in the servicer and in the stub.
    pub(crate) name: String,
    pub(crate) kind: MethodKind,
    pub(crate) request: TypePath,
    pub(crate) servicer: MessageTypes,
    pub(crate) stub: MessageTypes,
    /// Set if the servicer takes a view of the request.
    pub(crate) borrows_request: bool,
    /// Name of the stub's type parameter that distinguishes iterators from streams. It must differ from the names of
    /// messages.
    pub(crate) marker: String,
    pub(crate) docs: Vec<String>,
    pub(crate) deprecated: bool,
}

/// The types of a method's messages, as one side has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MessageTypes {
    pub(crate) request: TypePath,
    pub(crate) response: TypePath,
}

/// The four kinds of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MethodKind {
    UnaryUnary,
    UnaryStream,
    StreamUnary,
    StreamStream,
}

/// A Rust type as text, as seen from the module that uses it: `Message`, `super::common::Point`,
/// `::stubwright::prost_types::Timestamp`, `()`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TypePath(pub(crate) String);

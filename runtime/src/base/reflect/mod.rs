//! Descriptors of messages, and messages whose type is known only when the program runs, by `prost-reflect`. Feature `reflect`.
//!
//! Code that is generated with the option `reflect` implements [`ReflectMessage`] for each message. [`descriptor`] returns a message's
//! `DESCRIPTOR`, with its fields by name and number, its oneofs and its options. [`ReflectMessage::transcode_to_dynamic`] converts a
//! message to a [`DynamicMessage`], whose fields are read and written by name.
//!
//! ```
//! use stubwright::prost_types::Duration;
//! use stubwright::reflect::{ReflectMessage, descriptor};
//!
//! let descriptor = descriptor::<Duration>();
//! assert_eq!(descriptor.full_name(), "google.protobuf.Duration");
//! assert_eq!(descriptor.get_field_by_name("nanos").unwrap().number(), 2);
//!
//! let wait = Duration { seconds: 3, nanos: 0 };
//! let seconds = wait.transcode_to_dynamic().get_field_by_name("seconds").unwrap().as_i64();
//! assert_eq!(seconds, Some(3));
//! ```
//!
//! The descriptor of a message is always the same. Descriptors of one message are not equal if they were reached from messages of
//! different packages, for example as the type of a field. Compare their full names instead.

mod pool;

pub use prost_reflect::{
    DynamicMessage, EnumDescriptor, FieldDescriptor, MessageDescriptor, OneofDescriptor,
    ReflectMessage, Value,
};

#[doc(hidden)]
pub use self::pool::descriptor_of;

/// Returns the descriptor of a message type. gRPC Python's `DESCRIPTOR`.
#[doc(alias = "DESCRIPTOR")]
pub fn descriptor<M: ReflectMessage + Default>() -> MessageDescriptor {
    M::default().descriptor()
}

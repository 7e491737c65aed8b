//! The stacks. Each one finds the operation on a message by its name.

#[cfg(feature = "buffa")]
mod buffa;
#[cfg(any(feature = "prost", feature = "stubwright"))]
mod by_prost;
#[cfg(feature = "prost")]
mod prost;
#[cfg(feature = "protobuf")]
mod protobuf;
#[cfg(feature = "stubwright")]
mod stubwright;
#[cfg(feature = "views")]
mod views;

use bytes::{Bytes, BytesMut};

use crate::{Job, Operation};

/// Finds a stack's operation on the message in `bytes`. Returns nothing if the stack does not have it.
pub fn job<'a>(
    stack: &str,
    operation: Operation,
    message: &str,
    bytes: &'a Bytes,
) -> Option<Job<'a>> {
    match stack {
        #[cfg(feature = "prost")]
        "prost" => prost::job(operation, message, bytes),
        #[cfg(feature = "stubwright")]
        "stubwright" => stubwright::job(operation, message, bytes),
        #[cfg(feature = "stubwright")]
        "stubwright_by_prost" => stubwright::by_prost(operation, message, bytes),
        #[cfg(feature = "views")]
        "stubwright_view" => views::job(operation, message, bytes),
        #[cfg(feature = "buffa")]
        "buffa" => buffa::job(operation, message, bytes),
        #[cfg(feature = "buffa")]
        "buffa_view" => buffa::view(operation, message, bytes),
        #[cfg(feature = "protobuf")]
        "protobuf" => protobuf::job(operation, message, bytes),
        _ => None,
    }
}

/// Calls a generic function with the type of a message, by the message's name.
macro_rules! of_type {
    ($message:expr, $of:ident in $types:path, $arguments:tt) => {{
        use $types as types;
        match $message {
            "log" => Some($of::<types::LogBatch> $arguments),
            "analytics" => Some($of::<types::AnalyticsEvent> $arguments),
            "blob" => Some($of::<types::Payload> $arguments),
            "numbers" => Some($of::<types::Numbers> $arguments),
            "map" => Some($of::<types::Counters> $arguments),
            _ => None,
        }
    }};
}
use of_type;

/// Repeats a function.
fn repeat<'a>(mut once: impl FnMut(&mut BytesMut) + 'a) -> Job<'a> {
    Box::new(move |count, buffer| {
        for _ in 0..count {
            once(buffer);
        }
    })
}

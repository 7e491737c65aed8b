//! The typed details of an error.

use prost::{Message, Name};
use prost_types::Any;

use super::{
    BadRequest, DebugInfo, ErrorInfo, Help, LocalizedMessage, PreconditionFailure, QuotaFailure,
    RequestInfo, ResourceInfo, RetryInfo,
};

/// Defines a variant for each standard detail, and its conversions from and to [`Any`].
macro_rules! details {
    ($($(#[$doc:meta])* $name:ident)*) => {
        /// A detail of an error: one of the standard messages of `google.rpc`, or any other message.
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum ErrorDetail {
            $($(#[$doc])* $name($name),)*
            /// A message of another type, or a message that cannot be decoded.
            Other(Any),
        }

        $(impl From<$name> for ErrorDetail {
            fn from(detail: $name) -> ErrorDetail {
                ErrorDetail::$name(detail)
            }
        })*

        impl From<Any> for ErrorDetail {
            fn from(any: Any) -> ErrorDetail {
                $(if let Some(detail) = unpack::<$name>(&any) {
                    return ErrorDetail::$name(detail);
                })*
                ErrorDetail::Other(any)
            }
        }

        impl From<ErrorDetail> for Any {
            fn from(detail: ErrorDetail) -> Any {
                match detail {
                    $(ErrorDetail::$name(detail) => pack(&detail),)*
                    ErrorDetail::Other(any) => any,
                }
            }
        }
    };
}

details! {
    /// Problems of the request, field by field.
    BadRequest
    /// Information for debugging the server.
    DebugInfo
    /// The cause of the error, in a form for programs.
    ErrorInfo
    /// Links to documentation.
    Help
    /// A message that may be shown to the user.
    LocalizedMessage
    /// Preconditions that are not fulfilled.
    PreconditionFailure
    /// Quotas that were exceeded.
    QuotaFailure
    /// Data that identifies the request in the server's logs.
    RequestInfo
    /// The resource that the call tried to use.
    ResourceInfo
    /// The time after which the call may be retried.
    RetryInfo
}

/// Decodes the message in an [`Any`]. Returns `None` if it is of another type or cannot be decoded.
pub(crate) fn unpack<M: Message + Name + Default>(any: &Any) -> Option<M> {
    // The type name follows the last slash. The prefix does not matter.
    let (_, name) = any.type_url.rsplit_once('/')?;
    let name = name.strip_prefix(M::PACKAGE)?;
    let name = if M::PACKAGE.is_empty() {
        name
    } else {
        name.strip_prefix('.')?
    };
    (name == M::NAME).then(|| M::decode(&*any.value).ok())?
}

fn pack<M: Message + Name>(message: &M) -> Any {
    Any {
        type_url: M::type_url(),
        value: message.encode_to_vec(),
    }
}

//! One detail of an error.

use prost::{Message, Name};
use prost_types::Any;

use super::{
    BadRequest, DebugInfo, ErrorInfo, Help, LocalizedMessage, PreconditionFailure, QuotaFailure,
    RequestInfo, ResourceInfo, RetryInfo,
};

/// The standard details: a variant for each, and how it becomes an [`Any`] and comes of one.
macro_rules! details {
    ($($(#[$doc:meta])* $name:ident)*) => {
        /// One detail of an error: of the standard types, or of any other.
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum ErrorDetail {
            $($(#[$doc])* $name($name),)*
            /// A message of another type, or one that cannot be decoded.
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
    /// What is wrong with the request.
    BadRequest
    /// What helps those who debug the server.
    DebugInfo
    /// Why the call failed, for programs.
    ErrorInfo
    /// Where to read on.
    Help
    /// What may be shown to the user.
    LocalizedMessage
    /// What has to be changed in the system first.
    PreconditionFailure
    /// Which quotas do not suffice.
    QuotaFailure
    /// By what the call is found in the server's records.
    RequestInfo
    /// What the call was about.
    ResourceInfo
    /// When the call may be made again.
    RetryInfo
}

/// The message in an [`Any`], if it is of this type and can be decoded.
pub(crate) fn unpack<M: Message + Name + Default>(any: &Any) -> Option<M> {
    // The type is what follows the last slash, whatever stands before it.
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

//! Messages of the suite in a `google.protobuf.Any`.

use stubwright::prost::Message;
use stubwright::prost_types::Any;

/// Packs a message of the suite's package.
pub fn pack(name: &str, message: &impl Message) -> Any {
    Any {
        type_url: format!("type.googleapis.com/connectrpc.conformance.v1.{name}"),
        value: message.encode_to_vec(),
    }
}

/// Unpacks a message of the suite's package.
///
/// # Errors
/// Returns an error if the message has another type or cannot be decoded.
pub fn unpack<M: Message + Default>(name: &str, any: &Any) -> Result<M, String> {
    let found = any.type_url.rsplit('/').next().unwrap_or_default();
    if found != format!("connectrpc.conformance.v1.{name}") {
        return Err(format!("expected {name}, got {found:?}"));
    }
    M::decode(&*any.value).map_err(|error| format!("{name}: {error}"))
}

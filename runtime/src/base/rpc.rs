//! Package `google.rpc`: a status as a message, and the standard messages that say more of an error than its code and its text.
//!
//! A servicer attaches them to the status that it returns, as many as it likes; its caller reads them. They travel in
//! `grpc-status-details-bin`, as gRPC's other libraries write and read them (`grpcio-status` in Python), and share the room
//! that the peer gives to metadata: what does not fit is left out.
//!
//! ```
//! use stubwright::rpc::{BadRequest, LocalizedMessage, RetryInfo, bad_request::FieldViolation};
//! use stubwright::Status;
//!
//! let status = Status::invalid_argument("the order cannot be read")
//!     .with_error_detail(BadRequest {
//!         field_violations: vec![FieldViolation {
//!             field: "items[3].count".into(),
//!             description: "it is negative".into(),
//!             ..FieldViolation::default()
//!         }],
//!     })
//!     .with_error_detail(LocalizedMessage {
//!         locale: "de".into(),
//!         message: "Die Anzahl ist negativ.".into(),
//!     });
//!
//! // At the other end.
//! let wrong: BadRequest = status.error_detail().unwrap();
//! assert_eq!(wrong.field_violations[0].field, "items[3].count");
//! assert_eq!(status.error_detail::<RetryInfo>(), None);
//! for detail in status.error_details() {
//!     println!("{detail:?}");
//! }
//! ```
//!
//! Protos of your own that import `google/rpc/status.proto` or `google/rpc/error_details.proto` use these types with
//! `stubwright_codegen::Config::extern_path(".google.rpc", "::stubwright::rpc")`.

mod detail;

pub use detail::ErrorDetail;
pub(crate) use detail::unpack;

#[allow(clippy::all, reason = "the style of generated code")]
mod generated {
    include!("generated/google.rpc.rs");
}

pub use generated::*;

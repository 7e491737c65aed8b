//! Package `google.rpc`: the status as a message, and the standard messages for details of an error.
//!
//! A servicer can attach any number of details to the status that it returns, and the caller can read them. The details are sent in
//! `grpc-status-details-bin`, in the format of other gRPC libraries (`grpcio-status` in Python). Their size counts towards the
//! maximum size of the metadata. If the details don't fit, they are left out.
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
//! // On the caller's side.
//! let wrong: BadRequest = status.error_detail().unwrap();
//! assert_eq!(wrong.field_violations[0].field, "items[3].count");
//! assert_eq!(status.error_detail::<RetryInfo>(), None);
//! for detail in status.error_details() {
//!     println!("{detail:?}");
//! }
//! ```
//!
//! Protos that import `google/rpc/status.proto` or `google/rpc/error_details.proto` use these types with
//! `stubwright_codegen::Config::extern_path(".google.rpc", "::stubwright::rpc")`.

mod detail;

pub use detail::ErrorDetail;
pub(crate) use detail::unpack;

#[allow(clippy::all, reason = "the style of generated code")]
mod generated {
    include!("generated/google.rpc.rs");
}

pub use generated::*;

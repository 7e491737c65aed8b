//! The servicer, which connects gRPC and the handler.

use stubwright::prost_types::Duration;
use stubwright::rpc::bad_request::FieldViolation;
use stubwright::rpc::{BadRequest, RetryInfo};
use stubwright::{Metadata, Result, ServicerContext, Status};

use crate::app::ping::v1::{PingReply, PingRequest, PingServiceServicer};
use crate::handler::{Handler, PingError};

/// Reads the metadata and the request, calls the handler, and converts its errors to statuses.
#[derive(Debug)]
pub struct PingServicer {
    handler: Handler,
}

impl PingServicer {
    /// Creates a servicer for a handler.
    pub fn new(handler: Handler) -> PingServicer {
        PingServicer { handler }
    }
}

impl PingServiceServicer for PingServicer {
    async fn ping(&self, request: PingRequest, context: &ServicerContext) -> Result<PingReply> {
        // Metadata of the client, which is returned in the initial metadata.
        let id = context.invocation_metadata().get("request-id");
        let mut initial = Metadata::new();
        initial.append("request-id", id.unwrap_or("none"))?;
        context.send_initial_metadata(initial)?;

        // Trailing metadata, sent after the reply or the error.
        let mut trailing = Metadata::new();
        trailing.append("served-to", context.peer().as_str())?;
        context.set_trailing_metadata(trailing);

        // If the call is cancelled or its deadline passes, this future is dropped while it waits.
        let msg = self.handler.ping(&request.target, request.delay).await?;
        Ok(PingReply { ok: true, msg })
    }
}

/// Lets `?` convert the handler's errors to a status.
impl From<PingError> for Status {
    fn from(error: PingError) -> Status {
        match error {
            PingError::Overloaded => Status::resource_exhausted("server is overloaded")
                .with_error_detail(RetryInfo {
                    retry_delay: Some(Duration {
                        seconds: 1,
                        nanos: 0,
                    }),
                }),
            PingError::NegativeDelay => Status::invalid_argument("the request cannot be served")
                .with_error_detail(BadRequest {
                    field_violations: vec![FieldViolation {
                        field: "delay".into(),
                        description: "must not be negative".into(),
                        ..FieldViolation::default()
                    }],
                }),
        }
    }
}

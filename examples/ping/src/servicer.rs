//! Between gRPC and the handler.

use stubwright::prost_types::Duration;
use stubwright::rpc::bad_request::FieldViolation;
use stubwright::rpc::{BadRequest, RetryInfo};
use stubwright::{Metadata, Result, ServicerContext, Status};

use crate::app::ping::v1::{PingReply, PingRequest, PingServiceServicer};
use crate::handler::{Handler, PingError};

/// The servicer: it reads what came with the call, asks the handler, and says in gRPC's words how that went.
#[derive(Debug)]
pub struct PingServicer {
    handler: Handler,
}

impl PingServicer {
    /// A servicer in front of a handler.
    pub fn new(handler: Handler) -> PingServicer {
        PingServicer { handler }
    }
}

impl PingServiceServicer for PingServicer {
    async fn ping(&self, request: PingRequest, context: &ServicerContext) -> Result<PingReply> {
        // What the client said before the request, and what goes back before the reply.
        let id = context.invocation_metadata().get("request-id");
        let mut initial = Metadata::new();
        initial.append("request-id", id.unwrap_or("none"))?;
        context.send_initial_metadata(initial)?;

        // What goes back behind the reply, or behind the error.
        let mut trailing = Metadata::new();
        trailing.append("served-to", context.peer())?;
        context.set_trailing_metadata(trailing);

        // When the client vanishes or its time is over, this future is dropped where it waits.
        let msg = self.handler.ping(&request.target, request.delay).await?;
        Ok(PingReply { ok: true, msg })
    }
}

/// With it, `?` makes a status of the handler's errors.
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
                        description: "it is negative".into(),
                        ..FieldViolation::default()
                    }],
                }),
        }
    }
}

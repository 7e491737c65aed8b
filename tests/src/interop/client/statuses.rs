//! Cases of calls that the server ends with a status.

use stubwright::Code;

use super::expect::{equal, failure};
use super::{Outcome, Target};
use crate::pb::grpc::testing::{EchoStatus, SimpleRequest, StreamingOutputCallRequest};

pub(super) async fn status_code_and_message(target: &Target) -> Outcome {
    let message = "test status message";
    unary_status(target, message).await?;
    let request = StreamingOutputCallRequest {
        response_status: asked(message),
        ..StreamingOutputCallRequest::default()
    };
    let mut call = target.service()?.full_duplex_call([request]);
    let status = failure("the stream", call.message().await, Code::Unknown)?;
    equal("the message of the stream", status.message(), message)
}

pub(super) async fn special_status_message(target: &Target) -> Outcome {
    let message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
    unary_status(target, message).await
}

pub(super) async fn unimplemented_method(target: &Target) -> Outcome {
    let call = target.service()?.unimplemented_call();
    failure("the call", call.await, Code::Unimplemented).map(drop)
}

pub(super) async fn unimplemented_service(target: &Target) -> Outcome {
    let call = target.service()?.unimplemented_service();
    failure("the call", call.await, Code::Unimplemented).map(drop)
}

async fn unary_status(target: &Target, message: &str) -> Outcome {
    let request = SimpleRequest {
        response_status: asked(message),
        ..SimpleRequest::default()
    };
    let call = target.service()?.unary_call(request);
    let status = failure("the unary call", call.await, Code::Unknown)?;
    equal("the message of the unary call", status.message(), message)
}

fn asked(message: &str) -> Option<EchoStatus> {
    Some(EchoStatus {
        code: Code::Unknown.number() as i32,
        message: message.to_owned(),
    })
}

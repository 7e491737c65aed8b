//! The case of metadata that the server echoes.

use stubwright::Metadata;

use super::expect::{end, equal, response, success};
use super::service::{LARGE_REQUEST, LARGE_RESPONSE, duplex_request, large_request};
use super::{Failure, Outcome, Target};

const INITIAL: (&str, &str) = ("x-grpc-test-echo-initial", "test_initial_metadata_value");
const TRAILING: (&str, [u8; 3]) = ("x-grpc-test-echo-trailing-bin", [0xab; 3]);

pub(super) async fn custom_metadata(target: &Target) -> Outcome {
    let service = target.service()?;
    let call = service
        .unary_call(large_request())
        .metadata(INITIAL.0, INITIAL.1)
        .metadata(TRAILING.0, TRAILING.1);
    let (_, call) = success("the unary call", call.with_call().await)?;
    echoed(
        "the unary call",
        &call.initial_metadata,
        &call.trailing_metadata,
    )?;

    let mut call = service
        .full_duplex_call([duplex_request(LARGE_REQUEST, LARGE_RESPONSE)])
        .metadata(INITIAL.0, INITIAL.1)
        .metadata(TRAILING.0, TRAILING.1);
    let initial = success("the stream", call.initial_metadata().await)?.clone();
    response(1, &mut call, LARGE_RESPONSE).await?;
    end("the stream", &mut call).await?;
    let trailing = call
        .trailing_metadata()
        .ok_or_else(|| Failure::from("the stream has ended without trailing metadata"))?;
    echoed("the stream", &initial, &trailing)
}

fn echoed(what: &str, initial: &Metadata, trailing: &Metadata) -> Outcome {
    equal(
        format!("{} in the initial metadata of {what}", INITIAL.0),
        initial.get(INITIAL.0),
        Some(INITIAL.1),
    )?;
    equal(
        format!("{} in the trailing metadata of {what}", TRAILING.0),
        trailing.get_bin(TRAILING.0).as_deref(),
        Some(&TRAILING.1[..]),
    )
}

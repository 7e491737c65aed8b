//! Invalid responses, from `h2` to our client. Rows have the numbers of the table in `hostile_input.md`.

use h2::Reason;
use http::HeaderMap;
use stubwright::{Channel, Code, Result, Status};
use stubwright_tests::pb::probe::v1::{ProbeStub, Request, Response};

use crate::listener::{Accepted, Call, Listener, grpc_head};
use crate::wire::{framed, prefixed, within};

/// A server, our client, and the connection between them.
struct Pair {
    listener: Listener,
    stub: ProbeStub,
    connection: Option<Accepted>,
}

impl Pair {
    async fn new() -> Pair {
        let listener = Listener::new().await;
        let channel = Channel::insecure(listener.address.to_string()).unwrap();
        Pair {
            listener,
            stub: ProbeStub::new(channel),
            connection: None,
        }
    }

    /// Makes a unary call that is answered so.
    async fn unary(&mut self, answer: impl FnOnce(&mut Call)) -> Result<Response> {
        let call = tokio::spawn(self.stub.unary(Request::default()).into_future());
        if self.connection.is_none() {
            self.connection = Some(within(self.listener.accept()).await);
        }
        let mut seen = within(self.connection.as_mut().unwrap().call()).await;
        within(seen.body()).await;
        answer(&mut seen);
        within(call).await.unwrap()
    }

    async fn error(&mut self, answer: impl FnOnce(&mut Call)) -> Status {
        self.unary(answer).await.unwrap_err()
    }

    async fn assert_alive(&mut self) {
        let response = self.unary(|call| call.answer(framed(&Response::default()), "0"));
        assert_eq!(response.await.unwrap(), Response::default());
    }
}

fn status(number: &str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", number.parse().unwrap());
    trailers
}

#[tokio::test]
async fn row_36_no_grpc_status() {
    let mut pair = Pair::new().await;
    for (http, code) in [
        (200, Code::Unknown),
        (400, Code::Internal),
        (401, Code::Unauthenticated),
        (403, Code::PermissionDenied),
        (404, Code::Unimplemented),
        (429, Code::Unavailable),
        (502, Code::Unavailable),
        (503, Code::Unavailable),
        (504, Code::Unavailable),
        (500, Code::Unknown),
    ] {
        let error = pair.error(|call| call.answer_head(http, &[])).await;
        assert_eq!(error.code(), code, "{http}: {error}");
    }
    let end = HeaderMap::new();
    let error = pair.error(|call| call.answer_with(&[], framed(&Response::default()), end));
    assert_eq!(error.await.code(), Code::Unknown);
    let error = pair.error(|call| {
        // The body ends without trailers.
        let mut stream = call
            .respond
            .send_response(grpc_head(200, &[]), false)
            .unwrap();
        stream
            .send_data(framed(&Response::default()).into(), true)
            .unwrap();
    });
    assert_eq!(error.await.code(), Code::Unknown);
    pair.assert_alive().await;
}

#[tokio::test]
async fn row_37_statuses_and_details_that_are_none() {
    let mut pair = Pair::new().await;
    for number in ["17", "99", "4294967296", "-1", "x"] {
        let error = pair.error(|call| call.answer_with(&[], prefixed(0, b""), status(number)));
        let error = error.await;
        assert_eq!(error.code(), Code::Unknown);
        assert!(error.message().contains(number), "{error}");
    }
    let mut trailers = status("5");
    trailers.insert("grpc-message", "lost%20%XX%C3".parse().unwrap());
    trailers.insert("grpc-status-details-bin", "!!!".parse().unwrap());
    let error = pair
        .error(|call| call.answer_with(&[], prefixed(0, b""), trailers))
        .await;
    assert_eq!(error.code(), Code::NotFound);
    assert!(error.message().starts_with("lost "), "{error}");
    assert!(error.details().is_empty());
    pair.assert_alive().await;
}

#[tokio::test]
async fn row_38_two_messages_or_none() {
    let mut pair = Pair::new().await;
    let message = framed(&Response::default());
    let twice = [&message[..], &message[..]].concat();
    let error = pair.error(|call| call.answer(twice, "0")).await;
    assert_eq!(error.code(), Code::Internal, "{error}");
    let error = pair
        .error(|call| call.answer_head(200, &[("grpc-status", "0")]))
        .await;
    assert_eq!(error.code(), Code::Internal, "{error}");
    // A status that is not OK is the result, whatever came before it.
    let error = pair.error(|call| call.answer(message, "9")).await;
    assert_eq!(error.code(), Code::FailedPrecondition, "{error}");
    pair.assert_alive().await;
}

#[tokio::test]
async fn row_39_resets() {
    let mut pair = Pair::new().await;
    for (reason, code) in [
        (Reason::NO_ERROR, Code::Internal),
        (Reason::PROTOCOL_ERROR, Code::Internal),
        (Reason::INTERNAL_ERROR, Code::Internal),
        (Reason::FLOW_CONTROL_ERROR, Code::Internal),
        (Reason::SETTINGS_TIMEOUT, Code::Internal),
        (Reason::STREAM_CLOSED, Code::Internal),
        (Reason::FRAME_SIZE_ERROR, Code::Internal),
        (Reason::CANCEL, Code::Cancelled),
        (Reason::COMPRESSION_ERROR, Code::Internal),
        (Reason::CONNECT_ERROR, Code::Internal),
        (Reason::ENHANCE_YOUR_CALM, Code::ResourceExhausted),
        (Reason::INADEQUATE_SECURITY, Code::PermissionDenied),
        (Reason::HTTP_1_1_REQUIRED, Code::Internal),
    ] {
        let error = pair.error(|call| call.respond.send_reset(reason)).await;
        assert_eq!(error.code(), code, "{reason}: {error}");
    }
    pair.assert_alive().await;
}

#[tokio::test]
async fn invalid_messages() {
    let mut pair = Pair::new().await;
    let mut over = vec![0];
    over.extend(u32::MAX.to_be_bytes());
    for (body, code) in [
        (prefixed(2, b""), Code::Internal),
        (prefixed(1, b""), Code::Internal),
        (prefixed(0, b"\xff"), Code::Internal),
        (framed(&Response::default())[..4].to_vec(), Code::Internal),
        (over, Code::ResourceExhausted),
    ] {
        let error = pair.error(|call| call.answer(body.clone(), "0")).await;
        assert_eq!(error.code(), code, "{body:?}: {error}");
    }
    pair.assert_alive().await;
}

#[tokio::test]
async fn messages_of_statuses_are_decoded() {
    let mut pair = Pair::new().await;
    let mut trailers = status("3");
    let message = "no %C3%BC%0A100 %25".parse().unwrap();
    trailers.insert("grpc-message", message);
    trailers.insert("grpc-status-details-bin", "CAU=".parse().unwrap());
    trailers.insert("more", "metadata".parse().unwrap());
    let error = pair
        .error(|call| call.answer_with(&[], Vec::new(), trailers))
        .await;
    assert_eq!(error.code(), Code::InvalidArgument);
    assert_eq!(error.message(), "no \u{fc}\n100 %");
    assert_eq!(&error.details()[..], [8, 5]);
    assert_eq!(error.metadata().get("more"), Some("metadata"));
}

//! Statuses of calls, with raw frames in both roles. Rows have the numbers of the table in `hostile_input.md`.

use proptest::prelude::*;
use stubwright::{CallEnd, Channel, Code, Result, Status};
use stubwright_tests::pb::probe::v1::{Action, ProbeStub, Request, Response};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::raw::{Raw, SETTINGS};
use crate::request_rows::Pair;
use crate::scripts::setting;
use crate::wire::{framed, within};

/// Our client, and a server that writes the frames it is told to.
pub struct Caller {
    pub stub: ProbeStub,
    listener: TcpListener,
    raw: Option<Raw>,
}

impl Caller {
    pub async fn new() -> Caller {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let channel = Channel::insecure(address.to_string()).unwrap();
        Caller {
            stub: ProbeStub::new(channel),
            listener,
            raw: None,
        }
    }

    /// Starts a call.
    pub fn call(&self) -> JoinHandle<Result<(Response, CallEnd)>> {
        let call = self.stub.unary(Request::default()).with_call();
        tokio::spawn(within(call.into_future()))
    }

    /// Waits for the next request. Returns its stream.
    pub async fn request(&mut self) -> u32 {
        if self.raw.is_none() {
            self.raw = Some(Raw::accept(&self.listener).await);
        }
        self.raw().request().await.0
    }

    /// Returns the connection.
    pub fn raw(&mut self) -> &mut Raw {
        self.raw.as_mut().expect("a call should have arrived")
    }

    /// Makes a call that is answered with a message and these trailers. Returns its result.
    async fn ended(&mut self, trailers: &[(&str, &str)]) -> Result<(Response, CallEnd)> {
        let call = self.call();
        let stream = self.request().await;
        let message = framed(&Response::default());
        self.raw().respond_with(stream, &message, trailers).await;
        call.await.unwrap()
    }

    /// Makes a call that is answered with a head only. Returns its status.
    async fn refused(&mut self, fields: &[(&str, &str)]) -> Status {
        let call = self.call();
        let stream = self.request().await;
        let mut head = vec![(":status", "200"), ("content-type", "application/grpc")];
        head.extend(fields);
        self.raw().answer_head(stream, &head, true).await;
        call.await.unwrap().unwrap_err()
    }
}

fn failing(message: &str) -> Request {
    Request {
        action: Action::Fail.into(),
        code: 10,
        message: message.to_owned(),
        ..Request::default()
    }
}

#[tokio::test]
async fn row_58_two_statuses() {
    let mut caller = Caller::new().await;
    for (first, other) in [("0", "14"), ("14", "0"), ("5", "14"), ("0", "")] {
        let trailers = [
            ("grpc-status", first),
            ("grpc-status", other),
            ("grpc-message", "m"),
        ];
        for error in [
            caller.ended(&trailers).await.unwrap_err(),
            caller.refused(&trailers).await,
        ] {
            assert_eq!(error.code(), Code::Internal, "{error}");
            assert!(error.message().ends_with(": m"), "{error}");
        }
    }
    // The same status twice is no contradiction.
    let twice = [("grpc-status", "0"); 2];
    caller.ended(&twice).await.unwrap();
}

#[tokio::test]
async fn row_58_binary_trailers_that_are_not_base64() {
    let mut caller = Caller::new().await;
    for (status, name) in [("0", "OK"), ("14", "UNAVAILABLE")] {
        let trailers = [("grpc-status", status), ("x-bin", "!")];
        for error in [
            caller.ended(&trailers).await.unwrap_err(),
            caller.refused(&trailers).await,
        ] {
            assert_eq!(error.code(), Code::Internal, "{error}");
            assert!(
                error.message().contains("\"x-bin\" is not base64"),
                "{error}"
            );
            assert!(error.message().contains(name), "{error}");
        }
    }
}

#[tokio::test]
async fn row_73_blanks_at_the_ends_of_a_message_that_we_send() {
    let mut pair = Pair::new().await;
    for (message, encoded) in [
        (" padded ", "%20padded%20"),
        ("cannot open: ", "cannot open:%20"),
        ("  ", "%20%20"),
        (" ", "%20"),
        ("\t\t", "%09%09"),
        (" \u{fc} ", "%20%C3%BC%20"),
    ] {
        let answer = pair.send(&framed(&failing(message))).await;
        answer.assert_status(10, "");
        assert_eq!(answer.message(), encoded);
    }
    // A status message of ours that contains a name from the peer.
    let answer = pair.call(&[("grpc-encoding", "x ")]).await;
    answer.assert_status(12, "\"x\"");
    pair.assert_alive().await;
}

#[tokio::test]
async fn row_73_raw_blanks_of_a_peer_are_taken() {
    let mut caller = Caller::new().await;
    for message in [" padded ", "cannot open: ", " ", "\tx\t"] {
        let trailers = [("grpc-status", "10"), ("grpc-message", message)];
        for error in [
            caller.ended(&trailers).await.unwrap_err(),
            caller.refused(&trailers).await,
        ] {
            assert_eq!((error.code(), error.message()), (Code::Aborted, message));
        }
    }
}

/// Percent-decodes a message, as any peer does.
fn decoded(message: &str) -> String {
    let mut parts = message.split('%');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(part[2..].bytes());
    }
    String::from_utf8(bytes).unwrap()
}

/// Returns the size of the response with this message, as HTTP/2 counts it.
fn size_of(message: &str) -> usize {
    let escaped = |byte: &&u8| !(b' '..=b'~').contains(*byte) || **byte == b'%';
    let padded = usize::from(message.starts_with(' ')) + usize::from(message.ends_with(' '));
    let escapes = message.as_bytes().iter().filter(escaped).count() + padded;
    let fields = [
        (":status", "200"),
        ("content-type", "application/grpc"),
        ("grpc-status", "10"),
        ("grpc-message", message),
        ("grpc-status-details-bin", "CAU"),
    ];
    let sizes = fields.map(|(name, value)| name.len() + value.len() + 32);
    sizes.iter().sum::<usize>() + 2 * escapes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any text of any length, to a peer with any limit: the code arrives, and a message that is not cut arrives in
    /// full.
    #[test]
    fn row_73_a_status_arrives_whatever_its_peer_takes(
        texts in prop::collection::vec(("( |a|%|\n|\u{fc}|\u{1f980}){0,30}", 1..200_usize), 1..8),
        limit in 0..2_000_u32,
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let mut pair = Pair::new().await;
            let settings = setting(6, limit);
            pair.raw.frame(SETTINGS, 0, 0, &settings).await;
            for (text, times) in texts {
                let message = text.repeat(times);
                let answer = pair.send(&framed(&failing(&message))).await;
                answer.assert_status(10, "");
                let value = answer.message();
                prop_assert_eq!(value.trim(), value);
                let arrived = decoded(value);
                prop_assert!(message.starts_with(&arrived));
                prop_assert!(arrived == message || size_of(&message) > limit as usize);
            }
            Ok(())
        })?;
    }
}

//! The contract for how calls end, with raw frames in both roles. The rows are numbered as in the table of the contract.

use stubwright::{Call, Channel, Code, Result, Status};
use stubwright_tests::pb::probe::v1::{ProbeStub, Request, Response};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::raw::Raw;
use crate::wire::{framed, within};

/// Our client, and a server that writes frames as it is told.
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
    pub fn call(&self) -> JoinHandle<Result<(Response, Call)>> {
        let call = self.stub.unary(Request::default()).with_call();
        tokio::spawn(within(call.into_future()))
    }

    /// The stream of the next request.
    pub async fn request(&mut self) -> u32 {
        if self.raw.is_none() {
            self.raw = Some(Raw::accept(&self.listener).await);
        }
        self.raw().request().await.0
    }

    /// The connection.
    pub fn raw(&mut self) -> &mut Raw {
        self.raw.as_mut().expect("a call has come")
    }

    /// How a call ends that is answered with a message and these trailers.
    async fn ended(&mut self, trailers: &[(&str, &str)]) -> Result<(Response, Call)> {
        let call = self.call();
        let stream = self.request().await;
        let message = framed(&Response::default());
        self.raw().respond_with(stream, &message, trailers).await;
        call.await.unwrap()
    }

    /// How a call ends that is answered with a head alone.
    async fn refused(&mut self, fields: &[(&str, &str)]) -> Status {
        let call = self.call();
        let stream = self.request().await;
        let mut head = vec![(":status", "200"), ("content-type", "application/grpc")];
        head.extend(fields);
        self.raw().answer_head(stream, &head, true).await;
        call.await.unwrap().unwrap_err()
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
    // One that is said twice is no contradiction.
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

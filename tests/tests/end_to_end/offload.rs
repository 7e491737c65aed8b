//! Work that a servicer gives to other threads, and what becomes of it with its call.

use std::time::Duration;

use stubwright::{Channel, Code, Result, Server, ServicerContext, offload, offload_with};
use stubwright_tests::pb::probe::v1::{
    Action, ProbeServicer, ProbeStub, Request, Response, add_probe_servicer_to_server,
    probe_handler,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::transports::within;

/// Computes on other threads; tells when work begins that goes on until it is cancelled, and when it has ended.
struct Computes(UnboundedSender<&'static str>);

impl ProbeServicer for Computes {
    async fn unary(&self, request: Request, _context: &ServicerContext) -> Result<Response> {
        let payload = match request.action() {
            Action::Panic => offload(|| panic!("the work's words")).await,
            Action::Hang => {
                let told = self.0.clone();
                offload_with(move |cancellation| {
                    told.send("began").unwrap();
                    while !cancellation.is_cancelled() {
                        std::thread::yield_now();
                    }
                    told.send("ended").unwrap();
                    Vec::new()
                })
                .await
            }
            _ => offload(move || request.payload.into_iter().rev().collect()).await,
        };
        Ok(Response { payload, index: 0 })
    }
}

async fn computes() -> (Server, [ProbeStub; 2], UnboundedReceiver<&'static str>) {
    let (told, news) = unbounded_channel();
    let mut server = Server::new();
    add_probe_servicer_to_server(Computes(told.clone()), &mut server);
    let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
    server.start().await.unwrap();
    let tcp = Channel::insecure(address.to_string()).unwrap();
    let in_process = Channel::in_process(probe_handler(Computes(told)));
    (server, [tcp, in_process].map(ProbeStub::new), news)
}

fn request(action: Action) -> Request {
    Request {
        action: action.into(),
        payload: b"abc".to_vec(),
        ..Request::default()
    }
}

#[tokio::test]
async fn its_result_is_the_answer() {
    let (_server, stubs, _news) = computes().await;
    for stub in stubs {
        let response = within(stub.unary(request(Action::End))).await.unwrap();
        assert_eq!(response.payload, b"cba");
    }
}

#[tokio::test]
async fn its_panic_is_internal_for_its_call() {
    let (_server, stubs, _news) = computes().await;
    for stub in stubs {
        let error = within(stub.unary(request(Action::Panic)))
            .await
            .unwrap_err();
        assert_eq!(error.code(), Code::Internal);
        assert!(!error.message().contains("words"), "{error}");
        within(stub.unary(request(Action::End))).await.unwrap();
    }
}

#[tokio::test]
async fn it_learns_that_its_call_is_over() {
    let (_server, stubs, mut news) = computes().await;
    for stub in stubs {
        let call = stub.unary(request(Action::Hang));
        let error = within(call.timeout(Duration::from_millis(100))).await;
        assert_eq!(error.unwrap_err().code(), Code::DeadlineExceeded);
        for expected in ["began", "ended"] {
            assert_eq!(within(news.recv()).await, Some(expected));
        }
    }
}

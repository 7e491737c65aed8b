//! Work that a servicer moves to other threads, and its end together with its call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use stubwright::interceptors::MethodConcurrency;
use stubwright::{
    Channel, Code, Result, Server, ServerBuilder, ServicerContext, offload, offload_with,
};
use stubwright_tests::pb::probe::v1::{
    Action, ProbeServicer, ProbeStub, Request, Response, add_probe_servicer_to_server,
    probe_handler,
};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::transports::within;

/// Computes on other threads. Reports the start and the end of work that runs until it is cancelled.
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
    server.start().unwrap();
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

/// Computes until it is told to end, even if its call is cancelled. Reports its start.
struct Stubborn {
    told: UnboundedSender<&'static str>,
    end: Arc<Semaphore>,
}

impl ProbeServicer for Stubborn {
    async fn unary(&self, request: Request, _context: &ServicerContext) -> Result<Response> {
        if request.action() == Action::Hang {
            let (told, end) = (self.told.clone(), Arc::clone(&self.end));
            offload(move || {
                told.send("began").unwrap();
                // The time limit ends the computation if the test fails.
                let until = Instant::now() + Duration::from_secs(60);
                while end.available_permits() == 0 && Instant::now() < until {
                    std::thread::yield_now();
                }
            })
            .await;
        }
        Ok(Response::default())
    }
}

/// Cancels a call whose computation goes on after its handler is gone. The next call must be refused, because it
/// would run at the same time.
async fn assert_counts_until_it_ends(builder: ServerBuilder) {
    let (told, mut news) = unbounded_channel();
    let end = Arc::new(Semaphore::new(0));
    let mut server = builder.build();
    let servicer = Stubborn {
        told,
        end: Arc::clone(&end),
    };
    add_probe_servicer_to_server(servicer, &mut server);
    let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
    server.start().unwrap();
    let tcp = Channel::insecure(address.to_string()).unwrap();
    for stub in [tcp, server.in_process_channel()].map(ProbeStub::new) {
        let call = tokio::spawn(stub.unary(request(Action::Hang)).into_future());
        assert_eq!(within(news.recv()).await, Some("began"));
        call.abort();
        // When a later call has been answered, the server has received the cancellation. The handler is dropped a
        // moment later.
        for _ in 0..100 {
            tokio::task::yield_now().await;
            let error = within(stub.unary(request(Action::End))).await.unwrap_err();
            assert_eq!(error.code(), Code::ResourceExhausted);
        }
        end.add_permits(1);
        while let Err(error) = within(stub.unary(request(Action::End))).await {
            assert_eq!(error.code(), Code::ResourceExhausted);
            tokio::task::yield_now().await;
        }
        end.forget_permits(1);
    }
}

#[tokio::test]
async fn row_44_it_counts_for_the_servers_limit_of_calls_until_it_ends() {
    assert_counts_until_it_ends(Server::builder().max_concurrent_rpcs(1)).await;
}

#[tokio::test]
async fn row_44_it_counts_for_the_limit_of_its_method_until_it_ends() {
    let limit = MethodConcurrency::new(1);
    assert_counts_until_it_ends(Server::builder().interceptor(limit)).await;
}

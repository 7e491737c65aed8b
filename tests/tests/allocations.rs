//! How often a unary call allocates, and how much, client and server together: the same each time, so it is held to.

use allocation_counter::measure;
use stubwright::{Channel, InlinePolling, Result, Server, ServicerContext};
use stubwright_tests::pb::probe::v1::{
    ProbeServicer, ProbeStub, Request, Response, add_probe_servicer_to_server,
};
use tokio::runtime::Builder;

/// Calls that are counted.
const CALLS: u64 = 1_000;

struct Echo;

impl ProbeServicer for Echo {
    async fn unary(&self, request: Request, _context: &ServicerContext) -> Result<Response> {
        Ok(Response {
            payload: request.payload,
            ..Response::default()
        })
    }
}

/// Calls with 34 bytes, which are allocated three times: by the caller, by the server that reads them, by the caller that reads
/// them again.
async fn call(stub: &ProbeStub, times: u64) {
    for _ in 0..times {
        let request = Request {
            payload: vec![7; 34],
            ..Request::default()
        };
        assert_eq!(stub.unary(request).await.unwrap().payload, [7; 34]);
    }
}

#[test]
fn a_unary_call_over_tcp_allocates_at_most_16_times_and_4_kb() {
    // Both sides are on this thread, which is the one that is counted.
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let (stub, _server) = runtime.block_on(async {
        // A machine that is busy must not make first polls look long, and move handlers to tasks of their own.
        let mut server = Server::builder()
            .inline_polling(InlinePolling::Always)
            .build();
        add_probe_servicer_to_server(Echo, &mut server);
        let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
        server.start().await.unwrap();
        let stub = ProbeStub::new(Channel::insecure(address.to_string()).unwrap());
        call(&stub, CALLS).await;
        (stub, server)
    });
    let counted = measure(|| runtime.block_on(call(&stub, CALLS)));
    let (times, bytes) = (counted.count_total, counted.bytes_total);
    println!(
        "a call: {:.2} allocations, {:.0} bytes",
        times as f64 / CALLS as f64,
        bytes as f64 / CALLS as f64
    );
    assert!(times <= 16 * CALLS, "{times} allocations for {CALLS} calls");
    assert!(bytes <= 4_096 * CALLS, "{bytes} bytes for {CALLS} calls");
    assert!(times >= CALLS, "nothing was counted");
}

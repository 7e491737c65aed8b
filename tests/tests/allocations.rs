//! Limits the allocations of a unary call, client and server together. Their number and size are the same in every
//! run.

use allocation_counter::measure;
use stubwright::{Channel, InlinePolling, Result, Server, ServicerContext};
use stubwright_tests::pb::probe::v1::{
    ProbeServicer, ProbeStub, Request, Response, add_probe_servicer_to_server,
};
use tokio::runtime::Builder;

/// Number of calls that are counted.
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

/// Makes calls with 34 bytes. The bytes are allocated three times: by the caller, by the server that decodes them,
/// and by the caller that decodes them again.
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
    // Both sides run on this thread, and only this thread's allocations are counted.
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let (stub, _server) = runtime.block_on(async {
        // On a busy machine, first polls can look long, and handlers would then move to tasks of their own.
        let mut server = Server::builder()
            .inline_polling(InlinePolling::Always)
            .build();
        add_probe_servicer_to_server(Echo, &mut server);
        let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
        server.start().unwrap();
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

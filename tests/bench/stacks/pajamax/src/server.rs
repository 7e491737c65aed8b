//! The unary method, served by pajamax. Its published build crate requires an older runtime, so the generated code is
//! written by hand.

use bench_options::ServerOptions;
use pajamax::error::Error;
use pajamax::{Config, PajamaxService};
use prost::Message;

#[derive(Clone, PartialEq, Message)]
struct Payload {
    #[prost(bytes = "vec", tag = "1")]
    body: Vec<u8>,
    #[prost(uint32, tag = "2")]
    count: u32,
}

struct Bench;

impl PajamaxService for Bench {
    fn route(&self, path: &[u8]) -> Option<usize> {
        (path == b"/bench.Bench/Unary").then_some(0)
    }

    fn handle(&self, _method: usize, request: &[u8], stream: u32) -> Result<(), Error> {
        let request = Payload::decode(request)?;
        pajamax::local_build_response(stream, Ok(request))
    }

    fn is_dispatch_mode(&self) -> bool {
        false
    }
}

fn main() -> std::io::Result<()> {
    // It uses a thread for each connection. The harness binds all of them to as many cores as the requested threads.
    let options = ServerOptions::from_args();
    Config::new()
        .max_concurrent_connections(2_000)
        .add_service(Bench)
        .serve(options.address)
}

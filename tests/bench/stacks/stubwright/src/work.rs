//! The service `Work`, served by Stubwright.

use std::time::Duration;

use bench_options::work::{Actor, Spikes, WorkOptions, compute};
use stubwright::{Channel, Result, Server, ServicerContext};

stubwright::include_protos!();

use bench::BenchStub;
use work::{Payload, WorkServicer, add_work_servicer_to_server};

struct Work {
    actor: Actor,
    spikes: Spikes,
    backend: BenchStub,
}

impl WorkServicer for Work {
    async fn at_once(&self, request: Payload, _context: &ServicerContext) -> Result<Payload> {
        Ok(request)
    }

    async fn sleep(&self, request: Payload, _context: &ServicerContext) -> Result<Payload> {
        tokio::time::sleep(Duration::from_millis(1)).await;
        Ok(request)
    }

    async fn ask(&self, request: Payload, _context: &ServicerContext) -> Result<Payload> {
        let body = self.actor.ask(request.body).await;
        Ok(Payload { body })
    }

    async fn compute(&self, request: Payload, _context: &ServicerContext) -> Result<Payload> {
        compute(200);
        Ok(request)
    }

    async fn spike(&self, request: Payload, _context: &ServicerContext) -> Result<Payload> {
        self.spikes.next();
        Ok(request)
    }

    async fn long(&self, request: Payload, _context: &ServicerContext) -> Result<Payload> {
        compute(5_000);
        Ok(request)
    }

    async fn call_on(&self, request: Payload, _context: &ServicerContext) -> Result<Payload> {
        let body = request.body;
        let response = self
            .backend
            .unary(bench::Payload { body, count: 0 })
            .await?;
        Ok(Payload {
            body: response.body,
        })
    }

    async fn bulk(&self, request: Payload, _context: &ServicerContext) -> Result<Payload> {
        Ok(request)
    }
}

fn main() -> Result<()> {
    let options = WorkOptions::from_args();
    options.runtime().block_on(async {
        let mut server = Server::new();
        let work = Work {
            actor: Actor::spawn(),
            spikes: Spikes::default(),
            backend: BenchStub::new(Channel::insecure(options.backend.to_string())?),
        };
        add_work_servicer_to_server(work, &mut server);
        server
            .add_insecure_port(options.address.to_string())
            .await?;
        server.start()?;
        server.wait_for_termination().await;
        Ok(())
    })
}

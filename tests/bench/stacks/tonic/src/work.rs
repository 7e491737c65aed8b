//! The service `Work`, served by tonic.

use std::time::Duration;

use bench_options::work::{Actor, Spikes, WorkOptions, compute};
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};

mod bench {
    tonic::include_proto!("bench");
}

mod proto {
    tonic::include_proto!("work");
}

use bench::bench_client::BenchClient;
use proto::Payload;
use proto::work_server::{Work, WorkServer};

struct Service {
    actor: Actor,
    spikes: Spikes,
    backend: BenchClient<Channel>,
}

#[tonic::async_trait]
impl Work for Service {
    async fn at_once(&self, request: Request<Payload>) -> Result<Response<Payload>, Status> {
        Ok(Response::new(request.into_inner()))
    }

    async fn sleep(&self, request: Request<Payload>) -> Result<Response<Payload>, Status> {
        tokio::time::sleep(Duration::from_millis(1)).await;
        Ok(Response::new(request.into_inner()))
    }

    async fn ask(&self, request: Request<Payload>) -> Result<Response<Payload>, Status> {
        let body = self.actor.ask(request.into_inner().body).await;
        Ok(Response::new(Payload { body }))
    }

    async fn compute(&self, request: Request<Payload>) -> Result<Response<Payload>, Status> {
        compute(200);
        Ok(Response::new(request.into_inner()))
    }

    async fn spike(&self, request: Request<Payload>) -> Result<Response<Payload>, Status> {
        self.spikes.next();
        Ok(Response::new(request.into_inner()))
    }

    async fn long(&self, request: Request<Payload>) -> Result<Response<Payload>, Status> {
        compute(5_000);
        Ok(Response::new(request.into_inner()))
    }

    async fn call_on(&self, request: Request<Payload>) -> Result<Response<Payload>, Status> {
        let body = request.into_inner().body;
        let request = bench::Payload { body, count: 0 };
        let response = self.backend.clone().unary(request).await?;
        Ok(Response::new(Payload {
            body: response.into_inner().body,
        }))
    }

    async fn bulk(&self, request: Request<Payload>) -> Result<Response<Payload>, Status> {
        Ok(Response::new(request.into_inner()))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = WorkOptions::from_args();
    options.runtime().block_on(async {
        let backend = Endpoint::from_shared(format!("http://{}", options.backend))?;
        let service = Service {
            actor: Actor::spawn(),
            spikes: Spikes::default(),
            backend: BenchClient::new(backend.connect_lazy()),
        };
        let service = WorkServer::new(service);
        Ok(Server::builder()
            .add_service(service)
            .serve(options.address)
            .await?)
    })
}

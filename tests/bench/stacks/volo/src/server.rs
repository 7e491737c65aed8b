//! The service, served by volo.

use bench_options::ServerOptions;
use futures_util::{StreamExt, stream};
use volo_grpc::server::{Server, ServiceBuilder};
use volo_grpc::{BoxStream, RecvStream, Request, Response, Status};

mod generated {
    include!(concat!(env!("OUT_DIR"), "/volo_gen.rs"));
}

use generated::volo_gen::bench::{Bench, BenchServer, LogBatch, Payload};

struct Service;

type Payloads = BoxStream<'static, Result<Payload, Status>>;

impl Bench for Service {
    async fn unary(&self, request: Request<Payload>) -> Result<Response<Payload>, Status> {
        Ok(Response::new(request.into_inner()))
    }

    async fn download(&self, request: Request<Payload>) -> Result<Response<Payloads>, Status> {
        let Payload { body, count, .. } = request.into_inner();
        let responses = stream::iter((0..count).map(move |count| {
            Ok(Payload {
                body: body.clone(),
                count,
                ..Payload::default()
            })
        }));
        Ok(Response::new(responses.boxed()))
    }

    async fn generate(&self, request: Request<Payload>) -> Result<Response<Payloads>, Status> {
        let request = request.into_inner();
        let responses = async_stream::stream! {
            for count in 0..request.count {
                let body = request.body.clone();
                yield Ok(Payload { body, count, ..Payload::default() });
            }
        };
        Ok(Response::new(responses.boxed()))
    }

    async fn upload(
        &self,
        request: Request<RecvStream<Payload>>,
    ) -> Result<Response<Payload>, Status> {
        let mut requests = request.into_inner();
        let mut count = 0;
        while let Some(request) = requests.next().await {
            request?;
            count += 1;
        }
        Ok(Response::new(Payload {
            count,
            ..Payload::default()
        }))
    }

    async fn echo(
        &self,
        request: Request<RecvStream<Payload>>,
    ) -> Result<Response<Payloads>, Status> {
        Ok(Response::new(request.into_inner().boxed()))
    }

    async fn log(&self, request: Request<LogBatch>) -> Result<Response<Payload>, Status> {
        Ok(Response::new(Payload {
            count: u32::try_from(request.get_ref().records.len()).unwrap_or(u32::MAX),
            ..Payload::default()
        }))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let options = ServerOptions::from_args();
    options.runtime().block_on(async {
        let service = ServiceBuilder::new(BenchServer::new(Service)).build();
        let address = volo::net::Address::from(options.address);
        Server::new().add_service(service).run(address).await
    })
}

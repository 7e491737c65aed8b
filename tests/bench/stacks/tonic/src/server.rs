//! The service, served by tonic.

use std::pin::Pin;

use bench_options::ServerOptions;
use futures_util::{Stream, StreamExt, stream};
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};

mod proto {
    tonic::include_proto!("bench");
}

use proto::bench_server::{Bench, BenchServer};
use proto::{LogBatch, Payload};

struct Service;

type Payloads = Pin<Box<dyn Stream<Item = Result<Payload, Status>> + Send>>;

#[tonic::async_trait]
impl Bench for Service {
    type DownloadStream = Payloads;
    type GenerateStream = Payloads;
    type EchoStream = Payloads;

    async fn unary(&self, request: Request<Payload>) -> Result<Response<Payload>, Status> {
        Ok(Response::new(request.into_inner()))
    }

    async fn download(&self, request: Request<Payload>) -> Result<Response<Payloads>, Status> {
        let Payload { body, count } = request.into_inner();
        let responses = stream::iter((0..count).map(move |count| {
            Ok(Payload {
                body: body.clone(),
                count,
            })
        }));
        Ok(Response::new(responses.boxed()))
    }

    async fn generate(&self, request: Request<Payload>) -> Result<Response<Payloads>, Status> {
        let request = request.into_inner();
        let responses = async_stream::stream! {
            for count in 0..request.count {
                let body = request.body.clone();
                yield Ok(Payload { body, count });
            }
        };
        Ok(Response::new(responses.boxed()))
    }

    async fn upload(
        &self,
        request: Request<Streaming<Payload>>,
    ) -> Result<Response<Payload>, Status> {
        let mut requests = request.into_inner();
        let mut count = 0;
        while requests.message().await?.is_some() {
            count += 1;
        }
        Ok(Response::new(Payload {
            body: Vec::new(),
            count,
        }))
    }

    async fn echo(
        &self,
        request: Request<Streaming<Payload>>,
    ) -> Result<Response<Payloads>, Status> {
        Ok(Response::new(request.into_inner().boxed()))
    }

    async fn log(&self, request: Request<LogBatch>) -> Result<Response<Payload>, Status> {
        Ok(Response::new(Payload {
            body: Vec::new(),
            count: u32::try_from(request.get_ref().records.len()).unwrap_or(u32::MAX),
        }))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = ServerOptions::from_args();
    options.runtime().block_on(async {
        let mut server = Server::builder();
        if let Some((certificate, key)) = &options.tls {
            let identity = Identity::from_pem(std::fs::read(certificate)?, std::fs::read(key)?);
            server = server.tls_config(ServerTlsConfig::new().identity(identity))?;
        }
        let service = BenchServer::new(Service).max_decoding_message_size(64 << 20);
        Ok(server.add_service(service).serve(options.address).await?)
    })
}

//! The service, served by connectrpc.

use std::sync::Arc;

use bench_options::ServerOptions;
use connectrpc::{
    Encodable, InboundStream, Limits, RequestContext, Response, Router, Server, ServiceRequest,
    ServiceResult, ServiceStream,
};
use futures_util::{StreamExt, stream};

mod proto {
    connectrpc::include_generated!();
}

use proto::bench::{Bench, BenchExt, LogBatch, Payload};

struct Service;

impl Bench for Service {
    async fn unary<'a>(
        &'a self,
        _context: RequestContext,
        request: ServiceRequest<'_, Payload>,
    ) -> ServiceResult<impl Encodable<Payload> + Send + use<'a>> {
        Response::ok(request.to_owned_message())
    }

    async fn download(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, Payload>,
    ) -> ServiceResult<ServiceStream<impl Encodable<Payload> + Send + use<>>> {
        let body = request.body.to_vec();
        Response::stream_ok(stream::iter((0..request.count).map(move |count| {
            Ok(Payload {
                body: body.clone(),
                count,
                ..Payload::default()
            })
        })))
    }

    async fn generate(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, Payload>,
    ) -> ServiceResult<ServiceStream<impl Encodable<Payload> + Send + use<>>> {
        let request = request.to_owned_message();
        Response::stream_ok(async_stream::stream! {
            for count in 0..request.count {
                let body = request.body.clone();
                yield Ok(Payload { body, count, ..Payload::default() });
            }
        })
    }

    async fn upload<'a>(
        &'a self,
        _context: RequestContext,
        mut requests: InboundStream<Payload>,
    ) -> ServiceResult<impl Encodable<Payload> + Send + use<'a>> {
        let mut count = 0;
        while let Some(request) = requests.next().await {
            request?;
            count += 1;
        }
        Response::ok(Payload {
            count,
            ..Payload::default()
        })
    }

    async fn echo(
        &self,
        _context: RequestContext,
        requests: InboundStream<Payload>,
    ) -> ServiceResult<ServiceStream<impl Encodable<Payload> + Send + use<>>> {
        Response::stream_ok(requests)
    }

    async fn log<'a>(
        &'a self,
        _context: RequestContext,
        request: ServiceRequest<'_, LogBatch>,
    ) -> ServiceResult<impl Encodable<Payload> + Send + use<'a>> {
        Response::ok(Payload {
            count: u32::try_from(request.records.len()).unwrap_or(u32::MAX),
            ..Payload::default()
        })
    }
}

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let options = ServerOptions::from_args();
    options.runtime().block_on(async {
        let limits = Limits::default()
            .with_max_request_body_size(64 << 20)
            .with_max_message_size(64 << 20);
        let router = Arc::new(Service).register(Router::new());
        Server::new(router)
            .with_limits(limits)
            .serve(options.address)
            .await
    })
}

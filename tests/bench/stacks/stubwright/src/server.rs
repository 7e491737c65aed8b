//! The service, served by Stubwright.

use bench_options::ServerOptions;
use futures_util::stream;
use stubwright::{
    InlinePolling, RequestStream, Result, Server, ServerCredentials, ServicerContext, Status,
    Stream,
};

stubwright::include_protos!();

use bench::{BenchServicer, LogBatch, Payload, add_bench_servicer_to_server};

struct Bench;

impl BenchServicer for Bench {
    async fn unary(&self, request: Payload, _context: &ServicerContext) -> Result<Payload> {
        Ok(request)
    }

    fn download(
        &self,
        request: Payload,
        _context: &ServicerContext,
    ) -> impl Stream<Item = Result<Payload>> + Send {
        let body = request.body;
        stream::iter((0..request.count).map(move |count| {
            Ok(Payload {
                body: body.clone(),
                count,
            })
        }))
    }

    fn generate(
        &self,
        request: Payload,
        _context: &ServicerContext,
    ) -> impl Stream<Item = Result<Payload>> + Send {
        stubwright::stream(async move |mut responses| {
            for count in 0..request.count {
                let body = request.body.clone();
                responses.send(Payload { body, count }).await;
            }
            Ok(())
        })
    }

    async fn upload(
        &self,
        mut requests: RequestStream<Payload>,
        _context: &ServicerContext,
    ) -> Result<Payload> {
        let mut count = 0;
        while requests.message().await?.is_some() {
            count += 1;
        }
        Ok(Payload {
            body: Vec::new(),
            count,
        })
    }

    fn echo(
        &self,
        requests: RequestStream<Payload>,
        _context: &ServicerContext,
    ) -> impl Stream<Item = Result<Payload>> + Send {
        requests
    }

    async fn log(&self, request: LogBatch, _context: &ServicerContext) -> Result<Payload> {
        Ok(Payload {
            body: Vec::new(),
            count: u32::try_from(request.records.len()).unwrap_or(u32::MAX),
        })
    }
}

fn main() -> Result<()> {
    let options = ServerOptions::from_args();
    options.runtime().block_on(async {
        // Under valgrind every first poll looks long. The instructions outside of it are counted.
        let polling = match std::env::var_os("BENCH_INLINE") {
            Some(_) => InlinePolling::Always,
            None => InlinePolling::Adaptive,
        };
        let mut server = Server::builder()
            .inline_polling(polling)
            .max_receive_message_length(64 << 20)
            .build();
        add_bench_servicer_to_server(Bench, &mut server);
        match &options.tls {
            None => {
                server
                    .add_insecure_port(options.address.to_string())
                    .await?
            }
            Some((certificate, key)) => {
                let read = |path| std::fs::read(path).map_err(Status::from);
                let credentials = ServerCredentials::tls(read(certificate)?, read(key)?)?;
                server
                    .add_secure_port(options.address.to_string(), credentials)
                    .await?
            }
        };
        server.start()?;
        server.wait_for_termination().await;
        Ok(())
    })
}

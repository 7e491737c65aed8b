//! The service, served by tonic.

use std::pin::Pin;

use bench_options::ServerOptions;
use futures_util::{Stream, StreamExt, stream};
use tonic::transport::Server;
use tonic::{Request, Response, Status};

mod proto {
    tonic::include_proto!("unread");
}

use proto::unread_server::{Unread, UnreadServer};
use proto::{Ask, Piece};

struct Service;

type Pieces = Pin<Box<dyn Stream<Item = Result<Piece, Status>> + Send>>;

fn piece(ask: &Ask) -> Piece {
    Piece {
        body: vec![7; ask.size as usize],
    }
}

#[tonic::async_trait]
impl Unread for Service {
    type IterateStream = Pieces;
    type GenerateStream = Pieces;

    async fn iterate(&self, request: Request<Ask>) -> Result<Response<Pieces>, Status> {
        let ask = request.into_inner();
        let pieces = stream::iter((0..ask.count).map(move |_| Ok(piece(&ask))));
        Ok(Response::new(pieces.boxed()))
    }

    async fn generate(&self, request: Request<Ask>) -> Result<Response<Pieces>, Status> {
        let ask = request.into_inner();
        let pieces = async_stream::stream! {
            for _ in 0..ask.count {
                yield Ok(piece(&ask));
            }
        };
        Ok(Response::new(pieces.boxed()))
    }

    async fn ping(&self, request: Request<Piece>) -> Result<Response<Piece>, Status> {
        Ok(Response::new(request.into_inner()))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = ServerOptions::from_args();
    options.runtime().block_on(async {
        let service = UnreadServer::new(Service);
        let server = Server::builder().add_service(service);
        Ok(server.serve(options.address).await?)
    })
}

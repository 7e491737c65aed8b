//! The service, served by Stubwright.

use bench_options::ServerOptions;
use futures_util::stream;
use stubwright::{Result, Server, ServicerContext, Stream};

stubwright::include_protos!();

use unread::{Ask, Piece, UnreadServicer, add_unread_servicer_to_server};

struct Unread;

fn piece(ask: &Ask) -> Piece {
    Piece {
        body: vec![7; ask.size as usize],
    }
}

impl UnreadServicer for Unread {
    fn iterate(
        &self,
        ask: Ask,
        _context: &ServicerContext,
    ) -> impl Stream<Item = Result<Piece>> + Send {
        stream::iter((0..ask.count).map(move |_| Ok(piece(&ask))))
    }

    fn generate(
        &self,
        ask: Ask,
        _context: &ServicerContext,
    ) -> impl Stream<Item = Result<Piece>> + Send {
        stubwright::stream(async move |mut pieces| {
            for _ in 0..ask.count {
                pieces.send(piece(&ask)).await;
            }
            Ok(())
        })
    }

    async fn ping(&self, piece: Piece, _context: &ServicerContext) -> Result<Piece> {
        Ok(piece)
    }
}

fn main() -> Result<()> {
    let options = ServerOptions::from_args();
    options.runtime().block_on(async {
        let mut server = Server::new();
        add_unread_servicer_to_server(Unread, &mut server);
        server
            .add_insecure_port(options.address.to_string())
            .await?;
        server.start()?;
        server.wait_for_termination().await;
        Ok(())
    })
}

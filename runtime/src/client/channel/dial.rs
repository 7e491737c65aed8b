//! An attempt to connect, and the task of the connection that comes of it.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::Poll;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::builder::ChannelOptions;
use super::connection::{ClientSide, connection};
use super::manager::Event;
use super::remote::Remote;
use super::target::Target;
use crate::Status;
use crate::call::Link;
use crate::transport::{Driver, Socket};

/// An attempt to connect. It does not keep the channel alive.
pub(super) struct Dial {
    remote: Weak<Remote>,
    attempt: u64,
    target: Target,
    options: ChannelOptions,
}

/// A connection with HTTP/2 at its other end.
struct Open {
    driver: Driver<ClientSide>,
    link: Arc<Link>,
}

impl Dial {
    pub(super) fn new(remote: &Arc<Remote>, attempt: u64) -> Dial {
        Dial {
            remote: Arc::downgrade(remote),
            attempt,
            target: remote.target().clone(),
            options: remote.options().clone(),
        }
    }

    /// Connects, says how that went, and drives the connection to its end.
    pub(super) async fn run(self) {
        let attempt = self.attempt;
        let limit = self.options.min_connect_timeout;
        let opened = timeout(limit, self.open()).await;
        let cause = match opened {
            Ok(Ok(Open { driver, link })) => {
                self.tell(Event::Connected { attempt, link });
                driver.await;
                return self.tell(Event::Lost { attempt });
            }
            Ok(Err(cause)) => cause,
            Err(_) => format!("there is no connection after {limit:?}"),
        };
        let status = Status::unavailable(format!(
            "cannot connect to {}: {cause}",
            self.target.address
        ));
        self.tell(Event::Failed { attempt, status });
    }

    /// Opens a connection, up to the server's first words; an error is the cause in words.
    async fn open(&self) -> Result<Open, String> {
        let target = &self.target;
        let io = self.options.connector.connect(&target.address).await;
        let io = io.map_err(|error| error.to_string())?;
        #[cfg(feature = "tls")]
        let io = match &target.tls {
            Some(tls) => tls.secure(io).await.map_err(|error| error.to_string())?,
            None => io,
        };
        let (sender, mut greeting) = oneshot::channel();
        let (mut driver, link) = connection(
            Socket::new(io),
            Weak::clone(&self.remote),
            self.attempt,
            target.scheme(),
            &self.options,
            sender,
        );
        poll_fn(|context| {
            let ended = Pin::new(&mut driver).poll(context).is_ready();
            match Pin::new(&mut greeting).poll(context) {
                Poll::Ready(Ok(greeted)) => {
                    Poll::Ready(greeted.map_err(|why| why.message().into()))
                }
                // A driver that ends has said why.
                Poll::Pending if !ended => Poll::Pending,
                _ => Poll::Ready(Err("the connection ended".to_owned())),
            }
        })
        .await?;
        Ok(Open { driver, link })
    }

    fn tell(&self, event: Event) {
        if let Some(remote) = self.remote.upgrade() {
            remote.notify(event);
        }
    }
}

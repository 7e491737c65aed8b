//! Client-side health checking (gRFC A17).

use std::future::poll_fn;
use std::sync::{Arc, Weak};

use tokio::time::{Instant, sleep};

use super::owner::{ConnectionNews, Health, Owner};
use crate::base::backoff::{Backoff, BackoffConfig};
use crate::base::erasure::Typed;
use crate::base::framing::{Packed, Packer};
use crate::base::header::Header;
use crate::base::jitter::jitter;
use crate::base::log;
use crate::call::inbox::Inbox;
use crate::call::ongoing::Ongoing;
use crate::call::{CallDetails, Exchange, Link, MessageLimits, Peer};
use crate::{Code, Codec, Compression, Metadata, Prost, Result, Status};

static WATCH: Header = Header::from_static(":path", "/grpc.health.v1.Health/Watch");

/// `ServingStatus.SERVING`.
const SERVING: i32 = 1;

/// The health check of a server, by a call of `Watch` on one of its connections. It does not keep the channel alive.
pub(crate) struct HealthWatch {
    pub(crate) owner: Weak<dyn Owner>,
    /// The number of the connection.
    pub(crate) number: u64,
    pub(crate) link: Arc<Link>,
    /// The name of the service to check.
    pub(crate) service: Arc<str>,
    pub(crate) authority: Header,
    pub(crate) backoff: BackoffConfig,
}

impl HealthWatch {
    /// Reports the server's health to the channel. Runs until the connection ends, which aborts this task.
    pub(crate) async fn run(self) {
        let mut backoff = Backoff::default();
        loop {
            let began = Instant::now();
            let (was_told, status) = self.watch().await;
            if status.code() == Code::Unimplemented {
                log::no_health_service(&self.authority);
                return self.tell(Health::Serving);
            }
            self.tell(Health::Failing(Status::unavailable(format!(
                "the health of the server is not known: {status}"
            ))));
            if was_told {
                backoff.reset();
            }
            // Count the back-off from the beginning of the call. So a call that lasted long is repeated at once, and a server
            // that ends each call at once is not called without end.
            let wait = backoff.next(self.backoff, jitter());
            sleep(wait.saturating_sub(began.elapsed())).await;
        }
    }

    /// Makes one call. Returns whether the server has sent a response, and the status of the call.
    async fn watch(&self) -> (bool, Status) {
        let mut was_told = false;
        let ended = async {
            let mut inbox = self.call()?;
            while let Some(message) = poll_fn(|context| inbox.poll_message(context)).await? {
                was_told = true;
                // The message's only field is an enum with the number 1.
                self.tell(self.health(inbox.read(message, Prost::decode)?));
            }
            Ok(())
        };
        let ended: Result<()> = ended.await;
        let status = ended.err();
        (
            was_told,
            status.unwrap_or_else(|| Status::unavailable("the server ended the watch")),
        )
    }

    /// Starts the call.
    fn call(&self) -> Result<Inbox> {
        let exchange = Arc::new(Exchange::new(CallDetails {
            is_probe: true,
            limits: MessageLimits::new(
                usize::MAX,
                crate::base::framing::MAX_RECEIVE_MESSAGE_LENGTH,
            ),
            ..CallDetails::new(WATCH.clone(), Metadata::new(), Peer::unknown())
        }));
        // The message's only field is a string with the number 1.
        let mut packer = Packer::new(usize::MAX);
        let mut request = String::from(&*self.service);
        let request = Typed::<_, Prost>::new(&mut request);
        if packer.push(&request, Compression::Identity) == Packed::Failed {
            return Err(packer.failure());
        }
        exchange.write_request(packer.flush().unwrap_or_default(), true);
        let ongoing = Ongoing::alone(Arc::clone(&exchange));
        exchange.attach(0, Arc::clone(&self.link));
        self.link
            .submit(exchange)
            .map_err(|_| Status::unavailable("the connection takes no more calls"))?;
        Ok(Inbox::new(ongoing, false))
    }

    fn health(&self, status: i32) -> Health {
        match status {
            SERVING => Health::Serving,
            _ => Health::Failing(Status::unavailable(format!(
                "the server says that {:?} is not SERVING but {}",
                self.service,
                name(status)
            ))),
        }
    }

    fn tell(&self, health: Health) {
        if let Some(owner) = self.owner.upgrade() {
            owner.hear(self.number, ConnectionNews::Health(health));
        }
    }
}

/// Returns the name of a `ServingStatus` other than SERVING.
fn name(status: i32) -> &'static str {
    match status {
        2 => "NOT_SERVING",
        3 => "SERVICE_UNKNOWN",
        _ => "UNKNOWN",
    }
}

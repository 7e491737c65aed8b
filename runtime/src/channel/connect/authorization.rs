//! Asking call credentials for metadata, once a call has a connection.

use std::sync::{Arc, Weak};

use tokio::time::{Instant, timeout_at};

use super::owner::Owner;
use crate::base::{Chunks, Outcome};
use crate::call::credentials::{AuthMetadataContext, Authorizer};
use crate::call::{Exchange, Link, unless_over};
use crate::{Metadata, Status};

/// A call with a connection, whose credentials are being asked in a task of its own. When they have returned their metadata,
/// the call returns to the connection. Each attempt at a call asks again.
pub(crate) struct PendingCredentials {
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) channel: Weak<dyn Owner>,
    pub(crate) link: Arc<Link>,
}

/// Returns the status of a call with credentials over an unencrypted channel.
pub(crate) fn unprotected() -> Status {
    Status::unauthenticated(
        "the call has credentials, which are not sent where others can read them: the channel has to be over TLS \
         (ChannelCredentials::tls) or, to a server on this machine, local (ChannelCredentials::local)",
    )
}

impl PendingCredentials {
    pub(crate) async fn run(self, credentials: Authorizer, context: AuthMetadataContext) {
        let asked = unless_over(&self.exchange, credentials.ask(context));
        let granted = match self.exchange.details().deadline {
            Some(deadline) => timeout_at(Instant::from_std(deadline), asked)
                .await
                .unwrap_or_else(|_| {
                    Some(Err(Status::deadline_exceeded(
                        "the deadline of the call passed while its credentials were asked",
                    )))
                }),
            None => asked.await,
        };
        match granted {
            Some(Ok(metadata)) => self.go_on(metadata),
            Some(Err(status)) => self.fail(status),
            // The caller has cancelled the call.
            None => {}
        }
    }

    fn go_on(self, metadata: Metadata) {
        self.exchange.grant(metadata);
        let Err(exchange) = self.link.submit(self.exchange) else {
            return;
        };
        match self.channel.upgrade() {
            Some(channel) => channel.take_back(exchange),
            None => exchange.conclude(Outcome::local(Status::unavailable(
                "the connection was closed while the credentials of the call were asked",
            ))),
        }
    }

    /// Ends the attempt. Nothing has been sent, so a retry policy may try again.
    fn fail(self, status: Status) {
        let outcome = Outcome::local(status);
        self.exchange
            .end_attempt(outcome, || Some(Chunks::default()));
    }
}

//! What a connection knows of its channel.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::Status;
use crate::base::Outcome;
use crate::call::retry_buffer::Budget;
use crate::call::{Exchange, Link, Peer};
use crate::channel::balance::outliers::Tally;
use crate::channel::connect::address::Address;
use crate::channel::connect::owner::{Loss, Owner};
use crate::http2::Reason;

/// What servers say in GOAWAY to a client that pings too often (gRFC A8).
const TOO_MANY_PINGS: &[u8] = b"too_many_pings";

/// What a connection knows of its channel, and what it tells it.
pub(crate) struct Origin {
    /// Where calls come from, and go back to when the peer has not seen them.
    pub(crate) channel: Weak<dyn Owner>,
    /// By which the channel knows the connection.
    pub(crate) attempt: u64,
    /// Where the connection leads.
    pub(crate) address: Address,
    /// The other end of the connection.
    pub(crate) peer: Peer,
    /// What may be kept of requests.
    pub(crate) budget: Arc<Budget>,
    /// Where is counted how calls end, if that is of interest.
    pub(crate) tally: Option<Arc<Tally>>,
}

impl Origin {
    /// Tells the channel that calls can go out on this connection.
    pub(crate) fn connected(&self, link: &Arc<Link>) {
        if let Some(channel) = self.channel.upgrade() {
            channel.connected(self.attempt, self.address.clone(), Arc::clone(link));
        }
    }

    /// Tells the channel that this connection takes no more calls, and why.
    pub(crate) fn lost(&self, loss: Loss) {
        if let Some(channel) = self.channel.upgrade() {
            channel.lost(self.attempt, loss);
        }
    }

    /// Tells the channel that this connection has had no calls for so long that it closes.
    pub(crate) fn unused(&self) {
        if let Some(channel) = self.channel.upgrade() {
            channel.unused(self.attempt);
        }
    }

    /// Tells the channel that calls which found no room on this connection may be sent now.
    pub(crate) fn has_room(&self) {
        if let Some(channel) = self.channel.upgrade() {
            channel.has_room();
        }
    }

    /// Tells the channel what the peer said when it went away, if that is of interest for later connections. This one has
    /// pinged after so much silence.
    pub(crate) fn went_away(&self, reason: Reason, debug: &[u8], keepalive: Option<Duration>) {
        if reason == Reason::ENHANCE_YOUR_CALM && debug == TOO_MANY_PINGS {
            if let Some(channel) = self.channel.upgrade() {
                channel.ping_less(keepalive);
            }
        }
    }

    /// Takes note of how a call has ended that its caller has not given up.
    pub(crate) fn count(&self, exchange: &Exchange, is_good: bool) {
        if let Some(tally) = &self.tally {
            if !exchange.details().is_probe {
                tally.count(is_good);
            }
        }
    }

    /// Gives a call back to the channel, which finds it another connection, unless it is about this one.
    pub(crate) fn hand_back(&self, exchange: Arc<Exchange>) {
        let is_probe = exchange.details().is_probe;
        match self.channel.upgrade() {
            Some(channel) if !is_probe => channel.take_back(exchange),
            _ => exchange.conclude(Outcome::local(Status::unavailable(
                "the connection was closed before the call was sent",
            ))),
        }
    }
}

//! A connection's link to its channel.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::Status;
use crate::base::Outcome;
use crate::call::retry_buffer::Budget;
use crate::call::{Exchange, Peer};
use crate::channel::connect::owner::{ConnectionNews, Owner};
use crate::channel::resolve::address::Address;
use crate::http2::Reason;

/// The text of the GOAWAY that servers send to clients that ping too often (gRFC A8).
const TOO_MANY_PINGS: &[u8] = b"too_many_pings";

/// A connection's link to its channel.
pub(crate) struct Origin {
    /// The channel. Calls that the peer has not processed return to it.
    pub(crate) channel: Weak<dyn Owner>,
    /// The number by which the channel knows the connection.
    pub(crate) attempt: u64,
    /// The server's address.
    pub(crate) address: Address,
    /// The other end of the connection.
    pub(crate) peer: Peer,
    /// The limits of retry buffers.
    pub(crate) budget: Arc<Budget>,
}

impl Origin {
    /// Tells the channel of an event.
    pub(crate) fn tell(&self, news: ConnectionNews) {
        if let Some(channel) = self.channel.upgrade() {
            channel.hear(self.attempt, news);
        }
    }

    /// Tells the channel that this connection has room for calls again.
    pub(crate) fn has_room(&self) {
        if let Some(channel) = self.channel.upgrade() {
            channel.has_room();
        }
    }

    /// Tells the channel when the peer has closed the connection because it pinged too often. `keepalive` is the silence after which
    /// this connection has pinged.
    pub(crate) fn went_away(&self, reason: Reason, debug: &[u8], keepalive: Option<Duration>) {
        if reason == Reason::ENHANCE_YOUR_CALM && debug == TOO_MANY_PINGS {
            if let Some(channel) = self.channel.upgrade() {
                channel.ping_less(keepalive);
            }
        }
    }

    /// Returns a call to the channel, which finds another connection for it. A health check of this connection ends
    /// instead.
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

//! The transport to servers: the connections of a channel.

use std::fmt;
use std::sync::Arc;

use super::connect::authorization::unprotected;
use super::connectivity::{ChannelConnectivity, ConnectivityChanges};
use super::core::ChannelCore;
use super::options::ChannelOptions;
use super::resolve::target::Target;
use super::transport::Transport;
use crate::base::Outcome;
use crate::base::header::Header;
use crate::call::{CallDetails, Exchange};

/// Connections to the servers of a target.
pub(crate) struct Pool(Arc<ChannelCore>);

impl Pool {
    pub(crate) fn new(target: Target, options: ChannelOptions) -> Pool {
        Pool(ChannelCore::new(target, options))
    }
}

impl Transport for Pool {
    fn prepare(&self, _call: &mut CallDetails) {}

    fn start(&self, exchange: Arc<Exchange>) {
        if exchange.details().credentials.is_some() && !self.0.target().is_private() {
            return exchange.conclude(Outcome::local(unprotected()));
        }
        self.0.start(exchange);
    }

    fn authority(&self) -> Option<Header> {
        Some(self.0.authority())
    }

    fn asks_credentials(&self) -> bool {
        true
    }

    fn state(&self, try_to_connect: bool) -> ChannelConnectivity {
        self.0.state(try_to_connect)
    }

    fn subscribe(&self) -> ConnectivityChanges {
        self.0.subscribe()
    }

    fn reset_connect_backoff(&self) {
        self.0.reset_backoff();
    }

    fn close(&self) {
        self.0.close();
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

//! What the peer has to do in time.

use std::time::Instant;

use super::{Connection, Greeting};
use crate::http2::config::Config;
use crate::http2::error::{ConnectionError, Reason};

/// When the peer has to have done what it owes us.
#[derive(Debug)]
pub(super) struct Timers {
    /// The peer's preface and SETTINGS.
    pub handshake: Option<Instant>,
    /// The acknowledgement of our SETTINGS.
    pub settings: Option<Instant>,
    /// The rest of a header block, or of a frame.
    pub header: Option<Instant>,
}

impl Timers {
    pub(super) fn new(config: &Config, now: Instant) -> Timers {
        Timers {
            handshake: now.checked_add(config.handshake_timeout),
            settings: now.checked_add(config.settings_timeout),
            header: None,
        }
    }

    pub(super) fn stop(&mut self) {
        self.handshake = None;
        self.settings = None;
        self.header = None;
    }
}

impl Connection {
    /// When `handle_timeout` wants to be called.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        let timers = &self.timers;
        let look_at = self.holdings.look_at;
        [timers.handshake, timers.settings, timers.header, look_at]
            .into_iter()
            .flatten()
            .min()
    }

    /// Ends the connection if the peer was too slow, or the calls that others wait for. Nothing happens if it is called too early.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Result<(), ConnectionError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let is_due = |timer: Option<Instant>| timer.is_some_and(|due| due <= now);
        let error = if is_due(self.timers.handshake) {
            ConnectionError::silence(Reason::PROTOCOL_ERROR, "handshake_timeout")
        } else if is_due(self.timers.header) {
            ConnectionError::silence(Reason::ENHANCE_YOUR_CALM, "header_timeout")
        } else if is_due(self.timers.settings) {
            ConnectionError::silence(Reason::SETTINGS_TIMEOUT, "settings_timeout")
        } else if is_due(self.holdings.look_at) {
            return self.end_stalled(now).map_err(|error| self.fail(error));
        } else {
            return Ok(());
        };
        Err(self.fail(error))
    }

    /// The peer's preface has moved on.
    pub(super) fn greeted(&mut self, greeting: Greeting) {
        self.greeting = greeting;
        if greeting == Greeting::Done {
            self.timers.handshake = None;
        }
    }

    /// Something that has to be finished soon has begun.
    pub(super) fn start_header_timer(&mut self, now: Instant) {
        self.timers.header = now.checked_add(self.config.header_timeout);
    }
}

//! Timeouts of a connection, for a peer that is too slow.

use std::time::Instant;

use super::{Connection, Greeting};
use crate::base::earliest;
use crate::http2::error::{ConnectionError, Reason};

impl Connection {
    /// Returns the time at which `handle_timeout` should be called.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        let timers = &self.timers;
        let next_check = self.holdings.next_check;
        earliest([timers.handshake, timers.settings, timers.header, next_check])
    }

    /// Ends the connection if the peer was too slow, and ends stalled calls that others wait for. Calling it too early does
    /// nothing.
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
        } else if is_due(self.holdings.next_check) {
            return self.end_stalled(now).map_err(|error| self.fail(error));
        } else {
            return Ok(());
        };
        Err(self.fail(error))
    }

    /// Advances the state of the peer's preface.
    pub(super) fn greeted(&mut self, greeting: Greeting) {
        self.greeting = greeting;
        if greeting == Greeting::Done {
            self.timers.handshake = None;
        }
    }

    /// Starts the timer for the completion of a header block or a frame.
    pub(super) fn start_header_timer(&mut self, now: Instant) {
        self.timers.header = now.checked_add(self.config.header_timeout);
    }
}

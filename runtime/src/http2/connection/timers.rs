//! The timeouts of a connection.

use std::time::Instant;

use crate::http2::config::Config;

/// The deadlines for the peer's next steps.
#[derive(Debug)]
pub(super) struct Timers {
    /// The time by which the peer must have sent its preface and SETTINGS.
    pub handshake: Option<Instant>,
    /// The time by which the peer must have acknowledged this side's SETTINGS.
    pub settings: Option<Instant>,
    /// The time by which the peer must have completed a header block or a frame.
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

//! The errors that end streams and connections.

use std::fmt;

/// An error code of RST_STREAM or GOAWAY (RFC 9113, 7). Undefined codes are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reason(u32);

impl Reason {
    pub(crate) const NO_ERROR: Reason = Reason(0x0);
    pub(crate) const PROTOCOL_ERROR: Reason = Reason(0x1);
    pub(crate) const INTERNAL_ERROR: Reason = Reason(0x2);
    pub(crate) const FLOW_CONTROL_ERROR: Reason = Reason(0x3);
    pub(crate) const SETTINGS_TIMEOUT: Reason = Reason(0x4);
    pub(crate) const STREAM_CLOSED: Reason = Reason(0x5);
    pub(crate) const FRAME_SIZE_ERROR: Reason = Reason(0x6);
    pub(crate) const REFUSED_STREAM: Reason = Reason(0x7);
    pub(crate) const CANCEL: Reason = Reason(0x8);
    pub(crate) const COMPRESSION_ERROR: Reason = Reason(0x9);
    pub(crate) const CONNECT_ERROR: Reason = Reason(0xa);
    pub(crate) const ENHANCE_YOUR_CALM: Reason = Reason(0xb);
    pub(crate) const INADEQUATE_SECURITY: Reason = Reason(0xc);
    pub(crate) const HTTP_1_1_REQUIRED: Reason = Reason(0xd);

    pub(crate) const fn from_code(code: u32) -> Reason {
        Reason(code)
    }

    pub(crate) const fn code(self) -> u32 {
        self.0
    }

    fn name(self) -> Option<&'static str> {
        Some(match self {
            Reason::NO_ERROR => "NO_ERROR",
            Reason::PROTOCOL_ERROR => "PROTOCOL_ERROR",
            Reason::INTERNAL_ERROR => "INTERNAL_ERROR",
            Reason::FLOW_CONTROL_ERROR => "FLOW_CONTROL_ERROR",
            Reason::SETTINGS_TIMEOUT => "SETTINGS_TIMEOUT",
            Reason::STREAM_CLOSED => "STREAM_CLOSED",
            Reason::FRAME_SIZE_ERROR => "FRAME_SIZE_ERROR",
            Reason::REFUSED_STREAM => "REFUSED_STREAM",
            Reason::CANCEL => "CANCEL",
            Reason::COMPRESSION_ERROR => "COMPRESSION_ERROR",
            Reason::CONNECT_ERROR => "CONNECT_ERROR",
            Reason::ENHANCE_YOUR_CALM => "ENHANCE_YOUR_CALM",
            Reason::INADEQUATE_SECURITY => "INADEQUATE_SECURITY",
            Reason::HTTP_1_1_REQUIRED => "HTTP_1_1_REQUIRED",
            _ => return None,
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "error code {:#x}", self.0),
        }
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The error that ended a connection because of the peer's behavior. The output contains a GOAWAY with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ConnectionError {
    pub reason: Reason,
    pub fault: Fault,
    /// The violated rule or limit, in words. It is also the debug text of the GOAWAY.
    pub rule: &'static str,
}

/// The kind of fault that ended a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// The peer violated the protocol.
    Violation,
    /// The peer followed the protocol, but exceeded a limit of this side.
    Abuse,
    /// The peer did not respond or finish in time.
    Silence,
}

impl ConnectionError {
    pub(super) const fn violation(reason: Reason, rule: &'static str) -> ConnectionError {
        ConnectionError {
            reason,
            fault: Fault::Violation,
            rule,
        }
    }

    /// Creates a PROTOCOL_ERROR, the most common violation.
    pub(super) const fn protocol(rule: &'static str) -> ConnectionError {
        ConnectionError::violation(Reason::PROTOCOL_ERROR, rule)
    }

    /// Creates the error of a frame with an invalid length.
    pub(super) const fn frame_size(rule: &'static str) -> ConnectionError {
        ConnectionError::violation(Reason::FRAME_SIZE_ERROR, rule)
    }

    pub(super) const fn abuse(rule: &'static str) -> ConnectionError {
        ConnectionError {
            reason: Reason::ENHANCE_YOUR_CALM,
            fault: Fault::Abuse,
            rule,
        }
    }

    pub(super) const fn silence(reason: Reason, rule: &'static str) -> ConnectionError {
        ConnectionError {
            reason,
            fault: Fault::Silence,
            rule,
        }
    }
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fault = match self.fault {
            Fault::Violation => "the peer violated HTTP/2",
            Fault::Abuse => "the peer exceeded a limit",
            Fault::Silence => "the peer was too slow",
        };
        write!(f, "{fault}: {} ({})", self.rule, self.reason)
    }
}

impl std::error::Error for ConnectionError {}

/// The reason why a client cannot open a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OpenError {
    /// The server's limit of open streams is reached. [`Event::CanOpen`](super::Event::CanOpen) reports when there is room again.
    TooManyStreams,
    /// One side has sent GOAWAY, or the connection has failed. Another connection is needed.
    GoingAway,
    /// All 2^30 stream ids are used up. Another connection is needed.
    Exhausted,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OpenError::TooManyStreams => "the server's limit of open streams is reached",
            OpenError::GoingAway => "the connection is going away",
            OpenError::Exhausted => "the connection has used up its stream ids",
        })
    }
}

impl std::error::Error for OpenError {}

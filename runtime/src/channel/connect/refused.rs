//! Calls with an HTTP answer that is not gRPC's, while the text of the answer is read.

use std::time::{Duration, Instant};

use crate::Status;
use crate::base::response;
use crate::channel::connect::connection::OpenCall;
use crate::http2::{StreamId, StreamMap};

/// The maximum number of bytes that are read of a text.
const LONGEST: usize = 1024;

/// The maximum time to wait for a text.
const PATIENCE: Duration = Duration::from_secs(1);

/// Calls that were answered with an HTTP error or another content type, for example by a proxy. The body explains more than the status,
/// so its beginning goes into the message of the call's status.
#[derive(Default)]
pub(crate) struct RefusedCalls(StreamMap<Refused>);

/// A call with an HTTP answer that is not gRPC's.
pub(crate) struct Refused {
    pub(crate) call: OpenCall,
    /// The time at which the call ends, even if the text is incomplete.
    pub(crate) until: Instant,
    status: Status,
    text: Vec<u8>,
}

impl RefusedCalls {
    /// Adds a call that ends with this status once its text has come. Returns the time at which it ends without the text.
    pub(crate) fn add(
        &mut self,
        stream: StreamId,
        call: OpenCall,
        status: Status,
        now: Instant,
    ) -> Instant {
        let patience = now + PATIENCE;
        let deadline = call.exchange.details().deadline;
        let until = deadline.map_or(patience, |deadline| deadline.min(patience));
        let refused = Refused {
            call,
            until,
            status,
            text: Vec::new(),
        };
        self.0.insert(stream, refused);
        until
    }

    /// Adds a part of a text. Returns whether the text has its maximum length, so that no more of it is needed. Returns `false`
    /// if the stream has no refused call.
    pub(crate) fn receive(&mut self, stream: StreamId, data: &[u8]) -> bool {
        let Some(refused) = self.0.get_mut(&stream) else {
            return false;
        };
        let room = LONGEST - refused.text.len();
        refused.text.extend(data.iter().take(room));
        refused.text.len() == LONGEST
    }

    pub(crate) fn contains(&self, stream: StreamId) -> bool {
        self.0.contains_key(&stream)
    }

    pub(crate) fn remove(&mut self, stream: StreamId) -> Option<Refused> {
        self.0.remove(&stream)
    }

    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = Refused> + use<> {
        std::mem::take(&mut self.0).into_values()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Refused {
    /// Returns the status of the call, with the text that has come so far.
    pub(crate) fn status(&self) -> Status {
        let text = response::text(&self.text);
        let text = text.trim();
        if text.is_empty() {
            return self.status.clone();
        }
        Status::new(
            self.status.code(),
            format!("{}: {text:?}", self.status.message()),
        )
    }
}

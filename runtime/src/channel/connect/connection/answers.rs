//! The server's responses to calls.

use super::{ClientRole, OpenCall};
use crate::base::header::Header;
use crate::base::response::{check_head, check_metadata, has_text, no_status, oversized_metadata};
use crate::base::{Outcome, clock, wire};
use crate::channel::connect::owner::Carried;
use crate::http2::{Connection, Reason, ResponseHead, StreamId};
use crate::{Metadata, Status};

impl ClientRole {
    pub(crate) fn response(
        &mut self,
        engine: &mut Connection,
        stream: StreamId,
        head: ResponseHead,
        end: bool,
    ) {
        self.carried = Carried::Calls;
        let status = check_head(head.status, &head.fields, head.oversized);
        let is_text = status.is_some() && !head.oversized && has_text(&head.fields);
        let metadata = Metadata::from_fields(head.fields);
        if end {
            // A head that ends the stream also contains the trailers.
            let outcome = wire::outcome(metadata);
            let outcome =
                outcome.unwrap_or_else(|| Outcome::local(status.unwrap_or_else(no_status)));
            return self.conclude(engine, stream, outcome);
        }
        if let Some(status) = status {
            if is_text {
                return self.await_text(stream, status);
            }
            engine.reset(stream, Reason::CANCEL);
            return self.conclude(engine, stream, Outcome::local(status));
        }
        match check_metadata(&metadata) {
            Ok(compression) => {
                if let Some(call) = self.calls.get_mut(&stream) {
                    // The caller sees the response from here on, so the call cannot be retried.
                    call.kept.lose();
                    call.exchange.encoding.choose(compression);
                    call.exchange.deliver_head(metadata);
                }
            }
            Err(status) => {
                engine.reset(stream, Reason::CANCEL);
                self.conclude(engine, stream, Outcome::local(status));
            }
        }
    }

    pub(crate) fn trailers(
        &mut self,
        engine: &mut Connection,
        stream: StreamId,
        fields: Vec<Header>,
        oversized: bool,
    ) {
        self.carried = Carried::Calls;
        let outcome = wire::outcome(Metadata::from_fields(fields));
        if self.refused.contains(stream) {
            return self.end_refused(engine, stream, outcome);
        }
        let outcome = outcome.unwrap_or_else(|| {
            Outcome::local(if oversized {
                oversized_metadata()
            } else {
                no_status()
            })
        });
        self.conclude(engine, stream, outcome);
    }

    /// Keeps a call whose response is not gRPC until the text of the response has arrived.
    fn await_text(&mut self, stream: StreamId, status: Status) {
        if let Some(call) = self.remove(stream) {
            let until = self.refused.add(stream, call, status, clock::now());
            self.deadlines.insert(until, stream);
        }
    }

    /// Ends a call whose response is not gRPC. `said` is the status in the trailers. If it is `None`, the status has the text
    /// that has arrived.
    pub(crate) fn end_refused(
        &mut self,
        engine: &mut Connection,
        stream: StreamId,
        said: Option<Outcome>,
    ) {
        if let Some(refused) = self.refused.remove(stream) {
            self.deadlines.remove(refused.until, stream);
            engine.reset(stream, Reason::CANCEL);
            // The caller may have cancelled the call.
            if refused.call.exchange.outcome().is_none() {
                let outcome = said.unwrap_or_else(|| Outcome::local(refused.status()));
                self.finish(refused.call, outcome);
            }
        }
    }

    /// Ends a call on this connection. A retry policy may send the call again, over any connection.
    pub(crate) fn conclude(&mut self, engine: &mut Connection, stream: StreamId, outcome: Outcome) {
        if let Some(call) = self.remove(stream) {
            if !call.sent {
                // The request is incomplete, so stop the stream. A retry may send the request elsewhere.
                engine.reset(stream, Reason::CANCEL);
            }
            self.finish(call, outcome);
        }
    }

    pub(crate) fn finish(&self, mut call: OpenCall, outcome: Outcome) {
        if let Some(listening) = call.listening.take() {
            listening.ended(&outcome);
        }
        call.exchange.end_attempt(outcome, || call.kept.take());
    }
}

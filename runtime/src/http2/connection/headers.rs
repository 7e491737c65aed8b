//! Header blocks: assembled from frames, decoded, and reported as requests, responses and trailers.

use std::borrow::Cow;
use std::time::Instant;

use super::Connection;
use super::head::Head;
use crate::http2::budget::WHOLE;
use crate::http2::error::{ConnectionError, Reason};
use crate::http2::event::Event;
use crate::http2::frame::{self, FrameHeader, flag};
use crate::http2::hpack::{DecodeError, Table};
use crate::http2::stream::{Progress, Stream};
use crate::http2::{Role, StreamId};

/// A header block that has not ended.
#[derive(Debug)]
pub(super) struct OpenBlock {
    pub stream: StreamId,
    end: bool,
    bytes: Vec<u8>,
    continuations: u32,
}

impl Connection {
    pub(super) fn receive_headers(
        &mut self,
        header: &FrameHeader,
        payload: &[u8],
        now: Instant,
    ) -> Result<(), ConnectionError> {
        // Even ids belong to servers. This crate's servers don't open streams, and a peer needs PUSH_PROMISE for that.
        if header.stream % 2 == 0 {
            return Err(ConnectionError::protocol(
                "HEADERS on a stream that no client can open (RFC 9113, 5.1.1)",
            ));
        }
        if self.role == Role::Client && self.is_idle(header.stream) {
            return Err(ConnectionError::protocol(
                "HEADERS on an idle stream (RFC 9113, 5.1)",
            ));
        }
        let fragment = frame::fragment(header, payload)?;
        self.check_block_size(fragment.len())?;
        let end = header.has(flag::END_STREAM);
        if header.has(flag::END_HEADERS) {
            return self.receive_block(header.stream, end, fragment, now);
        }
        self.start_header_timer(now);
        self.block = Some(OpenBlock {
            stream: header.stream,
            end,
            bytes: fragment.to_vec(),
            continuations: 0,
        });
        Ok(())
    }

    pub(super) fn receive_continuation(
        &mut self,
        header: &FrameHeader,
        payload: &[u8],
        now: Instant,
    ) -> Result<(), ConnectionError> {
        let Some(mut block) = self.block.take() else {
            return Ok(());
        };
        block.continuations += 1;
        if block.continuations > self.config.max_continuations {
            return Err(ConnectionError::abuse("too_many_continuations"));
        }
        self.check_block_size(block.bytes.len() + payload.len())?;
        block.bytes.extend_from_slice(payload);
        if header.has(flag::END_HEADERS) {
            self.timers.header = None;
            return self.receive_block(block.stream, block.end, &block.bytes, now);
        }
        self.block = Some(block);
        if payload.is_empty() {
            self.ledger.charge(WHOLE, "too_many_empty_frames", now)?;
        }
        Ok(())
    }

    fn check_block_size(&self, bytes: usize) -> Result<(), ConnectionError> {
        if bytes > self.config.max_header_block {
            return Err(ConnectionError::abuse("header_block_too_large"));
        }
        Ok(())
    }

    /// Handles a complete block. HPACK must decode every block, even for a closed stream (RFC 9113, 4.3).
    fn receive_block(
        &mut self,
        id: StreamId,
        end: bool,
        block: &[u8],
        now: Instant,
    ) -> Result<(), ConnectionError> {
        // A new stream needs no look-up in the table.
        if self.role == Role::Server && self.is_idle(id) {
            return self.receive_request(id, end, block, now);
        }
        if let Some(stream) = self.streams.get(&id) {
            return if self.role == Role::Client && stream.receiving == Progress::Head {
                self.receive_response(id, end, block, now)
            } else {
                self.receive_trailers(id, end, block, now)
            };
        }
        self.decode_head(block, |_| ())?;
        if self.is_beyond_last(id) || self.history.was_reset(id) {
            self.ledger.charge_late(now)
        } else if self.history.was_skipped(id) {
            Err(ConnectionError::protocol(
                "a stream id lower than the one before (RFC 9113, 5.1.1)",
            ))
        } else {
            Err(ConnectionError::violation(
                Reason::STREAM_CLOSED,
                "HEADERS on a closed stream (RFC 9113, 5.1)",
            ))
        }
    }

    /// Decodes a block, and returns what `read` makes of it. A block that is remembered is lent, so that only the parts that `read`
    /// needs are copied.
    fn decode_head<T>(
        &mut self,
        block: &[u8],
        read: impl FnOnce(Cow<'_, Head>) -> T,
    ) -> Result<T, ConnectionError> {
        match self.repeats.look_up(block) {
            Some(head) => Ok(read(Cow::Borrowed(head))),
            None => Ok(read(Cow::Owned(self.decode_new_head(block)?))),
        }
    }

    fn decode_new_head(&mut self, block: &[u8]) -> Result<Head, ConnectionError> {
        let mut head = Head::new(self.config.max_header_list_size);
        let most = self.config.most_of_a_header_list();
        let decoded = self.decoder.decode(block, |field| {
            head.add(field);
            head.size() <= most
        });
        let table = decoded.map_err(|error| match error {
            DecodeError::Stopped => ConnectionError::abuse("header_list_too_large"),
            _ => ConnectionError::violation(
                Reason::COMPRESSION_ERROR,
                "a header block that HPACK cannot decode (RFC 9113, 4.3)",
            ),
        })?;
        match table {
            Table::Kept => self.repeats.learn(block, &head),
            Table::Changed => self.repeats.forget(),
        }
        Ok(head)
    }

    fn receive_request(
        &mut self,
        id: StreamId,
        end: bool,
        block: &[u8],
        now: Instant,
    ) -> Result<(), ConnectionError> {
        let request = self.decode_head(block, Head::request)?;
        self.history.record_open(self.last_id, id);
        self.last_id = id;
        let window = self.initial.current();
        let most = self.config.receive_buffer_per_connection;
        // The connection has no room for the body that the window would allow.
        let has_no_room = !end && self.holdings.counted() + window as usize > most;
        if has_no_room || self.streams.len() >= self.config.max_concurrent_streams as usize {
            self.reply(|connection| {
                connection.write_reset(id, Reason::REFUSED_STREAM, window.into())
            })?;
            // A client that does not know the limit yet is not at fault.
            return if self.initial.is_acknowledged() {
                self.charge_reset(now)
            } else {
                Ok(())
            };
        }
        let (head, content_length) = match request {
            Ok(request) => request,
            Err(rule) => return self.stream_error(id, Reason::PROTOCOL_ERROR, rule, now),
        };
        let mut stream = Stream::new(self.peer.initial_window, window);
        stream.receiving = Progress::after_head(end);
        stream.expected = content_length;
        if !stream.expects(0, end) {
            let rule = "a request without the DATA that content-length announces (RFC 9113, 8.1.1)";
            return self.stream_error(id, Reason::PROTOCOL_ERROR, rule, now);
        }
        self.holdings.change(0, stream.most());
        self.streams.insert(id, stream);
        if !head.oversized {
            self.ledger.earn();
        }
        self.events.push_back(Event::Request {
            stream: id,
            head,
            end,
        });
        Ok(())
    }

    fn receive_response(
        &mut self,
        id: StreamId,
        end: bool,
        block: &[u8],
        now: Instant,
    ) -> Result<(), ConnectionError> {
        let (head, content_length) = match self.decode_head(block, Head::response)? {
            Ok(response) => response,
            Err(rule) => return self.stream_error(id, Reason::PROTOCOL_ERROR, rule, now),
        };
        if head.status < 200 {
            if end || head.status == 101 {
                let rule = "an interim response that ends, or switches protocols (RFC 9113, 8.1)";
                return self.stream_error(id, Reason::PROTOCOL_ERROR, rule, now);
            }
            return self.ledger.charge(WHOLE, "too_many_interim_responses", now);
        }
        let Some(stream) = self.streams.get_mut(&id) else {
            return Ok(());
        };
        let before = stream.most();
        stream.receiving = Progress::after_head(end);
        self.holdings.change(before, stream.most());
        stream.expected = content_length;
        if !stream.expects(0, end) {
            let rule =
                "a response without the DATA that content-length announces (RFC 9113, 8.1.1)";
            return self.stream_error(id, Reason::PROTOCOL_ERROR, rule, now);
        }
        let is_over = stream.is_over();
        self.ledger.earn();
        self.events.push_back(Event::Response {
            stream: id,
            head,
            end,
        });
        if is_over {
            self.finish(id);
        }
        Ok(())
    }

    fn receive_trailers(
        &mut self,
        id: StreamId,
        end: bool,
        block: &[u8],
        now: Instant,
    ) -> Result<(), ConnectionError> {
        let trailers = self.decode_head(block, Head::trailers)?;
        let Some(stream) = self.streams.get_mut(&id) else {
            return Ok(());
        };
        if stream.receiving == Progress::Ended {
            let rule = "HEADERS after END_STREAM (RFC 9113, 5.1)";
            return self.stream_error(id, Reason::STREAM_CLOSED, rule, now);
        }
        let trailers = match trailers {
            Ok(_) if !end => Err("trailers without END_STREAM (RFC 9113, 8.1)"),
            Ok(_) if !stream.expects(0, true) => {
                Err("less DATA than content-length announces (RFC 9113, 8.1.1)")
            }
            trailers => trailers,
        };
        let (fields, oversized) = match trailers {
            Ok(trailers) => trailers,
            Err(rule) => return self.stream_error(id, Reason::PROTOCOL_ERROR, rule, now),
        };
        let before = stream.most();
        stream.receiving = Progress::Ended;
        self.holdings.change(before, stream.most());
        let is_over = stream.is_over();
        self.events.push_back(Event::Trailers {
            stream: id,
            fields,
            oversized,
        });
        if is_over {
            self.finish(id);
        }
        Ok(())
    }
}

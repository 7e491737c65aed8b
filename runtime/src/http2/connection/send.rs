//! Data that the application sends. It is written at once if possible, and otherwise queued.

use std::borrow::Cow;

use bytes::Bytes;

use super::Connection;
use crate::base::header::Header;
use crate::http2::error::{OpenError, Reason};
use crate::http2::queue::Ending;
use crate::http2::schedule::Place;
use crate::http2::stream::{Progress, Stream};
use crate::http2::{MAX_STREAM_ID, Role, StreamId, frame};

impl Connection {
    /// Client: returns whether `open` would succeed.
    pub(crate) fn can_open(&self) -> bool {
        self.has_room() && !self.takes_no_streams()
    }

    /// Client: returns how many more streams may be opened.
    pub(crate) fn room(&self) -> usize {
        if self.role == Role::Server || self.takes_no_streams() {
            return 0;
        }
        (self.peer.max_concurrent_streams as usize).saturating_sub(self.streams.len())
    }

    /// Client: returns whether the server's limit allows one more stream.
    pub(super) fn has_room(&self) -> bool {
        self.role == Role::Client && self.streams.len() < self.peer.max_concurrent_streams as usize
    }

    /// Client: opens a stream with a request's head, pseudo-headers first. `end` tells whether the head ends the stream.
    pub(crate) fn open<'a>(
        &mut self,
        head: impl IntoIterator<Item = &'a Header>,
        end: bool,
    ) -> Result<StreamId, OpenError> {
        if self.next_id > MAX_STREAM_ID {
            return Err(OpenError::Exhausted);
        }
        if self.role == Role::Server || self.takes_no_streams() {
            return Err(OpenError::GoingAway);
        }
        if !self.has_room() {
            return Err(OpenError::TooManyStreams);
        }
        let id = self.next_id;
        self.next_id += 2;
        let mut stream = Stream::new(self.peer.initial_window, self.initial.of_ours());
        stream.sending = Progress::after_head(end);
        self.holdings.change(0, stream.most());
        if self.holdings.counted() > self.config.receive_buffer_per_connection / 2 {
            self.reduce();
        }
        self.streams.insert(id, stream);
        self.write_headers(id, head, end);
        Ok(id)
    }

    /// Server: sends a response's head, `:status` first. `end` tells whether the head ends the stream. Only the first head of a
    /// stream is sent.
    pub(crate) fn send_headers<'a>(
        &mut self,
        stream: StreamId,
        head: impl IntoIterator<Item = &'a Header>,
        end: bool,
    ) {
        let Some(state) = self.streams.get_mut(&stream) else {
            return;
        };
        if state.sending != Progress::Head {
            return;
        }
        state.sending = Progress::Body;
        self.write_headers(stream, head, end);
        if end {
            self.end_sent(stream);
        }
    }

    /// Sends DATA after the head. It is written at once if nothing is queued before it, the windows allow it, and the output is
    /// below its mark. Otherwise it is queued. Its length is not limited here; `send_capacity` returns the number of bytes that
    /// should be queued.
    pub(crate) fn send_data(&mut self, stream: StreamId, data: Bytes, end: bool) {
        let Some(state) = self.streams.get_mut(&stream) else {
            return;
        };
        if state.sending != Progress::Body || state.queue.has_end() || (data.is_empty() && !end) {
            return;
        }
        let length = data.len();
        let allowed = self
            .send_window
            .available()
            .min(state.send_window.available())
            .min(self.config.send_frame_size)
            .min(self.peer.max_frame_size);
        let has_way = state.queue.is_empty() && self.schedule.is_idle();
        if has_way && length <= allowed && self.output.len() < self.config.output_mark {
            self.send_window.take(length);
            state.send_window.take(length);
            self.ping_strikes.forget();
            self.ledger.expect_updates(length);
            frame::write_data_header(stream, length, end, self.output.tail());
            self.output.push(data);
            if end {
                self.end_sent(stream);
            }
            return;
        }
        let place = if state.queue.is_empty() && length <= self.config.send_frame_size {
            Place::Short
        } else {
            Place::Long
        };
        state.queue.push(data);
        self.queued += length;
        if end {
            state.queue.end(Ending::Data);
        }
        self.schedule_stream(stream, place);
    }

    /// Returns the maximum size of a header list that the peer accepts, as [`Header::size`] counts it (RFC 9113, 6.5.2). It is
    /// advisory and not enforced here.
    pub(crate) fn peer_header_limit(&self) -> usize {
        self.peer.max_header_list_size
    }

    /// Sends trailers after all DATA of the stream, and ends it. A response must have a head before.
    pub(crate) fn send_trailers(
        &mut self,
        stream: StreamId,
        trailers: impl Into<Cow<'static, [Header]>>,
    ) {
        let trailers = trailers.into();
        let Some(state) = self.streams.get_mut(&stream) else {
            return;
        };
        if state.sending != Progress::Body || state.queue.has_end() {
            return;
        }
        if state.queue.is_empty() {
            self.write_headers(stream, &*trailers, true);
            self.end_sent(stream);
        } else {
            state.queue.end(Ending::Trailers(trailers));
            self.schedule_stream(stream, Place::Long);
        }
    }

    /// Resets a stream. Its queued data is dropped, and frames that the peer still sends on it are ignored.
    pub(crate) fn reset(&mut self, stream: StreamId, reason: Reason) {
        if let Some(state) = self.remove(stream) {
            let window = state.window_left();
            self.write_reset(stream, reason, window);
        }
    }

    /// Returns the number of bytes of DATA that a stream's queue accepts now. After it has returned 0 for a stream,
    /// `Event::Writable` follows once there is room. It also returns 0 for unknown streams.
    pub(crate) fn send_capacity(&mut self, stream: StreamId) -> usize {
        let share = self.send_share();
        let Some(state) = self.streams.get_mut(&stream) else {
            return 0;
        };
        let capacity = share.saturating_sub(state.queue.bytes());
        state.queue.full |= capacity == 0;
        capacity
    }

    /// Requests an `Event::Writable` for a stream that is sending, even if its queue has room.
    pub(crate) fn await_room(&mut self, stream: StreamId) {
        if let Some(state) = self.streams.get_mut(&stream) {
            state.queue.full |= !state.queue.is_empty();
        }
    }

    /// Returns whether the streams together have reached their limit of queued bytes.
    pub(crate) fn is_crowded(&self) -> bool {
        self.queued >= self.config.send_buffer_per_connection
    }

    /// Returns the number of bytes that each stream may queue. It is at least one frame, so that no stream that can send waits
    /// for one that cannot.
    pub(super) fn send_share(&self) -> usize {
        let limit = self.config.send_buffer_per_stream;
        if self.is_crowded() {
            limit.min(self.config.send_frame_size)
        } else {
            limit
        }
    }

    /// Returns whether a stream has queued data, which is held back by its window, by other streams or by the socket.
    pub(crate) fn is_sending(&self, stream: StreamId) -> bool {
        self.streams
            .get(&stream)
            .is_some_and(|stream| !stream.queue.is_empty())
    }

    /// Sends a ping with this payload. `Event::Pong` reports the response.
    pub(crate) fn ping(&mut self, payload: [u8; 8]) {
        if self.failed.is_none() {
            self.pings = self.pings.saturating_add(1);
            frame::write_ping(payload, false, self.output.tail());
        }
    }

    pub(super) fn write_headers<'a>(
        &mut self,
        stream: StreamId,
        fields: impl IntoIterator<Item = &'a Header>,
        end: bool,
    ) {
        let encoder = &mut self.encoder;
        let max_frame = self.peer.max_frame_size;
        self.ping_strikes.forget();
        frame::write_headers(stream, end, max_frame, self.output.tail(), |out| {
            encoder.encode(fields, out);
        });
    }

    /// Notes that END_STREAM was written to the output.
    pub(super) fn end_sent(&mut self, id: StreamId) {
        if self.role == Role::Client {
            let Some(stream) = self.streams.get_mut(&id) else {
                return;
            };
            stream.sending = Progress::Ended;
            if stream.is_over() {
                self.finish(id);
            }
            return;
        }
        let Some(stream) = self.remove(id) else {
            return;
        };
        if stream.receiving == Progress::Ended {
            self.ledger.earn_resets();
        } else {
            // The rest of the request is not needed (RFC 9113, 8.1).
            let window = stream.window_left();
            self.write_reset(id, Reason::NO_ERROR, window);
        }
    }

    /// Sets the id of the next stream.
    #[cfg(test)]
    pub(in crate::http2) fn skip_to(&mut self, id: StreamId) {
        self.next_id = id;
    }
}

//! The transfer of queued DATA to the output, one frame of each stream in turn.

use super::Connection;
use crate::http2::event::Event;
use crate::http2::output::Output;
use crate::http2::queue::SendQueue;
use crate::http2::schedule::Place;
use crate::http2::{StreamId, frame};

impl Connection {
    /// Moves queued DATA to the output, as far as the windows, the peer's frame size and the output's mark allow. Returns the
    /// output to be written. It may add `Event::Writable`s.
    pub(crate) fn transmit(&mut self) -> &mut Output {
        while self.output.len() < self.config.output_mark {
            let window_is_open = self.send_window.available() > 0;
            let Some((stream, place)) = self.schedule.next(window_is_open) else {
                break;
            };
            self.take_turn(stream, place);
        }
        &mut self.output
    }

    /// Schedules a stream that has something to send and whose own window is open.
    pub(super) fn schedule_stream(&mut self, id: StreamId, place: Place) {
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        let queue = &mut stream.queue;
        if queue.scheduled || queue.is_empty() {
            return;
        }
        if queue.bytes() == 0 || stream.send_window.available() > 0 {
            queue.scheduled = true;
            self.schedule.push(id, place);
        }
    }

    /// Sends one frame of a stream, and its trailers if that was the last one.
    fn take_turn(&mut self, id: StreamId, place: Place) {
        let share = self.send_share();
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        stream.queue.scheduled = false;
        let queued = stream.queue.bytes();
        let length = queued
            .min(self.config.send_frame_size)
            .min(self.peer.max_frame_size)
            .min(stream.send_window.available())
            .min(self.send_window.available());
        if queued > 0 && length == 0 {
            if stream.send_window.available() > 0 {
                stream.queue.scheduled = true;
                self.schedule.block(id, place);
            }
            return;
        }
        let is_last = length == queued;
        let end = is_last && stream.queue.ends_with_data();
        if length > 0 || end {
            stream.send_window.take(length);
            self.send_window.take(length);
            self.ping_strikes.forget();
            self.ledger.expect_updates(length);
            frame::write_data_header(id, length, end, self.output.tail());
            let output = &mut self.output;
            stream.queue.pop(length, |piece| output.push(piece));
            self.queued -= length;
        }
        if stream.queue.full && queued - length <= share / 2 {
            stream.queue.full = false;
            self.events.push_back(Event::Writable { stream: id });
        }
        if end {
            // A client's stream stays in the table until the response has ended.
            stream.queue = SendQueue::default();
            self.end_sent(id);
        } else if !is_last {
            self.schedule_stream(id, Place::Long);
        } else if let Some(trailers) = stream.queue.take_trailers() {
            self.write_headers(id, &*trailers, true);
            self.end_sent(id);
        }
    }
}

//! Flow control of received DATA. Consumed bytes are returned to the windows. Windows are enlarged for large messages, and
//! reduced while many bytes are unread.
//!
//! The connection's window only limits how fast DATA may arrive. It is returned on arrival, so that unread calls take nothing
//! from the others. The amount of unread DATA is limited by the sum of the streams' windows, within
//! `Config::receive_buffer_per_connection`. New streams may use all of this limit. Messages that need a larger window may use
//! three quarters, and windows that grow because they are read quickly may use one half. So streams that are read leave room for
//! later ones.

use std::time::Instant;

use super::Connection;
use crate::http2::error::{ConnectionError, Reason};
use crate::http2::holdings::Grant;
use crate::http2::stream::{Progress, Stream};
use crate::http2::{Role, StreamId, frame, settings};

impl Connection {
    /// Releases `bytes` of `Event::Data` that the application has consumed. They are returned to the stream's window in batches
    /// of a quarter of it. The end of the stream releases all remaining bytes.
    pub(crate) fn release(&mut self, stream: StreamId, bytes: usize) {
        let Some(state) = self.streams.get_mut(&stream) else {
            return;
        };
        let before = state.most();
        let taken = u32::try_from(bytes)
            .unwrap_or(u32::MAX)
            .min(state.unreleased);
        state.unreleased -= taken;
        self.holdings.held -= taken as usize;
        if state.receiving == Progress::Ended && state.grant.is_none() {
            // The stream receives nothing more.
            self.holdings.change(before, state.most());
            return self.serve_waiting();
        }
        if taken > 0 {
            // The message is complete.
            state.awaited = 0;
            state.is_read = true;
        }
        self.give_back(stream, taken, before);
    }

    /// Returns consumed bytes to the stream's window. `before` is the maximum that the stream could hold until now.
    fn give_back(&mut self, stream: StreamId, taken: u32, before: usize) {
        let (size, room) = (self.wanted_stream_window(), self.room_to_grow());
        let usual = size.max(self.config.stream_window);
        let Some(state) = self.streams.get_mut(&stream) else {
            return;
        };
        let increment = state.give_back(taken, size, room);
        self.holdings.change(before, state.most());
        if state.window <= usual || state.receiving == Progress::Ended {
            self.holdings.end_grant(state.grant.take());
        }
        if let Some(increment) = increment {
            frame::write_window_update(stream, increment, self.output.tail());
        }
        self.serve_waiting();
    }

    /// Notes that the application needs `bytes` more bytes of a stream before it can consume anything: the rest of a message.
    /// The window is enlarged for them as soon as there is room.
    pub(crate) fn want(&mut self, stream: StreamId, bytes: usize, now: Instant) {
        let Some(state) = self.streams.get_mut(&stream) else {
            return;
        };
        let missing = u32::try_from(bytes).unwrap_or(u32::MAX);
        state.awaited = state.unreleased.saturating_add(missing);
        state.is_read = true;
        self.grant_or_queue(stream, now);
    }

    /// Grants the bytes that a stream awaits, now or when there is room.
    fn grant_or_queue(&mut self, id: StreamId, now: Instant) {
        let Some(stream) = self.streams.get(&id) else {
            return;
        };
        let is_first = stream.grant.is_some() || self.holdings.large.is_empty();
        if stream.is_waiting || self.grant(id, is_first) {
            return;
        }
        let is_small = self.is_small(id);
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        stream.is_waiting = true;
        let holdings = &mut self.holdings;
        if is_small {
            holdings.small.push_back(id);
        } else if stream.grant.is_some() {
            // The message has begun to arrive, and holds room that others wait for.
            holdings.large.push_front(id);
        } else {
            holdings.large.push_back(id);
        }
        if holdings.next_check.is_none() {
            holdings.next_check = now.checked_add(self.config.message_timeout);
        }
        self.reduce();
    }

    /// Returns received DATA or padding to the connection's window, in batches of a quarter of it.
    pub(super) fn credit(&mut self, bytes: usize) {
        let size = self.connection_window;
        if let Some(increment) = self.receive_window.give_back(bytes, size) {
            frame::write_window_update(0, increment, self.output.tail());
        }
    }

    /// Returns the size that the windows of read streams should have. They do not grow while there is no room, or while other
    /// streams wait for room. They are not reduced while a reduction of the initial window is not yet acknowledged, because they
    /// would be reduced twice.
    pub(super) fn wanted_stream_window(&self) -> u32 {
        let current = self.initial.current();
        let is_full = self.room_to_grow() == 0 || self.holdings.is_waited_for();
        if is_full || current > self.initial.announced() {
            current
        } else {
            self.estimator.window()
        }
    }

    /// Returns the number of bytes by which the window of a read stream may grow.
    fn room_to_grow(&self) -> u32 {
        let half = self.config.receive_buffer_per_connection / 2;
        let room = half.saturating_sub(self.holdings.counted());
        u32::try_from(room).unwrap_or(u32::MAX)
    }

    /// Returns whether the message that a stream awaits fits into an initial window.
    fn is_small(&self, stream: StreamId) -> bool {
        let stream = self.streams.get(&stream);
        stream.is_some_and(|stream| stream.awaited <= self.config.stream_window)
    }

    /// Grants the bytes that a stream awaits, if there is room. Returns whether the stream needs not wait any more: it has the
    /// bytes, or it does not exist. `is_first` is set if no other large message was waiting before.
    fn grant(&mut self, id: StreamId, is_first: bool) -> bool {
        let is_small = self.is_small(id);
        let Some(stream) = self.streams.get_mut(&id) else {
            return true;
        };
        let mut increment = match stream.receiving {
            Progress::Ended => 0,
            Progress::Head | Progress::Body => stream.receive_window.announce(),
        };
        let more = stream.lacking();
        let before = stream.most();
        let window = stream.window.saturating_add(more);
        let after = before.max(window as usize);
        let all = self.config.receive_buffer_per_connection;
        // A message that is larger than the room that others leave gets its turn too, but only one such message at a time.
        let beyond = (stream.awaited as usize).saturating_sub(all / 4);
        let (others, own) = (&self.holdings, stream.grant.as_ref());
        let beyond_of_others = others.beyond - own.map_or(0, |grant| grant.beyond);
        let counted = (others.promised + after).saturating_sub(before + beyond_of_others + beyond);
        // A message that already has a grant must be able to complete, and so must one that is granted alone.
        let may_have_all = own.is_some() || others.grants == 0;
        let has_turn = is_first && (beyond == 0 || beyond_of_others == 0);
        let fits = more == 0
            || (is_small && counted <= all)
            || (has_turn && (counted <= all / 4 * 3 || (may_have_all && counted <= all)));
        if fits {
            stream.is_waiting = false;
        }
        if fits && more > 0 {
            stream.window = window;
            stream.receive_window.grow(more);
            increment = increment.saturating_add(more);
            self.holdings.change(before, after);
            if !is_small {
                self.holdings.grants += 1;
                self.holdings.beyond += beyond;
                self.holdings
                    .end_grant(stream.grant.replace(Box::new(Grant::new(beyond))));
            }
        }
        if increment > 0 {
            frame::write_window_update(id, increment, self.output.tail());
        }
        fits
    }

    /// Serves streams that wait, when room may have become free.
    #[inline]
    pub(super) fn serve_waiting(&mut self) {
        if self.holdings.next_check.is_some() {
            self.grant_to_waiting();
        }
    }

    #[cold]
    fn grant_to_waiting(&mut self) {
        while let Some(&stream) = self.holdings.small.front() {
            if !self.grant(stream, false) {
                break;
            }
            self.holdings.small.pop_front();
        }
        while let Some(&stream) = self.holdings.large.front() {
            if !self.grant(stream, true) {
                break;
            }
            self.holdings.large.pop_front();
        }
        if !self.holdings.is_waited_for() {
            self.holdings.next_check = None;
        }
    }

    /// Ends calls that do not use their grant while others wait. If no stream has a grant, ends the first stream that waits,
    /// because nothing will make room for it.
    pub(super) fn end_stalled(&mut self, now: Instant) -> Result<(), ConnectionError> {
        self.holdings.next_check = now.checked_add(self.config.message_timeout);
        self.grant_to_waiting();
        if !self.holdings.is_waited_for() {
            return Ok(());
        }
        let mut stalled = Vec::new();
        let mut has_others = false;
        for (&id, stream) in &mut self.streams {
            let left = stream.receive_window.left();
            let Some(grant) = stream.grant.as_mut().filter(|_| !stream.is_waiting) else {
                continue;
            };
            has_others = true;
            if grant.is_stalled(left) {
                stalled.push(id);
            }
        }
        if !has_others {
            let waiting = [&self.holdings.small, &self.holdings.large];
            stalled.extend(waiting.into_iter().find_map(|queue| queue.front()));
        }
        stalled.sort_unstable();
        for stream in stalled {
            let rule =
                "a message did not arrive, or was not read, while other calls waited for its room";
            self.stream_error(stream, Reason::ENHANCE_YOUR_CALM, rule, now)?;
        }
        Ok(())
    }

    /// Returns whether streams have a reduced initial window because many bytes are unread.
    fn is_reduced(&self) -> bool {
        self.initial.announced() < self.config.stream_window
    }

    /// Reduces the initial window when many bytes are unread or allowed, and restores it when few are.
    #[inline]
    pub(super) fn balance(&mut self, now: Instant) {
        let much = self.config.receive_buffer_per_connection / 2;
        if self.holdings.held > self.config.receive_mark
            || self.holdings.counted() > much
            || self.is_reduced()
        {
            self.reduce_or_restore(now);
        }
    }

    #[cold]
    fn reduce_or_restore(&mut self, now: Instant) {
        if !self.is_reduced() {
            self.reduce();
        } else if self.initial.is_acknowledged() && !self.holdings.is_waited_for() {
            let whole = self.config.stream_window;
            let more = (whole - self.initial.announced()) as usize * self.streams.len();
            let little = self.config.receive_buffer_per_connection / 4;
            if self.holdings.held <= self.config.receive_mark / 2
                && self.holdings.counted() + more <= little
            {
                self.announce_initial_window(whole);
            }
        }
        if !self.initial.is_acknowledged() && self.timers.settings.is_none() {
            self.timers.settings = now.checked_add(self.config.settings_timeout);
        }
    }

    /// Reduces the initial window, and with it the windows of open streams.
    pub(super) fn reduce(&mut self) {
        let reduced = self.config.reduced_stream_window;
        if self.initial.is_acknowledged() && reduced < self.initial.announced() {
            self.announce_initial_window(reduced);
        }
    }

    fn announce_initial_window(&mut self, window: u32) {
        settings::write_initial_window(window, self.output.tail());
        let since = self.first_unopened();
        let delta = self.initial.announce(window, since);
        self.shift_receive_windows(delta, StreamId::MAX);
    }

    /// Applies this side's SETTINGS, which the peer has acknowledged (RFC 9113, 6.5.3).
    pub(super) fn settings_acknowledged(&mut self, now: Instant) {
        let (delta, since) = self.initial.acknowledge();
        self.shift_receive_windows(delta, since);
        // Bytes that were granted must still be able to arrive.
        let lacking = |(&id, stream): (&StreamId, &Stream)| (stream.lacking() > 0).then_some(id);
        let mut lacking: Vec<StreamId> = self.streams.iter().filter_map(lacking).collect();
        lacking.sort_unstable();
        for stream in lacking {
            self.grant_or_queue(stream, now);
        }
        self.serve_waiting();
    }

    /// Returns the first stream that will certainly be opened after the frames that are written now. A peer may have opened its
    /// own streams already, so for a server no stream is certain.
    pub(super) fn first_unopened(&self) -> StreamId {
        match self.role {
            Role::Client => self.next_id,
            Role::Server => StreamId::MAX,
        }
    }

    /// Applies a change of the initial window to the streams below `since`. Windows may become negative (RFC 9113, 6.9.2).
    fn shift_receive_windows(&mut self, delta: i32, since: StreamId) {
        if delta == 0 {
            return;
        }
        let mut updates = Vec::new();
        let mut promised = 0;
        for (&id, stream) in &mut self.streams {
            if id < since {
                stream.window = stream.window.saturating_add_signed(delta);
                stream.receive_window.shift(delta);
                // An increment that was too small to announce may be a large part of the new window.
                let increment = stream.give_back(0, stream.window, 0);
                updates.extend(increment.map(|increment| (id, increment)));
            }
            promised += stream.most();
        }
        self.holdings.promised = promised;
        // The table has no order.
        updates.sort_unstable();
        for (id, increment) in updates {
            frame::write_window_update(id, increment, self.output.tail());
        }
    }
}

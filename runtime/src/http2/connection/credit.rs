//! What the peer may send: windows that are given back, made larger for a message, and made smaller when much is held.
//!
//! The connection's window says how fast DATA may come, and comes back as soon as it has: calls that are not read take nothing from
//! the others. How much may wait is what the windows of the streams add up to, within `Config::receive_buffer_per_connection`.
//! New streams have all of it; messages that need a larger window, three quarters; windows that grow because they are
//! read from fast, half. So who is read keeps out nobody who comes later.

use std::time::Instant;

use super::Connection;
use crate::http2::error::{ConnectionError, Reason};
use crate::http2::holdings::Grant;
use crate::http2::stream::{Progress, Stream};
use crate::http2::{Role, StreamId, frame, settings};

impl Connection {
    /// The application took `bytes` of what `Event::Data` gave it. They go back to the stream's window in batches of a quarter of it. What a
    /// stream has not released when it ends goes back by itself.
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
            // Nothing more comes.
            self.holdings.change(before, state.most());
            return self.serve_waiting();
        }
        if taken > 0 {
            // The message is whole.
            state.awaited = 0;
            state.is_read = true;
        }
        self.give_back(stream, taken, before);
    }

    /// Gives what was taken of a stream back to its window. Before that the peer could have made us hold `before` by it.
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

    /// The application can take nothing more of a stream before `bytes` more have come: the rest of a message. They may come at once
    /// if there is room for them, and if not when there is.
    pub(crate) fn want(&mut self, stream: StreamId, bytes: usize, now: Instant) {
        let Some(state) = self.streams.get_mut(&stream) else {
            return;
        };
        let missing = u32::try_from(bytes).unwrap_or(u32::MAX);
        state.awaited = state.unreleased.saturating_add(missing);
        state.is_read = true;
        self.grant_or_queue(stream, now);
    }

    /// Lets what a stream awaits come, now or when there is room for it.
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
            // It has begun, and holds what others wait for.
            holdings.large.push_front(id);
        } else {
            holdings.large.push_back(id);
        }
        if holdings.look_at.is_none() {
            holdings.look_at = now.checked_add(self.config.message_timeout);
        }
        self.reduce();
    }

    /// DATA has come, or padding, which nobody holds: the connection's window gets it back, in batches of a quarter of it.
    pub(super) fn credit(&mut self, bytes: usize) {
        let size = self.connection_window;
        if let Some(increment) = self.receive_window.give_back(bytes, size) {
            frame::write_window_update(0, increment, self.output.tail());
        }
    }

    /// What the windows of streams are to be that are read from. They do not grow while there is no room, or others wait for it, and
    /// do not go below what all have while that is about to shrink: they would shrink twice.
    pub(super) fn wanted_stream_window(&self) -> u32 {
        let current = self.initial.current();
        let is_full = self.room_to_grow() == 0 || self.holdings.is_waited_for();
        if is_full || current > self.initial.said() {
            current
        } else {
            self.estimator.window()
        }
    }

    /// By how much a window may grow that is read from.
    fn room_to_grow(&self) -> u32 {
        let half = self.config.receive_buffer_per_connection / 2;
        let room = half.saturating_sub(self.holdings.counted());
        u32::try_from(room).unwrap_or(u32::MAX)
    }

    /// Whether the message that a stream awaits fits into the window that streams start with.
    fn is_small(&self, stream: StreamId) -> bool {
        let stream = self.streams.get(&stream);
        stream.is_some_and(|stream| stream.awaited <= self.config.stream_window)
    }

    /// Lets what a stream awaits come, if there is room for it; `false` if there is not. `is_first` says that none that waits for a
    /// large message has come before.
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
        // A message that is larger than what others leave room for has its turn too, but no two of them.
        let beyond = (stream.awaited as usize).saturating_sub(all / 4);
        let (others, own) = (&self.holdings, stream.grant.as_ref());
        let beyond_of_others = others.beyond - own.map_or(0, |grant| grant.beyond);
        let counted = (others.promised + after).saturating_sub(before + beyond_of_others + beyond);
        // What has been granted is to come, and so is what nothing else is granted beside.
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

    /// Room may have become free.
    #[inline]
    pub(super) fn serve_waiting(&mut self) {
        if self.holdings.look_at.is_some() {
            self.serve_those_who_wait();
        }
    }

    #[cold]
    fn serve_those_who_wait(&mut self) {
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
            self.holdings.look_at = None;
        }
    }

    /// Ends calls of whose grant no use is made while others wait. When there are none, nothing will make room for the first that
    /// waits.
    pub(super) fn end_stalled(&mut self, now: Instant) -> Result<(), ConnectionError> {
        self.holdings.look_at = now.checked_add(self.config.message_timeout);
        self.serve_those_who_wait();
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
            let rule = "a message that other calls wait for has not come, or was not read";
            self.stream_error(stream, Reason::ENHANCE_YOUR_CALM, rule, now)?;
        }
        Ok(())
    }

    /// Whether streams start with a smaller window, since much is held.
    fn is_reduced(&self) -> bool {
        self.initial.said() < self.config.stream_window
    }

    /// Makes the windows smaller that streams start with when much is held or promised, and as large as before when little is.
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
            let more = (whole - self.initial.said()) as usize * self.streams.len();
            let little = self.config.receive_buffer_per_connection / 4;
            if self.holdings.held <= self.config.receive_mark / 2
                && self.holdings.counted() + more <= little
            {
                self.say_initial_window(whole);
            }
        }
        if !self.initial.is_acknowledged() && self.timers.settings.is_none() {
            self.timers.settings = now.checked_add(self.config.settings_timeout);
        }
    }

    /// Makes the window smaller that streams start with, and with it those of the open ones.
    pub(super) fn reduce(&mut self) {
        let reduced = self.config.reduced_stream_window;
        if self.initial.is_acknowledged() && reduced < self.initial.said() {
            self.say_initial_window(reduced);
        }
    }

    fn say_initial_window(&mut self, window: u32) {
        settings::write_initial_window(window, self.output.tail());
        let since = self.first_unopened();
        let delta = self.initial.say(window, since);
        self.shift_receive_windows(delta, StreamId::MAX);
    }

    /// The peer works with our SETTINGS from here on (RFC 9113, 6.5.3).
    pub(super) fn settings_acknowledged(&mut self, now: Instant) {
        let (delta, since) = self.initial.acknowledge();
        self.shift_receive_windows(delta, since);
        // What was granted is to come all the same.
        let lacking = |(&id, stream): (&StreamId, &Stream)| (stream.lacking() > 0).then_some(id);
        let mut lacking: Vec<StreamId> = self.streams.iter().filter_map(lacking).collect();
        lacking.sort_unstable();
        for stream in lacking {
            self.grant_or_queue(stream, now);
        }
        self.serve_waiting();
    }

    /// The first stream that is certain to be opened after what is written now: no stream of the peer is.
    pub(super) fn first_unopened(&self) -> StreamId {
        match self.role {
            Role::Client => self.next_id,
            Role::Server => StreamId::MAX,
        }
    }

    /// A new initial window moves the windows of the streams below `since`, some perhaps below zero (RFC 9113, 6.9.2).
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
                // What was too little to be told may be much of what the window is now.
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

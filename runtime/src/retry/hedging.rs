//! Calls that are made several times side by side, of which the first answer counts (gRFC A6, "Hedging Policy").

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::runtime::Handle;

use super::pushback::Pushback;
use super::throttle::Throttle;
use crate::base::{Chunks, Outcome, clock};
use crate::call::retry_buffer::{Budget, RetryBuffer};
use crate::call::{Alarm, Exchange, Link, Peer, ReadState};
use crate::channel::resolve::service_config::HedgingPolicy;
use crate::channel::transport::{Transport, no_runtime};
use crate::{Metadata, Status};

/// How much of a request is taken from its caller at a time, once only one attempt is left to send it.
const ROOM: usize = 64 * 1024;

/// What hedged calls need, beside their policy.
#[derive(Debug)]
pub(crate) struct Hedging {
    /// Carries the attempts.
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) throttle: Option<Arc<Throttle>>,
    /// How much is kept of requests.
    pub(crate) budget: Arc<Budget>,
    /// The smallest window of a stream.
    pub(crate) window: u32,
}

/// Makes a call as its policy says.
pub(crate) fn hedge(hedging: &Hedging, caller: Arc<Exchange>, policy: Arc<HedgingPolicy>) {
    let Ok(runtime) = Handle::try_current() else {
        return caller.conclude(Outcome::local(no_runtime()));
    };
    let link = Arc::new(Link::new(hedging.window));
    caller.attach(0, Arc::clone(&link));
    runtime.spawn(Hedged {
        transport: Arc::clone(&hedging.transport),
        throttle: hedging.throttle.clone(),
        budget: Arc::clone(&hedging.budget),
        caller,
        link,
        sent: RetryBuffer::default(),
        has_ended: false,
        attempts: Vec::new(),
        made: 0,
        most: policy.max_attempts,
        next_at: None,
        alarm: Alarm::default(),
        failure: None,
        is_decided: false,
        has_head: false,
        policy,
    });
}

/// A call that is made several times. To its caller it is the connection; each attempt is a call of its own, which goes out as
/// any other does.
struct Hedged {
    transport: Arc<dyn Transport>,
    throttle: Option<Arc<Throttle>>,
    budget: Arc<Budget>,
    policy: Arc<HedgingPolicy>,
    caller: Arc<Exchange>,
    /// By which the caller says that it has something.
    link: Arc<Link>,
    /// What has come of the request, as long as further attempts may need it.
    sent: RetryBuffer,
    /// All of the request has come.
    has_ended: bool,
    /// Those that are open, the oldest first; only the one that counts once that is decided.
    attempts: Vec<Arc<Exchange>>,
    made: u32,
    /// How many there may be.
    most: u32,
    /// When the next attempt is made, if there may be one.
    next_at: Option<Instant>,
    alarm: Alarm,
    /// How the last attempt failed that did.
    failure: Option<(Outcome, Peer)>,
    is_decided: bool,
    /// The head of the response has been given to the caller.
    has_head: bool,
}

impl Future for Hedged {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        // It is but one call, which is looked at in any case.
        this.link.collect(context, &mut Vec::new());
        if !this.is_decided {
            ready!(this.race(context));
        }
        match this.attempts.first().cloned() {
            Some(winner) if this.is_decided => this.relay(context, &winner),
            _ => Poll::Ready(()),
        }
    }
}

impl Hedged {
    /// Makes attempts until it is decided which of them counts. When none is left then, the call is over.
    fn race(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let first = (self.made == 0).then(|| self.prepare());
        if self.take_request(usize::MAX).is_none() {
            return Poll::Ready(());
        }
        if let Some(first) = first {
            self.transport.start(first);
        }
        loop {
            if self.sent.is_lost() {
                // What cannot be sent again has one attempt, the one that has come the furthest.
                self.decide(0);
                return Poll::Ready(());
            }
            if self.is_answered(context) {
                return Poll::Ready(());
            }
            // A timer would round it up.
            let is_due = self.next_at.is_some_and(|next| next <= clock::now());
            if !is_due && self.alarm.poll(self.next_at, context).is_pending() {
                break;
            }
            self.attempt();
        }
        if self.attempts.is_empty() && !self.goes_on() {
            self.conclude();
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// Makes one more attempt, unless failures have become too many.
    fn attempt(&mut self) {
        if self
            .throttle
            .as_ref()
            .is_none_or(|throttle| throttle.is_open())
        {
            let attempt = self.prepare();
            self.transport.start(attempt);
        } else {
            self.stop();
        }
    }

    /// An attempt with what has come of the request. The next follows after the policy's delay.
    fn prepare(&mut self) -> Arc<Exchange> {
        let attempt = Arc::new(self.caller.another(self.made));
        let mut sent = self.sent.copy().unwrap_or_default();
        while !sent.is_empty() {
            let chunk = sent.take(usize::MAX);
            attempt.write_request(chunk, self.has_ended && sent.is_empty());
        }
        if self.has_ended {
            attempt.write_request(Bytes::new(), true);
        }
        self.attempts.push(Arc::clone(&attempt));
        self.made += 1;
        self.plan(self.policy.delay);
        attempt
    }

    /// There will be no more attempts.
    fn stop(&mut self) {
        self.most = self.made;
        self.next_at = None;
    }

    /// Lets the next attempt, if there is one left, be made after a wait.
    fn plan(&mut self, wait: Duration) {
        let is_left = self.made < self.most;
        self.next_at = is_left.then(|| clock::now().checked_add(wait)).flatten();
    }

    /// Whether there will be another attempt, within the time of the call.
    fn goes_on(&self) -> bool {
        let deadline = self.caller.details().deadline;
        self.next_at
            .is_some_and(|next| deadline.is_none_or(|deadline| next < deadline))
    }

    /// Whether one of the attempts has been answered in a way that counts.
    fn is_answered(&mut self, context: &Context<'_>) -> bool {
        let mut place = 0;
        while let Some(attempt) = self.attempts.get(place) {
            let Poll::Ready(head) = attempt.poll_head(context) else {
                place += 1;
                continue;
            };
            if let Some(head) = head {
                self.decide(place);
                self.deliver_head(head);
                return true;
            }
            let Some(outcome) = attempt.outcome() else {
                place += 1;
                continue;
            };
            if self.is_final(&outcome) {
                self.decide(place);
                return true;
            }
            let failed = self.attempts.remove(place);
            self.failure = Some((outcome, failed.peer()));
        }
        false
    }

    /// Whether an attempt that ended so is the end of the call. If not, the next is made at once, or when the server says.
    fn is_final(&mut self, outcome: &Outcome) -> bool {
        let Err(status) = &outcome.result else {
            return true;
        };
        let pushback = Pushback::of(outcome);
        let is_fatal = !self.policy.non_fatal.contains(&status.code());
        if !is_fatal || pushback == Pushback::Never {
            if let Some(throttle) = &self.throttle {
                throttle.failed();
            }
        }
        match pushback {
            Pushback::Unsaid => self.plan(Duration::ZERO),
            Pushback::After(wait) => self.plan(wait),
            Pushback::Never => self.stop(),
        }
        is_fatal || self.caller.details().is_late(clock::now())
    }

    /// This attempt counts; the others are cancelled.
    fn decide(&mut self, place: usize) {
        self.is_decided = true;
        self.sent.lose();
        let winner = (place < self.attempts.len()).then(|| self.attempts.swap_remove(place));
        self.attempts.drain(..).for_each(give_up);
        match winner {
            Some(winner) => {
                let before = winner.previous_attempts();
                self.caller.set_previous_attempts(before);
                self.link.set_peer(winner.peer());
                self.attempts.push(winner);
            }
            None => self.conclude(),
        }
    }

    /// Ends the call as the last attempt has ended.
    fn conclude(&mut self) {
        if let Some((failure, peer)) = self.failure.take() {
            self.link.set_peer(peer);
            let before = self.made.saturating_sub(1);
            self.caller.set_previous_attempts(before);
            self.caller.conclude(failure);
        }
    }

    /// Carries what is left of the call between its caller and the attempt that counts.
    fn relay(&mut self, context: &mut Context<'_>, winner: &Arc<Exchange>) -> Poll<()> {
        loop {
            let has_room = !self.has_ended && winner.poll_request_room(context).is_ready();
            let Some(taken) = self.take_request(if has_room { ROOM } else { 0 }) else {
                return Poll::Ready(());
            };
            winner.release_response(taken.used);
            if taken.wanted > 0 {
                winner.want_response(taken.wanted);
            }
            if !taken.has_more || !has_room {
                break;
            }
        }
        if !self.has_head {
            if let Some(head) = ready!(winner.poll_head(context)) {
                self.deliver_head(head);
            }
        }
        let mut chunks = Chunks::default();
        while ready!(winner.poll_response(context, ReadState::default(), &mut chunks, false)) {
            while !chunks.is_empty() {
                self.caller.deliver_response(chunks.take(usize::MAX));
            }
        }
        if let Some(outcome) = winner.outcome() {
            self.caller.conclude(outcome);
        }
        Poll::Ready(())
    }

    fn deliver_head(&mut self, head: Metadata) {
        self.has_head = true;
        if let Some(winner) = self.attempts.first() {
            self.caller.encoding.choose(winner.encoding.get());
        }
        self.caller.deliver_head(head);
    }

    /// Gives the attempts what the caller has for them, up to `room` bytes; nothing when the caller has given the call up.
    fn take_request(&mut self, room: usize) -> Option<Taken> {
        let mut part = self.caller.take_request(room);
        if part.abandoned {
            return None;
        }
        while !part.data.is_empty() {
            let chunk = part.data.take(usize::MAX);
            let ends = part.end && part.data.is_empty();
            self.sent.push(&chunk, &self.budget);
            self.write(&chunk, ends);
        }
        if part.end && !self.has_ended {
            self.write(&Bytes::new(), true);
        }
        Some(Taken {
            used: part.released,
            wanted: part.wanted,
            has_more: part.has_more,
        })
    }

    fn write(&mut self, chunk: &Bytes, ends: bool) {
        self.has_ended |= ends;
        for attempt in &self.attempts {
            attempt.write_request(chunk.clone(), ends);
        }
    }
}

/// What a caller had.
struct Taken {
    /// How many bytes of the response it has used up.
    used: usize,
    /// How many more bytes of the response it needs to go on, if that is news.
    wanted: usize,
    /// There is more of the request.
    has_more: bool,
}

/// Cancels an attempt that does not count.
fn give_up(attempt: Arc<Exchange>) {
    attempt.abandon(Status::cancelled("another attempt at the call counts"));
}

impl Drop for Hedged {
    /// The call is over, or a runtime that shuts down has dropped its task.
    fn drop(&mut self) {
        self.attempts.drain(..).for_each(give_up);
        self.caller.conclude(Outcome::local(Status::unavailable(
            "the tokio runtime ended on which the call was made",
        )));
        // A call holds its link: the link must not hold the call.
        drop(self.link.close());
    }
}

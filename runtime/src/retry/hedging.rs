//! Hedging: a call is sent several times in parallel, and the first answer is used (gRFC A6, "Hedging Policy").

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::pushback::Pushback;
use super::relay::Relay;
use super::throttle::Throttle;
use crate::Status;
use crate::base::{Outcome, clock};
use crate::call::retry_buffer::Budget;
use crate::call::retry_config::HedgingConfig;
use crate::call::transport::{Transport, no_runtime};
use crate::call::{Alarm, Exchange, Peer, RetryPolicy};

/// The parts of a hedged call that don't change.
#[derive(Debug)]
pub(crate) struct Hedging {
    pub(crate) config: Arc<HedgingConfig>,
    /// Carries the attempts.
    pub(crate) transport: Arc<dyn Transport>,
    /// The policy that is told the end of each attempt.
    pub(crate) retry_policy: Arc<dyn RetryPolicy>,
    pub(crate) throttle: Option<Arc<Throttle>>,
    /// The limits of retry buffers.
    pub(crate) budget: Arc<Budget>,
}

/// Makes a call several times. The windows of its streams are `window` bytes or more.
pub(crate) fn hedge(hedging: Hedging, window: u32, caller: Arc<Exchange>) {
    let Ok(runtime) = Handle::try_current() else {
        return caller.conclude(Outcome::local(no_runtime()));
    };
    runtime.spawn(Hedged {
        relay: Relay::new(caller, window, Arc::clone(&hedging.budget)),
        attempts: Vec::new(),
        made: 0,
        most: hedging.config.max_attempts,
        next_at: None,
        alarm: Alarm::default(),
        failure: None,
        is_decided: false,
        hedging,
    });
}

/// A call with several attempts. It acts as the connection for the caller's exchange. Each attempt has an exchange of its own,
/// and is sent like any other call.
struct Hedged {
    hedging: Hedging,
    /// The relay, which keeps the request as long as further attempts may need it.
    relay: Relay,
    /// Open attempts, the oldest first. Once one is chosen, only that one.
    attempts: Vec<Arc<Exchange>>,
    made: u32,
    /// The maximum number of attempts.
    most: u32,
    /// The time of the next attempt, if there is one.
    next_at: Option<Instant>,
    alarm: Alarm,
    /// The outcome of the last attempt that has failed, and its peer.
    failure: Option<(Outcome, Peer)>,
    is_decided: bool,
}

impl Future for Hedged {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.relay.listen(context);
        if !this.is_decided {
            ready!(this.race(context));
        }
        match this.attempts.first() {
            Some(winner) if this.is_decided => this.relay.poll(context, winner),
            _ => Poll::Ready(()),
        }
    }
}

impl Hedged {
    /// Makes attempts until one of them is chosen. If none is left afterwards, the call has ended.
    fn race(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let first = (self.made == 0).then(|| self.prepare());
        if self
            .relay
            .take_request(usize::MAX, &self.attempts)
            .is_none()
        {
            return Poll::Ready(());
        }
        if let Some(first) = first {
            self.hedging.transport.start(first);
        }
        loop {
            if self.relay.sent.is_lost() {
                // The request is too large to be sent again, so only the oldest attempt goes on.
                self.decide(0);
                return Poll::Ready(());
            }
            if self.is_answered(context) {
                return Poll::Ready(());
            }
            // Don't wait for a timer, which would round the time up.
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

    /// Makes one more attempt, unless the throttle forbids it.
    fn attempt(&mut self) {
        if self
            .hedging
            .throttle
            .as_ref()
            .is_none_or(|throttle| throttle.is_open())
        {
            let attempt = self.prepare();
            self.hedging.transport.start(attempt);
        } else {
            self.stop();
        }
    }

    /// Creates an attempt with the part of the request that has arrived, and schedules the next one.
    fn prepare(&mut self) -> Arc<Exchange> {
        let attempt = Arc::new(self.relay.caller.another(self.made));
        attempt.set_retry_policy(Arc::clone(&self.hedging.retry_policy));
        self.relay.write_all(&attempt);
        self.attempts.push(Arc::clone(&attempt));
        self.made += 1;
        self.plan(self.hedging.config.delay);
        attempt
    }

    /// Makes no more attempts.
    fn stop(&mut self) {
        self.most = self.made;
        self.next_at = None;
    }

    /// Schedules the next attempt after a wait, if one is left.
    fn plan(&mut self, wait: Duration) {
        let is_left = self.made < self.most;
        self.next_at = is_left.then(|| clock::now().checked_add(wait)).flatten();
    }

    /// Returns whether there will be another attempt before the deadline of the call.
    fn goes_on(&self) -> bool {
        let deadline = self.relay.caller.details().deadline;
        self.next_at
            .is_some_and(|next| deadline.is_none_or(|deadline| next < deadline))
    }

    /// Returns whether the response to an attempt decides the call.
    fn is_answered(&mut self, context: &Context<'_>) -> bool {
        let mut place = 0;
        while let Some(attempt) = self.attempts.get(place) {
            let Poll::Ready(head) = attempt.poll_head(context) else {
                place += 1;
                continue;
            };
            if let Some(head) = head {
                self.decide(place);
                if let Some(winner) = self.attempts.first() {
                    self.relay.deliver_head(winner, head);
                }
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

    /// Returns whether this outcome of an attempt ends the call. If not, schedules the next attempt at once or according to the
    /// server's pushback.
    fn is_final(&mut self, outcome: &Outcome) -> bool {
        let Err(status) = &outcome.result else {
            return true;
        };
        let pushback = Pushback::of(outcome);
        let is_fatal = !self.hedging.config.non_fatal.contains(&status.code());
        if !is_fatal || pushback == Pushback::Never {
            if let Some(throttle) = &self.hedging.throttle {
                throttle.failed();
            }
        }
        match pushback {
            Pushback::Unsaid => self.plan(Duration::ZERO),
            Pushback::After(wait) => self.plan(wait),
            Pushback::Never => self.stop(),
        }
        is_fatal || self.relay.caller.details().is_late(clock::now())
    }

    /// Chooses an attempt, and cancels the others.
    fn decide(&mut self, place: usize) {
        self.is_decided = true;
        self.relay.sent.lose();
        let winner = (place < self.attempts.len()).then(|| self.attempts.swap_remove(place));
        self.attempts.drain(..).for_each(give_up);
        match winner {
            Some(winner) => {
                let before = winner.previous_attempts();
                self.relay.caller.set_previous_attempts(before);
                self.attempts.push(winner);
            }
            None => self.conclude(),
        }
    }

    /// Ends the call with the outcome of the last attempt.
    fn conclude(&mut self) {
        if let Some((failure, peer)) = self.failure.take() {
            self.relay.set_peer(peer);
            let before = self.made.saturating_sub(1);
            self.relay.caller.set_previous_attempts(before);
            self.relay.caller.conclude(failure);
        }
    }
}

/// Cancels an attempt that was not chosen.
fn give_up(attempt: Arc<Exchange>) {
    attempt.abandon(Status::cancelled("another attempt at the call counts"));
}

impl Drop for Hedged {
    fn drop(&mut self) {
        self.attempts.drain(..).for_each(give_up);
    }
}

//! A channel's connection: made when a call needs it, and again when it is lost.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::builder::ChannelOptions;
use super::connection::connection;
use super::connector::Connector;
use super::target::Target;
use crate::Status;
use crate::call::{Exchange, Link, Order, Outcome};
use crate::header::Header;
use crate::jitter::jitter;
use crate::transport::Socket;

/// How long a connection may take to come about; gRPC's MIN_CONNECT_TIMEOUT.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// Back-off between attempts, as gRPC's connection-backoff document has it: 1 s, times 1.6, up to 120 s, give or take a
/// fifth.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_secs(120);

/// A target and the connection to it, if there is one.
pub(crate) struct Remote {
    target: Target,
    options: ChannelOptions,
    state: Mutex<State>,
}

enum State {
    Idle,
    /// On the way; the calls wait.
    Connecting {
        waiting: Vec<Arc<Exchange>>,
        attempt: u32,
    },
    Ready(Arc<Link>),
    /// The last attempt failed; the next is not made before `until`.
    Failed {
        until: Instant,
        status: Status,
        attempt: u32,
    },
}

impl Remote {
    pub(crate) fn new(target: Target, options: ChannelOptions) -> Remote {
        Remote {
            target,
            options,
            state: Mutex::new(State::Idle),
        }
    }

    pub(crate) fn options(&self) -> &ChannelOptions {
        &self.options
    }

    pub(crate) fn authority(&self) -> Header {
        self.target.authority.clone()
    }

    /// Gives a call to the connection, or lets it wait for one. While the target cannot be reached, calls fail at once
    /// with the cause.
    pub(crate) fn start(self: &Arc<Self>, exchange: Arc<Exchange>) {
        let mut state = self.state();
        let attempt = match &mut *state {
            State::Ready(link) => {
                exchange.attach(0, Arc::clone(link));
                let Err(back) = link.submit(exchange) else {
                    return;
                };
                // The connection is going away, or gone.
                return self.connect(state, back, 0);
            }
            State::Connecting { waiting, .. } => return waiting.push(exchange),
            State::Failed { until, status, .. } if Instant::now() < *until => {
                let outcome = Outcome::local(status.clone());
                drop(state);
                return exchange.conclude(outcome);
            }
            State::Failed { attempt, .. } => *attempt,
            State::Idle => 0,
        };
        self.connect(state, exchange, attempt);
    }

    fn connect(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State>,
        exchange: Arc<Exchange>,
        attempt: u32,
    ) {
        let Ok(runtime) = Handle::try_current() else {
            drop(state);
            return exchange.conclude(Outcome::local(Status::failed_precondition(
                "a call over a channel needs a tokio runtime around it",
            )));
        };
        *state = State::Connecting {
            waiting: vec![exchange],
            attempt,
        };
        let options = self.options.clone();
        runtime.spawn(run(Arc::downgrade(self), self.target.clone(), options));
    }

    /// A connection is there, and HTTP/2 at its other end: the calls that waited go out on it.
    pub(crate) fn connected(&self, link: &Arc<Link>) {
        let mut state = self.state();
        if let State::Connecting { waiting, .. } = &mut *state {
            for exchange in std::mem::take(waiting) {
                exchange.attach(0, Arc::clone(link));
                // The connection's task, which this is, is open.
                drop(link.submit(exchange));
            }
            *state = State::Ready(Arc::clone(link));
        }
    }

    /// No connection came about: the calls that waited fail with the cause.
    pub(crate) fn failed(&self, cause: impl fmt::Display) {
        let status = Status::unavailable(format!(
            "cannot connect to {}: {cause}",
            self.target.address
        ));
        let mut state = self.state();
        let State::Connecting { waiting, attempt } = &mut *state else {
            return;
        };
        let (waiting, attempt) = (std::mem::take(waiting), *attempt);
        *state = State::Failed {
            until: Instant::now() + backoff(attempt, jitter()),
            status: status.clone(),
            attempt: attempt.saturating_add(1),
        };
        drop(state);
        for exchange in waiting {
            exchange.conclude(Outcome::local(status.clone()));
        }
    }

    /// Ends the waiting calls whose time is over; says when to look again, or that nobody waits for a connection any more.
    fn expire(&self, now: Instant) -> Option<Instant> {
        let mut expired = Vec::new();
        let next = {
            let mut state = self.state();
            let State::Connecting { waiting, .. } = &mut *state else {
                return None;
            };
            let is_over = |exchange: &Arc<Exchange>| {
                let deadline = exchange.details().deadline;
                deadline.is_some_and(|deadline| deadline <= now)
            };
            waiting.retain(|exchange| {
                let over = is_over(exchange);
                if over {
                    expired.push(Arc::clone(exchange));
                }
                !over
            });
            let deadlines = waiting
                .iter()
                .filter_map(|exchange| exchange.details().deadline);
            // The set of waiting calls changes meanwhile, so the next look is soon in any case.
            deadlines.chain([now + LOOK_AGAIN]).min()
        };
        for exchange in expired {
            exchange.conclude(Outcome::local(Status::deadline_exceeded(format!(
                "the deadline passed before {} was connected",
                self.target.address
            ))));
        }
        next
    }

    /// The connection is closed: the next call makes another.
    fn closed(&self, link: &Arc<Link>) {
        let mut state = self.state();
        if matches!(&*state, State::Ready(current) if Arc::ptr_eq(current, link)) {
            *state = State::Idle;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let State::Ready(link) = state {
            link.order(Order::Drain);
        }
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Remote").field(&self.target.address).finish()
    }
}

/// The task of a connection, from the attempt to its end. It does not keep the channel alive.
async fn run(remote: Weak<Remote>, target: Target, options: ChannelOptions) {
    let attempt = tokio::time::timeout(CONNECT_TIMEOUT, establish(&target, &options.connector));
    let established = match watched(&remote, attempt).await {
        Some(Ok(established)) => established,
        Some(Err(_)) => Err(io::ErrorKind::TimedOut.into()),
        None => return,
    };
    let socket = match established {
        Ok(socket) => socket,
        Err(error) => {
            if let Some(remote) = remote.upgrade() {
                remote.failed(error);
            }
            return;
        }
    };
    let scheme = target.scheme();
    let (connection, link) = connection(socket, Weak::clone(&remote), scheme, &options);
    watched(&remote, connection).await;
    if let Some(remote) = remote.upgrade() {
        remote.closed(&link);
    }
}

/// Drives a future, and while calls wait for a connection ends those whose time is over. `None` when the channel is gone before
/// there is a connection.
async fn watched<F: Future>(remote: &Weak<Remote>, future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    loop {
        let Some(look) = remote.upgrade()?.expire(Instant::now()) else {
            return Some(future.await);
        };
        if let Ok(output) = tokio::time::timeout_at(look.into(), future.as_mut()).await {
            return Some(output);
        }
    }
}

/// How often calls are looked for whose time is over while they wait for a connection.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

async fn establish(target: &Target, connector: &Connector) -> io::Result<Socket> {
    let connection = connector.connect(&target.address).await?;
    #[cfg(feature = "tls")]
    if let Some(tls) = &target.tls {
        return Ok(Socket::new(tls.secure(connection).await?));
    }
    Ok(Socket::new(connection))
}

/// The wait after a failed attempt, the first being 0; `jitter` is from -1 to 1.
fn backoff(attempt: u32, jitter: f64) -> Duration {
    let exponent = i32::try_from(attempt).unwrap_or(i32::MAX);
    let wait = FIRST_BACKOFF.as_secs_f64() * 1.6_f64.powi(exponent);
    let wait = wait.min(LONGEST_BACKOFF.as_secs_f64());
    Duration::from_secs_f64(wait * (1.0 + 0.2 * jitter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_grows_to_its_limit() {
        assert_eq!(backoff(0, 0.0), Duration::from_secs(1));
        assert_eq!(backoff(1, 0.0), Duration::from_millis(1600));
        assert_eq!(backoff(100, 0.0), LONGEST_BACKOFF);
        assert_eq!(backoff(u32::MAX, 1.0), Duration::from_secs(144));
        assert_eq!(backoff(0, -1.0), Duration::from_millis(800));
    }
}

//! Keepalive of both sides, compared with a simple model of gRFC A8, under any pattern of calls and silences.
//!
//! Time is paused. Calls start and end at whole seconds, silences start and end half a second later, and keepalive
//! times are a few milliseconds more than whole seconds. So no two relevant events happen at the same time.

use std::ops::Range;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use stubwright::{Channel, Code, Server};
use stubwright_tests::Probe;
use stubwright_tests::frames::{
    DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS, literals,
};
use stubwright_tests::pb::probe::v1::{ProbeStub, Request, add_probe_servicer_to_server};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use crate::connectivity::{call_with, outcome};
use crate::script::{Script, within};
use crate::wire::Wire;

const SECOND: Duration = Duration::from_secs(1);
const ACK: u8 = 1;
/// How much later than in the model an event may happen, in milliseconds. Timers are rounded up.
const SLACK: u64 = 20;

/// Options of keepalive, in milliseconds.
#[derive(Clone, Copy, Debug)]
struct Options {
    time: u64,
    timeout: u64,
    without_calls: bool,
}

/// The model's prediction for a connection: when PINGs are sent, and when it is closed.
#[derive(Debug, PartialEq, Eq)]
struct Fate {
    pings: Vec<u64>,
    closed: Option<u64>,
}

/// The model of gRFC A8.
///
/// The side began at `start`, received bytes at each of `reads`, and had open calls during `calls`. The prediction
/// reaches until `end`.
fn a8(options: Options, start: u64, reads: &[u64], calls: &[Range<u64>], end: u64) -> Fate {
    let mut pings = Vec::new();
    let mut heard = start;
    let closed = loop {
        let ripe = heard + options.time;
        let begins = calls.iter().filter(|call| call.end > ripe);
        let wanted = if options.without_calls {
            Some(ripe)
        } else {
            begins.map(|call| call.start.max(ripe)).min()
        };
        let next_read = reads.iter().copied().find(|&read| read > heard);
        let is_before = |other: u64| next_read.is_some_and(|read| read < other);
        match wanted {
            Some(ping) if ping < end && !is_before(ping) => {
                pings.push(ping);
                let due = ping + options.timeout;
                if due < end && !is_before(due) {
                    break Some(due);
                }
            }
            _ => {}
        }
        match next_read {
            Some(read) => heard = read,
            None => break None,
        }
    };
    Fate { pings, closed }
}

/// The time of a test, in milliseconds since its start.
#[derive(Clone, Copy)]
struct Clock(Instant);

impl Clock {
    fn now(self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap()
    }

    async fn reaches(self, time: u64) {
        sleep_until(self.0 + Duration::from_millis(time)).await;
    }
}

/// Events of a connection, as seen by its other end.
#[derive(Debug, Default)]
struct Log {
    start: u64,
    /// Times at which it wrote bytes.
    writes: Vec<u64>,
    /// Times during which calls were open.
    calls: Vec<Range<u64>>,
    pings: Vec<u64>,
    closed: Option<u64>,
}

impl Log {
    /// Compares the events before the end of a test with the model.
    fn check(mut self, options: Options, end: u64) -> Result<(), TestCaseError> {
        let expected = a8(options, self.start, &self.writes, &self.calls, end);
        self.pings.retain(|&ping| ping + SLACK < end);
        self.closed = self.closed.filter(|&closed| closed + SLACK < end);
        let about = |left: u64, right: u64| left.abs_diff(right) <= SLACK;
        let same_pings = self.pings.len() == expected.pings.len()
            && self
                .pings
                .iter()
                .zip(&expected.pings)
                .all(|(&left, &right)| about(left, right));
        let same_end = match (self.closed, expected.closed) {
            (Some(left), Some(right)) => about(left, right),
            (left, right) => left == right,
        };
        prop_assert!(same_pings && same_end, "{self:?} is not {expected:?}");
        Ok(())
    }
}

/// Returns the silence at time `now`, if any.
fn silence(silences: &[Range<u64>], now: u64) -> Option<u64> {
    let now = silences.iter().find(|silence| silence.contains(&now));
    now.map(|silence| silence.end)
}

/// Serves a connection of a client. It answers PINGs and calls at once, or at the end of a silence.
async fn serve(socket: DuplexStream, clock: Clock, silences: Vec<Range<u64>>) -> Log {
    let mut wire = Wire::new(socket, PREFACE.len());
    wire.send(SETTINGS, 0, 0, &[]).await;
    wire.send(SETTINGS, ACK, 0, &[]).await;
    let start = clock.now();
    let mut log = Log {
        start,
        ..Log::default()
    };
    let mut pings = 0;
    let mut open: Vec<(u32, usize)> = Vec::new();
    loop {
        let until = silence(&silences, clock.now());
        if until.is_none() && (pings > 0 || !open.is_empty()) {
            for _ in 0..std::mem::take(&mut pings) {
                wire.send(PING, ACK, 0, &[0; 8]).await;
            }
            for (stream, place) in open.drain(..) {
                let end = [
                    (":status", "200"),
                    ("content-type", "application/grpc"),
                    ("grpc-status", "5"),
                ];
                let flags = END_HEADERS | END_STREAM;
                wire.send(HEADERS, flags, stream, &literals(&end)).await;
                log.calls[place].end = clock.now();
            }
            log.writes.push(clock.now());
        }
        let frame = tokio::select! {
            frame = wire.frames.recv() => frame,
            () = clock.reaches(until.unwrap_or(0)), if until.is_some() => continue,
        };
        let now = clock.now();
        match frame {
            None | Some((GOAWAY, ..)) => {
                log.closed = Some(now);
                for (_, place) in open {
                    log.calls[place].end = now;
                }
                return log;
            }
            Some((PING, 0, _)) => {
                log.pings.push(now);
                pings += 1;
            }
            Some((HEADERS, _, stream)) => {
                open.push((stream, log.calls.len()));
                log.calls.push(now..u64::MAX);
            }
            Some((RST_STREAM, _, stream)) => {
                if let Some(found) = open.iter().position(|&(other, _)| other == stream) {
                    let (_, place) = open.remove(found);
                    log.calls[place].end = now;
                }
            }
            Some(_) => {}
        }
    }
}

/// Makes calls to servers with these silences. `calls` has the gap before each call and its maximum duration, in
/// seconds.
async fn client(
    options: Options,
    calls: Vec<(u64, u64)>,
    silences: Vec<Range<u64>>,
) -> Result<(), TestCaseError> {
    let (channel, mut script) = Script::new(
        Channel::builder()
            .keepalive_time(Duration::from_millis(options.time))
            .keepalive_timeout(Duration::from_millis(options.timeout))
            .keepalive_permit_without_calls(options.without_calls),
    );
    let clock = Clock(Instant::now());
    let (sender, mut served) = mpsc::unbounded_channel();
    let server = tokio::spawn(async move {
        loop {
            let socket = script.attempt().await.socket();
            let served = tokio::spawn(serve(socket, clock, silences.clone()));
            sender.send(served).ok();
        }
    });
    let stub = ProbeStub::new(channel.clone());
    let mut outcomes = Vec::new();
    for (gap, limit) in calls {
        sleep(gap as u32 * SECOND).await;
        let call = stub.unary(Request::default());
        let call = call.timeout(limit as u32 * SECOND).into_future();
        outcomes.push(tokio::spawn(async move {
            let began = Instant::now();
            (call.await, began.elapsed(), limit as u32 * SECOND)
        }));
    }
    for outcome in outcomes {
        let (outcome, took, limit) = within(outcome).await.unwrap();
        let code = outcome.unwrap_err().code();
        let slack = Duration::from_millis(SLACK);
        match code {
            Code::NotFound | Code::Unavailable => prop_assert!(took <= limit + slack),
            Code::DeadlineExceeded => prop_assert!(took >= limit && took <= limit + slack),
            other => prop_assert!(false, "{other}"),
        }
    }
    sleep(60 * SECOND).await;
    let end = clock.now();
    drop((channel, stub));
    server.abort();
    drop(server.await);
    while let Some(log) = served.recv().await {
        within(log).await.unwrap().check(options, end)?;
    }
    Ok(())
}

/// Runs a client with these silences, which begins a call after each of the gaps, in seconds. It answers PINGs when
/// it is not silent.
async fn server(
    options: Options,
    calls: Vec<u64>,
    silences: Vec<Range<u64>>,
) -> Result<(), TestCaseError> {
    let (probe, _events) = Probe::new();
    let mut server = Server::builder()
        .keepalive_time(Duration::from_millis(options.time))
        .keepalive_timeout(Duration::from_millis(options.timeout))
        .build();
    add_probe_servicer_to_server(probe, &mut server);
    let clock = Clock(Instant::now());
    let (near, far) = duplex(1 << 20);
    server.add_connection(far).unwrap();
    server.start().unwrap();
    let mut wire = Wire::new(near, 0);
    wire.write(PREFACE).await;
    wire.send(SETTINGS, 0, 0, &[]).await;
    wire.send(SETTINGS, ACK, 0, &[]).await;
    let mut log = Log::default();
    let mut starts = Vec::new();
    for gap in calls {
        starts.push(starts.last().copied().unwrap_or(0) + 1_000 * gap);
    }
    let end = starts.last().copied().unwrap_or(0) + 100_000;
    starts.push(end);
    let (mut next, mut stream, mut pings) = (0, 1, 0);
    while log.closed.is_none() && next < starts.len() {
        let until = silence(&silences, clock.now());
        if until.is_none() && pings > 0 {
            for _ in 0..std::mem::take(&mut pings) {
                wire.send(PING, ACK, 0, &[0; 8]).await;
            }
            log.writes.push(clock.now());
        }
        tokio::select! {
            frame = wire.frames.recv() => match frame {
                None | Some((GOAWAY, ..)) => log.closed = Some(clock.now()),
                Some((PING, 0, _)) => {
                    log.pings.push(clock.now());
                    pings += 1;
                }
                Some(_) => {}
            },
            () = clock.reaches(until.unwrap_or(0)), if until.is_some() => {}
            () = clock.reaches(starts[next]) => {
                next += 1;
                if silence(&silences, clock.now()).is_none() && next < starts.len() {
                    let head = [
                        (":method", "POST"),
                        (":scheme", "http"),
                        (":path", "/probe.v1.Probe/Unary"),
                        ("content-type", "application/grpc"),
                    ];
                    wire.send(HEADERS, END_HEADERS, stream, &literals(&head)).await;
                    wire.send(DATA, END_STREAM, stream, &[0; 5]).await;
                    stream += 2;
                    log.writes.push(clock.now());
                }
            }
        }
    }
    log.check(options, end)
}

fn paused(test: impl Future<Output = Result<(), TestCaseError>>) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    runtime.unwrap().block_on(test)
}

/// Generates keepalive times of whole seconds plus a few milliseconds.
fn options() -> impl Strategy<Value = Options> {
    (10..30_u64, 1..20_u64, any::<bool>()).prop_map(|(time, timeout, without_calls)| Options {
        time: time * 1_000 + 37,
        timeout: timeout * 1_000 + 11,
        without_calls,
    })
}

/// Generates silences with gaps of some seconds.
fn silences() -> impl Strategy<Value = Vec<Range<u64>>> {
    vec((0..60_u64, 1..90_u64), 0..4).prop_map(|silences| {
        let mut now = 0;
        let mut place = |(gap, length): (u64, u64)| {
            let start = now + gap * 1_000 + 500;
            now = start + length * 1_000 + 500;
            start..start + length * 1_000
        };
        silences.into_iter().map(&mut place).collect()
    })
}

proptest! {
    #[test]
    fn row_45_a_client_keeps_to_the_model(
        options in options(),
        calls in vec((0..50_u64, 1..40_u64), 1..10),
        silences in silences(),
    ) {
        paused(client(options, calls, silences))?;
    }

    #[test]
    fn row_45_a_server_keeps_to_the_model(
        options in options(),
        calls in vec(1..50_u64, 0..10),
        silences in silences(),
    ) {
        // A server sends PINGs with and without open calls.
        let options = Options { without_calls: true, ..options };
        paused(server(options, calls, silences))?;
    }
}

/// The original case: successive calls that are shorter than the keepalive time.
#[tokio::test(start_paused = true)]
async fn row_45_short_calls_keep_no_silent_server() {
    let builder = Channel::builder()
        .keepalive_time(10 * SECOND)
        .keepalive_timeout(5 * SECOND);
    let (channel, mut script) = Script::new(builder);
    let first = call_with(&channel, |call| call.timeout(SECOND));
    let mut silent = script.serve().await;
    silent.request().await;
    let began = Instant::now();
    outcome(first).await.unwrap_err();
    let mut codes = Vec::new();
    while script.is_quiet() {
        let next = call_with(&channel, |call| call.timeout(SECOND));
        codes.push(outcome(next).await.unwrap_err().code());
        sleep(SECOND / 2).await;
        assert!(
            began.elapsed() < 60 * SECOND,
            "the silent server was never detected"
        );
    }
    // The PING detects the silence within its timeout, and the next call reconnects.
    assert!(began.elapsed() < 18 * SECOND, "{:?}", began.elapsed());
    let timeouts = codes.iter().filter(|&&code| code == Code::DeadlineExceeded);
    assert!(timeouts.count() >= codes.len() - 1);
}

/// A call that starts during a long silence triggers the PING at once. The end of the call does not cancel the PING.
#[tokio::test(start_paused = true)]
async fn row_45_a_call_that_starts_too_late_pings_at_once() {
    let builder = Channel::builder()
        .keepalive_time(10 * SECOND)
        .keepalive_timeout(5 * SECOND);
    let (channel, mut script) = Script::new(builder);
    let first = call_with(&channel, |call| call);
    let mut silent = script.serve().await;
    silent.answer().await;
    outcome(first).await.unwrap();
    // No PINGs are sent while no call is open.
    sleep(1_000 * SECOND).await;
    let began = Instant::now();
    let short = call_with(&channel, |call| call.timeout(SECOND));
    let mut kinds = Vec::new();
    while kinds.last() != Some(&PING) {
        kinds.push(silent.read().await.unwrap().0);
    }
    assert!(kinds.contains(&HEADERS));
    assert!(began.elapsed() < Duration::from_millis(5));
    assert_eq!(
        outcome(short).await.unwrap_err().code(),
        Code::DeadlineExceeded
    );
    // A call that starts while the answer is awaited ends with the connection.
    sleep(SECOND).await;
    let open = outcome(call_with(&channel, |call| call)).await.unwrap_err();
    assert_eq!(open.code(), Code::Unavailable);
    assert!(open.message().contains("keepalive"), "{open}");
    assert_eq!(began.elapsed().as_secs(), 5);
}

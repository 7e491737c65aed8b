//! All orders of up to four events that can end a call, through engine and channel. Each order has one correct
//! result.
//!
//! The events happen one after the other, with time to settle in between. Then all of the server's events arrive in
//! one read, possibly after the deadline.

use std::time::Duration;

use stubwright::{Channel, Code, Result};
use stubwright_tests::frames::RST_STREAM;
use stubwright_tests::pb::probe::v1::Response;
use tokio::task::JoinHandle;
use tokio::time::{Instant, advance, sleep, sleep_until, timeout};

use crate::connectivity::{call, call_with, outcome};
use crate::script::{Peer, Script};

const LIMIT: Duration = Duration::from_secs(100);
const MOMENT: Duration = Duration::from_millis(10);
/// Age of a connection whose end does not count as a failed attempt (row 47).
const AGE: Duration = Duration::from_secs(2);

/// An event of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// The deadline passes.
    Deadline,
    /// The server resets the stream.
    Reset,
    /// The server refuses the stream without processing it.
    Refused,
    /// The server sends GOAWAY, and processes the call.
    GoAway,
    /// The server sends GOAWAY, and does not process the call.
    GoAwayUnseen,
    /// The response arrives with its trailers.
    Answer,
    /// The connection is lost.
    Loss,
    /// The caller drops the call.
    Cancel,
}

use Event::{Answer, Cancel, Deadline, GoAway, GoAwayUnseen, Loss, Refused, Reset};

const ALL: [Event; 8] = [
    Deadline,
    Reset,
    Refused,
    GoAway,
    GoAwayUnseen,
    Answer,
    Loss,
    Cancel,
];

impl Event {
    /// Returns whether the server sends nothing on the stream after this event.
    fn closes_stream(self) -> bool {
        matches!(self, Reset | Refused | Answer | Loss)
    }
}

/// Returns all orders of `length` of these events.
fn orders(events: &[Event], length: usize) -> Vec<Vec<Event>> {
    if length == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for shorter in orders(events, length - 1) {
        for &event in events.iter().filter(|event| !shorter.contains(event)) {
            all.push([&shorter[..], &[event]].concat());
        }
    }
    all
}

/// The result of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Ok,
    Failed(Code),
    /// The caller has dropped the call.
    Dropped,
}

impl End {
    fn of(outcome: Result<Response>) -> End {
        match outcome {
            Ok(_) => End::Ok,
            Err(status) => End::Failed(status.code()),
        }
    }
}

/// A call and its connection.
struct Case {
    channel: Channel,
    script: Script,
    peer: Option<Peer>,
    /// True if the server has sent GOAWAY or closed the connection.
    is_leaving: bool,
    stream: u32,
    /// True if the server has ended the stream.
    is_closed: bool,
    /// True if the call was retried transparently.
    is_second: bool,
    began: Instant,
    call: JoinHandle<Result<Response>>,
}

impl Case {
    async fn new() -> Case {
        let (channel, mut script) = Script::new(Channel::builder());
        channel.state(true);
        let mut peer = script.serve().await;
        sleep(AGE).await;
        let began = Instant::now();
        let call = call_with(&channel, |call| call.timeout(LIMIT));
        let stream = peer.request().await;
        Case {
            channel,
            script,
            peer: Some(peer),
            is_leaving: false,
            stream,
            is_closed: false,
            is_second: false,
            began,
            call,
        }
    }

    /// Performs an event on the server's side.
    async fn act(&mut self, event: Event) {
        let stream = self.stream;
        let Some(peer) = &mut self.peer else {
            return;
        };
        if self.is_closed && event.closes_stream() && event != Loss {
            return;
        }
        match event {
            Reset => peer.reset(stream, 8).await,
            Refused => peer.refuse(stream).await,
            GoAway => peer.go_away(stream).await,
            GoAwayUnseen => peer.go_away(stream - 1).await,
            Answer => peer.respond(stream).await,
            Loss => self.peer = None,
            Deadline | Cancel => {}
        }
        self.is_closed |= event.closes_stream();
        self.is_leaving |= matches!(event, GoAway | GoAwayUnseen | Loss);
    }

    /// Returns the model's result for an open call, or `None` if it is still open.
    async fn follow(&mut self, event: Event) -> Option<End> {
        match event {
            Deadline => Some(End::Failed(Code::DeadlineExceeded)),
            Reset => Some(End::Failed(Code::Cancelled)),
            Answer => Some(End::Ok),
            Loss => Some(End::Failed(Code::Unavailable)),
            Cancel => Some(End::Dropped),
            GoAway => None,
            Refused | GoAwayUnseen if self.is_second => Some(End::Failed(Code::Unavailable)),
            Refused | GoAwayUnseen => {
                self.find().await;
                None
            }
        }
    }

    /// Finds a call that is retried.
    async fn find(&mut self) {
        let is_new = self.is_leaving;
        if is_new {
            self.peer = Some(self.script.serve().await);
            self.is_leaving = false;
        }
        if let Some(peer) = &mut self.peer {
            self.stream = peer.request().await;
        }
        if is_new {
            sleep(AGE).await;
        }
        self.is_closed = false;
        self.is_second = true;
    }

    /// Returns whether the client has reset the stream.
    async fn was_reset(&mut self) -> bool {
        let Some(peer) = &mut self.peer else {
            return false;
        };
        while let Ok(Some((kind, _, stream))) = timeout(MOMENT, peer.read()).await {
            if kind == RST_STREAM && stream == self.stream {
                return true;
            }
        }
        false
    }

    /// Checks that the channel still works.
    async fn assert_goes_on(mut self, events: &[Event]) {
        let next = call(&self.channel);
        let mut peer = match self.peer {
            Some(peer) if !self.is_leaving => peer,
            _ => self.script.serve().await,
        };
        peer.answer().await;
        outcome(next).await.unwrap();
        assert!(self.script.is_quiet(), "{events:?}");
    }
}

/// Performs the events one after the other.
async fn in_turn(events: &[Event]) {
    let mut case = Case::new().await;
    let mut end = None;
    for &event in events {
        let was_closed = case.is_closed;
        match event {
            Deadline => sleep_until(case.began + LIMIT + MOMENT).await,
            Cancel => case.call.abort(),
            // The server is gone, so its events have no effect.
            _ if end.is_some() && case.is_leaving => {}
            event => case.act(event).await,
        }
        sleep(MOMENT).await;
        if end.is_none() {
            end = case.follow(event).await;
            if matches!(event, Deadline | Cancel) && !was_closed {
                assert!(case.was_reset().await, "{events:?}");
            }
        }
    }
    if end.is_none() {
        case.act(Answer).await;
    }
    let expected = end.unwrap_or(End::Ok);
    let ended = match (&mut case.call).await {
        Ok(outcome) => End::of(outcome),
        Err(_) => End::Dropped,
    };
    assert_eq!(ended, expected, "{events:?}");
    case.assert_goes_on(events).await;
}

/// Performs the server's events in one read. If the deadline is among the events, it has passed by then.
async fn at_once(events: &[Event]) {
    let mut case = Case::new().await;
    for &event in events {
        case.act(event).await;
    }
    let is_late = events.contains(&Deadline);
    if is_late {
        advance(LIMIT + MOMENT - case.began.elapsed()).await;
    }
    let decides = |event: &Event| !matches!(event, GoAway | Deadline);
    let first = events.iter().copied().find(decides);
    let expected = match first {
        // The server's status counts if it arrives before the end of the stream.
        Some(Answer) => End::Ok,
        _ if is_late => End::Failed(Code::DeadlineExceeded),
        Some(Reset) => End::Failed(Code::Cancelled),
        Some(Loss) => End::Failed(Code::Unavailable),
        Some(_) => {
            case.find().await;
            case.act(Answer).await;
            End::Ok
        }
        None => {
            case.act(Answer).await;
            End::Ok
        }
    };
    let ended = End::of((&mut case.call).await.unwrap());
    assert_eq!(ended, expected, "{events:?}");
    sleep(MOMENT).await;
    case.assert_goes_on(events).await;
}

#[tokio::test(start_paused = true)]
async fn each_order_of_events_has_one_answer() {
    for length in 0..=4 {
        for events in orders(&ALL, length) {
            in_turn(&events).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_order_of_events_that_are_read_at_once_has_one_answer() {
    // A caller that cancels does not see a result.
    let events = ALL.map(|event| if event == Cancel { Deadline } else { event });
    for length in 0..=4 {
        for events in orders(&events[..7], length) {
            at_once(&events).await;
        }
    }
}

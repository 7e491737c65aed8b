//! All orders of up to four things that can end a call, through engine and channel: each has one right answer.
//!
//! Once the things happen one after the other, with time for everything to settle in between; and once all that the server does is
//! read at once, at a time when the deadline may have passed already.

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
/// A connection that is older is no failed attempt when it ends (row 47).
const AGE: Duration = Duration::from_secs(2);

/// What can happen to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// Its deadline passes.
    Deadline,
    /// The server resets its stream.
    Reset,
    /// The server has not looked at it.
    Refused,
    /// The server goes away, and takes it.
    GoAway,
    /// The server goes away, and has not looked at it.
    GoAwayUnseen,
    /// The response comes, with its trailers.
    Answer,
    /// The connection is lost.
    Loss,
    /// Its caller gives it up.
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
    /// Whether the server sends nothing on the stream behind it.
    fn closes_stream(self) -> bool {
        matches!(self, Reset | Refused | Answer | Loss)
    }
}

/// All orders of `length` of these events.
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

/// How a call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Ok,
    Failed(Code),
    /// Nobody is there to learn it.
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

/// A call, and where it is.
struct Case {
    channel: Channel,
    script: Script,
    peer: Option<Peer>,
    /// The server goes away, or has gone.
    is_leaving: bool,
    stream: u32,
    /// The server has ended the stream.
    is_closed: bool,
    /// The call was sent again by itself.
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

    /// Lets something happen that the server does.
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

    /// What has become of a call that was open, by the model; nothing when it still is.
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

    /// Finds a call that goes out once more.
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

    /// Whether the server is told by now that the call is over.
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

    /// The channel is as good as before.
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

/// One after the other.
async fn in_turn(events: &[Event]) {
    let mut case = Case::new().await;
    let mut end = None;
    for &event in events {
        let was_closed = case.is_closed;
        match event {
            Deadline => sleep_until(case.began + LIMIT + MOMENT).await,
            Cancel => case.call.abort(),
            // Nobody is on the other side any more.
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

/// All that the server does in one read; the deadline has passed by then, if it is among the events.
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
        // The server's own word counts while it can still be heard.
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
    // A caller that cancels learns nothing.
    let events = ALL.map(|event| if event == Cancel { Deadline } else { event });
    for length in 0..=4 {
        for events in orders(&events[..7], length) {
            at_once(&events).await;
        }
    }
}

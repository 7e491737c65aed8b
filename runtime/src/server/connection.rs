//! The server's side of a connection.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::runtime::Handle;

use super::dispatch::{MethodTable, Refusal};
use super::handlers::Method;
use crate::Status;
use crate::base::header::Header;
use crate::base::{Outcome, clock, log, wire};
use crate::call::{Deadlines, Exchange, Link, Peer, Unread};
use crate::http2::{Connection, Event, Reason, RequestHead, Role, StreamId, StreamMap};
use crate::transport::{ConnectionRole, Driver, Socket, Turns, waits};

/// Creates the driver of a connection that was accepted at `arrived`, and the link by which its task is reached.
pub(crate) fn connection(
    socket: Socket,
    peer: Peer,
    methods: Arc<MethodTable>,
    arrived: Instant,
) -> (Driver<ServerRole>, Arc<Link>) {
    let mut config = methods.options.http2.clone();
    // The TLS handshake has used a part of the time.
    config.handshake_timeout = config.handshake_timeout.saturating_sub(arrived.elapsed());
    let upkeep = methods.options.upkeep;
    let link = Arc::new(Link::new(config.smallest_window()));
    let engine = Connection::new(Role::Server, config, clock::now());
    let role = ServerRole {
        link: Arc::clone(&link),
        peer,
        methods,
        calls: StreamMap::default(),
        deadlines: Deadlines::new(),
        fresh: Vec::new(),
        waiting: VecDeque::new(),
        turns: Turns::new(Arc::clone(&link), Handle::current().metrics().num_workers()),
        unread: Unread::default(),
    };
    let driver = Driver::new(socket, engine, Arc::clone(&link), upkeep, role);
    (driver, link)
}

/// The open calls of a server's connection.
pub(crate) struct ServerRole {
    pub(super) link: Arc<Link>,
    peer: Peer,
    pub(super) methods: Arc<MethodTable>,
    pub(super) calls: StreamMap<OpenCall>,
    pub(super) deadlines: Deadlines<StreamId>,
    /// Calls whose head has arrived, and whose handlers have not been started.
    pub(super) fresh: Vec<(StreamId, Arc<Method>)>,
    /// Calls whose handlers are likely to compute, and which wait for a turn.
    pub(super) waiting: VecDeque<(StreamId, Arc<Method>)>,
    pub(super) turns: Turns,
    /// Calls that received data which their handlers have not read.
    pub(super) unread: Unread,
}

/// An open call.
pub(super) struct OpenCall {
    pub(super) exchange: Arc<Exchange>,
    /// The call's method, if its handler is likely to compute and its request is incomplete.
    pub(super) held: Option<Arc<Method>>,
    pub(super) deadline: Option<Instant>,
    /// Set after the head of the response was sent.
    answered: bool,
    /// Set after everything that was read together with the call's head was delivered.
    pub(super) started: bool,
}

impl ConnectionRole for ServerRole {
    fn pump(&mut self, engine: &mut Connection, exchange: &Arc<Exchange>) {
        self.send(engine, exchange);
        self.link.set_crowded(engine.is_crowded());
    }

    fn event(&mut self, engine: &mut Connection, event: Event, now: Instant) {
        match event {
            Event::Request { stream, head, end } => self.request(engine, stream, head, end, now),
            Event::Data { stream, data, end } => match self.calls.get(&stream) {
                Some(call) => {
                    if call.exchange.deliver_request(data, end) && call.started {
                        self.unread.push(&call.exchange);
                    }
                    if call.held.is_some() {
                        self.admit(engine, stream);
                    }
                }
                // The call has ended: drop the data and return its window to the peer.
                None => engine.release(stream, data.len()),
            },
            Event::Trailers { stream, .. } => {
                if let Some(call) = self.calls.get(&stream) {
                    call.exchange.deliver_request(Bytes::new(), true);
                    if call.held.is_some() {
                        self.admit(engine, stream);
                    }
                }
            }
            Event::Reset { stream, .. } => {
                if let Some(call) = self.remove(stream) {
                    let why = Status::cancelled("the call was cancelled by its caller");
                    let why = call.exchange.details().cut_off(why, now);
                    call.exchange.cancel(why);
                }
            }
            Event::Writable { stream } => {
                if let Some(call) = self.calls.get(&stream) {
                    let exchange = Arc::clone(&call.exchange);
                    self.pump(engine, &exchange);
                }
            }
            // Only clients get these events.
            Event::Response { .. } | Event::CanOpen => {}
            // A client that goes away closes the connection once its calls have ended.
            Event::GoAway { .. } | Event::Pong { .. } => {}
        }
    }

    fn unstarted(&self) -> usize {
        self.fresh.len()
    }

    /// Starts the handlers of the calls that arrived. Each has everything of its request that was read with its head, usually all
    /// of it. If there are many calls, some wait until other connections have had their turn.
    fn settle(&mut self, engine: &mut Connection, now: Instant) {
        if !self.fresh.is_empty() {
            self.start_fresh(engine, now);
        }
        if !self.waiting.is_empty() || self.turns.timeout().is_some() {
            self.start_waiting(engine);
        }
    }

    fn turns(&mut self) -> Option<&mut Turns> {
        Some(&mut self.turns)
    }

    fn is_behind(&self) -> bool {
        !self.fresh.is_empty()
    }

    fn set_aside(&mut self) {
        self.unread.set_aside();
    }

    fn deadlines(&mut self) -> &mut Deadlines<StreamId> {
        &mut self.deadlines
    }

    fn expire(&mut self, engine: &mut Connection, stream: StreamId) {
        let status = Status::deadline_exceeded("the deadline of the call has passed");
        let call = self.calls.remove(&stream);
        if engine.is_sending(stream) {
            // Trailers would have to wait behind data that the peer's window holds back.
            engine.reset(stream, Reason::CANCEL);
        } else if let Some(call) = &call {
            end(
                engine,
                stream,
                call.answered,
                &Outcome::local(status.clone()),
            );
        }
        if let Some(call) = call {
            call.exchange.cancel(status);
        }
    }

    fn open_calls(&self) -> usize {
        self.calls.len()
    }

    fn drain(&mut self, engine: &mut Connection) {
        engine.drain();
    }

    fn cut_off(&mut self, _unsent: Vec<Arc<Exchange>>, why: &Status) {
        log::connection_ended(&self.peer, why);
        let now = crate::base::clock::now();
        for (_, call) in self.calls.drain() {
            let why = Status::cancelled("the connection of the call was closed");
            let why = call.exchange.details().cut_off(why, now);
            call.exchange.cancel(why);
        }
    }
}

impl ServerRole {
    fn request(
        &mut self,
        engine: &mut Connection,
        stream: StreamId,
        head: RequestHead,
        end: bool,
        now: Instant,
    ) {
        let (method, exchange) = match self.methods.accept(head, &self.peer, now) {
            Ok(accepted) => accepted,
            Err(refusal) => return refuse(engine, stream, &refusal),
        };
        exchange.attach(stream, Arc::clone(&self.link));
        if end {
            exchange.deliver_request(Bytes::new(), true);
        }
        let call = OpenCall {
            deadline: exchange.details().deadline,
            exchange,
            held: None,
            answered: false,
            started: false,
        };
        self.calls.insert(stream, call);
        self.fresh.push((stream, method));
    }

    /// Sends the data of a handler, as far as the stream has room for it.
    fn send(&mut self, engine: &mut Connection, exchange: &Arc<Exchange>) {
        let stream = exchange.stream();
        let Some(call) = self.calls.get_mut(&stream) else {
            return;
        };
        loop {
            let mut part = exchange.take_response(engine.send_capacity(stream));
            if part.released > 0 {
                engine.release(stream, part.released);
            }
            if part.wanted > 0 {
                engine.want(stream, part.wanted, clock::now());
            }
            if let Some(metadata) = part.head {
                let encoding = exchange.encoding.fix().header();
                let head = || {
                    wire::response_head()
                        .chain(encoding)
                        .chain(metadata.fields())
                };
                // Many peers would close the connection instead, and end all other calls with it.
                if head().map(Header::size).sum::<usize>() > engine.peer_header_limit() {
                    let status = Status::resource_exhausted(
                        "the initial metadata of the response is over the client's limit",
                    );
                    self.finish(engine, stream, false, &Outcome::local(status.clone()));
                    return exchange.cancel(status);
                }
                call.answered = true;
                engine.send_headers(stream, head(), false);
            }
            while !part.data.is_empty() {
                engine.send_data(stream, part.data.take(usize::MAX), false);
            }
            if let Some(outcome) = part.outcome {
                let answered = call.answered;
                return self.finish(engine, stream, answered, &outcome);
            }
            if waits(engine, stream, part.has_more, part.held) {
                return;
            }
        }
    }

    /// Sends the end of a call whose handler has ended.
    fn finish(
        &mut self,
        engine: &mut Connection,
        stream: StreamId,
        answered: bool,
        outcome: &Outcome,
    ) {
        if engine.is_sending(stream) {
            // The peer's window holds back the rest, so the deadline stays in force until it has been sent.
            self.calls.remove(&stream);
        } else {
            self.remove(stream);
        }
        end(engine, stream, answered, outcome);
    }

    fn remove(&mut self, stream: StreamId) -> Option<OpenCall> {
        let call = self.calls.remove(&stream)?;
        if let Some(deadline) = call.deadline {
            self.deadlines.remove(deadline, stream);
        }
        Some(call)
    }
}

/// Responds to a request that reaches no handler.
fn refuse(engine: &mut Connection, stream: StreamId, refusal: &Refusal) {
    match refusal {
        Refusal::Http(status) => {
            let status = Header::new(b":status", status.to_string().as_bytes());
            engine.send_headers(stream, [&status], true);
        }
        Refusal::Grpc(status) => end(engine, stream, false, &Outcome::local(status.clone())),
        Refusal::Encoding(status) => {
            let fields = wire::refusal_head(&Outcome::local(status.clone()), true);
            send_last(engine, stream, fields);
        }
        Refusal::BadRequest(status) => {
            let fields = wire::bad_request_head(&Outcome::local(status.clone()));
            send_last(engine, stream, fields);
        }
    }
}

/// Sends the end of a call: its trailers, or a head alone if none was sent before.
fn end(engine: &mut Connection, stream: StreamId, answered: bool, outcome: &Outcome) {
    if answered {
        let mut fields = wire::trailers(outcome);
        wire::cut_to(engine.peer_header_limit(), &mut fields);
        engine.send_trailers(stream, fields);
    } else {
        send_last(engine, stream, wire::refusal_head(outcome, false));
    }
}

/// Sends a head that ends the stream, cut to the size that the peer accepts.
fn send_last(engine: &mut Connection, stream: StreamId, fields: Vec<Header>) {
    let mut fields = fields.into();
    wire::cut_to(engine.peer_header_limit(), &mut fields);
    engine.send_headers(stream, fields.iter(), true);
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::io;
    use std::pin::{Pin, pin};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Wake, Waker};

    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    use super::*;

    /// The header of a DATA frame of 16 KiB.
    const DATA: [u8; 9] = [0, 0x40, 0, 0, 0, 0, 0, 0, 1];

    /// A client that always has more to send, and reads every response. It sends a request of an unknown method and its data,
    /// again and again.
    struct Endless {
        next: Vec<u8>,
        read: Arc<AtomicUsize>,
    }

    impl Endless {
        fn new(read: Arc<AtomicUsize>) -> Endless {
            let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
            let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
            // The fields are POST, http and /.
            let request = [0, 0, 3, 1, 4, 0, 0, 0, 1, 0x83, 0x86, 0x84];
            Endless {
                next: [&preface[..], &settings, &request].concat(),
                read,
            }
        }
    }

    impl AsyncRead for Endless {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            while self.next.len() < buffer.remaining() {
                self.next.extend(DATA);
                let length = self.next.len() + 16 * 1024;
                self.next.resize(length, 0);
            }
            let count = buffer.remaining();
            buffer.put_slice(&self.next[..count]);
            self.next.drain(..count);
            self.read.fetch_add(count, Ordering::Relaxed);
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Endless {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_peer_that_always_has_more_leaves_time_for_the_calls() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let _guard = runtime.enter();
        let read = Arc::new(AtomicUsize::new(0));
        let socket = Socket::new(Box::new(Endless::new(Arc::clone(&read))));
        let (driver, _link) = connection(socket, Peer::unknown(), Arc::default(), clock::now());
        let mut driver = pin!(driver);
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        for poll in 1..=20 {
            let polled = driver.as_mut().poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
            assert_eq!(wakes.0.load(Ordering::Relaxed), poll, "it goes on");
            // Each poll reads two or three times.
            let read = read.load(Ordering::Relaxed);
            assert!(read > 0 && read <= poll * 192 * 1024, "{read} bytes");
        }
    }
}

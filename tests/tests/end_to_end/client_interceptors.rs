//! Interceptors around the calls of a channel.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use stubwright::{
    AnyMessage, CallEnd, Channel, ClientCall, ClientInterceptor, Code, Handlers, Prost, Raw,
    RequestSender, Result, Server, ServiceConfig, ServicerContext, Status, sending,
};
use stubwright_tests::Event;
use stubwright_tests::pb::probe::v1::{Action, ProbeStub, Request, Response};
use tokio::sync::{Notify, mpsc};

use crate::transports::{Link, Transport, over_every_transport, within};

over_every_transport!(
    an_interceptor_sees_the_end_of_all_kinds_of_calls,
    the_last_interceptor_of_a_channel_is_the_outermost,
    messages_of_all_kinds_are_changed,
    an_observer_ends_a_call,
    metadata_is_changed_both_ways,
    the_method_is_changed,
    the_timeout_is_changed,
    each_attempt_has_a_timeout_of_its_own,
    a_call_is_rejected_before_anything_is_sent,
    a_call_is_answered_from_a_cache,
    a_stream_is_answered_by_an_interceptor,
    a_failed_call_is_made_again,
    a_stream_of_requests_is_sent_once,
    a_call_is_not_made_again_once_its_caller_has_seen_a_response,
    a_request_passes_the_interceptors_once,
    an_attempt_that_is_given_up_is_cancelled,
    an_interceptor_may_change_the_result_of_a_call,
    a_call_goes_on_in_another_task,
    a_request_sender_returns_the_end_of_its_call,
    a_panic_of_an_interceptor_ends_only_its_call,
    a_cancelled_call_drops_its_interceptors,
    the_deadline_of_a_call_ends_its_interceptors,
);

fn request(payload: &[u8], count: u32) -> Request {
    Request {
        payload: payload.to_vec(),
        count,
        ..Request::default()
    }
}

fn acting(action: Action) -> Request {
    Request {
        action: action.into(),
        code: Code::Aborted.number() as i32,
        message: "as asked".into(),
        ..request(b"x", 2)
    }
}

/// A stub with an interceptor around its channel.
fn stub(link: &Link, interceptor: impl ClientInterceptor) -> ProbeStub {
    ProbeStub::new(link.channel.with_interceptor(interceptor))
}

/// Makes one call of each kind, with this request as the last one. Returns the result of each.
async fn each_kind(stub: &ProbeStub, request: &Request) -> [Result<()>; 4] {
    let requests = || stream::iter([Request::default(), request.clone()]);
    [
        stub.unary(request.clone()).await.map(drop),
        stub.server_stream(request.clone())
            .try_for_each(async |_| Ok(()))
            .await,
        stub.client_stream(requests()).await.map(drop),
        stub.bidi(requests()).try_for_each(async |_| Ok(())).await,
    ]
}

/// The end of a call, and the counts of its interceptor.
struct Seen {
    end: CallEnd,
    requests: u64,
    responses: u64,
    elapsed: Duration,
}

impl Seen {
    fn code(&self) -> Code {
        self.end.code()
    }
}

/// Returns an interceptor that records the ends of calls.
fn recording() -> (impl ClientInterceptor, mpsc::UnboundedReceiver<Seen>) {
    let (ends, receiver) = mpsc::unbounded_channel();
    let interceptor = move |mut call: ClientCall| {
        let ends = ends.clone();
        async move {
            let end = call.proceed().await;
            let seen = Seen {
                end: end.clone(),
                requests: call.requests(),
                responses: call.responses(),
                elapsed: call.elapsed(),
            };
            ends.send(seen).ok().unwrap();
            end.result
        }
    };
    (interceptor, receiver)
}

async fn an_interceptor_sees_the_end_of_all_kinds_of_calls(link: Link) {
    let (interceptor, mut ends) = recording();
    let stub = stub(&link, interceptor);
    for (action, code) in [(Action::End, Code::Ok), (Action::Fail, Code::Aborted)] {
        for result in each_kind(&stub, &acting(action)).await {
            assert_eq!(result.is_ok(), code == Code::Ok);
        }
        let of_one = u64::from(code == Code::Ok);
        for (requests, responses) in [(1, of_one), (1, 2), (2, of_one), (2, 2)] {
            let end = ends.try_recv().unwrap();
            assert_eq!(end.code(), code);
            assert_eq!((end.requests, end.responses), (requests, responses));
            assert!(end.elapsed < Duration::from_secs(20));
        }
    }
    let call = stub.unary(request(b"x", 0)).metadata("initial-a", "1");
    let (_, call) = call.metadata("trailing-a", "2").with_call().await.unwrap();
    let end = ends.try_recv().unwrap();
    for (seen, returned) in [
        (&end.end.initial_metadata, &call.initial_metadata),
        (&end.end.trailing_metadata, &call.trailing_metadata),
    ] {
        assert_eq!((seen.len(), seen), (1, returned));
    }
    let mut call = stub
        .server_stream(request(b"x", 1))
        .metadata("initial-a", "1")
        .metadata("trailing-a", "2");
    assert_eq!(call.code(), None);
    let initial = call.initial_metadata().await.unwrap();
    assert_eq!(initial.get("initial-a"), Some("1"));
    assert_eq!(call.message().await.unwrap().unwrap().payload, b"x");
    assert!(call.message().await.unwrap().is_none());
    assert_eq!(call.code(), Some(Code::Ok));
    let trailing = call.trailing_metadata().unwrap();
    assert_eq!(trailing.get("trailing-a"), Some("2"));
    let failed = stub.unary(acting(Action::Fail)).await.unwrap_err();
    assert_eq!(failed.message(), "as asked");
    assert_eq!(failed.details()[..], [8, 5]);
}

/// Returns an interceptor that notes the order of events.
fn noting(name: &'static str, notes: &Arc<Mutex<Vec<String>>>) -> impl ClientInterceptor + use<> {
    let notes = Arc::clone(notes);
    move |mut call: ClientCall| {
        let note = |what: &'static str| {
            let notes = Arc::clone(&notes);
            move || notes.lock().unwrap().push(format!("{name} {what}"))
        };
        let (starts, ends) = (note("call"), note("end"));
        let (requests, responses, heads) = (note("request"), note("response"), note("head"));
        call.on_request(move |_| {
            requests();
            Ok(())
        });
        call.on_response(move |_| {
            responses();
            Ok(())
        });
        call.on_initial_metadata(move |_| heads());
        async move {
            starts();
            let end = call.proceed().await;
            ends();
            end.result
        }
    }
}

async fn the_last_interceptor_of_a_channel_is_the_outermost(link: Link) {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let channel = link
        .channel
        .with_interceptor(noting("inner", &notes))
        .with_interceptor(noting("outer", &notes));
    let stub = ProbeStub::new(channel);
    stub.unary(request(b"x", 0)).await.unwrap();
    // The request of a unary call passes each interceptor together with the call. The requests of a stream follow later.
    let ends = [
        "inner head",
        "outer head",
        "inner response",
        "outer response",
        "inner end",
        "outer end",
    ];
    let one = ["outer call", "outer request", "inner call", "inner request"];
    let noted = std::mem::take(&mut *notes.lock().unwrap());
    assert_eq!(noted, [&one[..], &ends[..]].concat());
    stub.client_stream([request(b"x", 0)]).await.unwrap();
    let many = ["outer call", "inner call", "outer request", "inner request"];
    let noted = std::mem::take(&mut *notes.lock().unwrap());
    assert_eq!(noted, [&many[..], &ends[..]].concat());
    // The original channel has no interceptors.
    link.stub.unary(request(b"x", 0)).await.unwrap();
    assert!(notes.lock().unwrap().is_empty());
}

async fn changing(mut call: ClientCall) -> Result<()> {
    call.on_request(|message: &mut dyn AnyMessage| {
        let before = message.encoded_len();
        assert_eq!(before, message.to_bytes().len());
        let request = message.downcast_mut::<Request>().unwrap();
        request.payload.extend(b"-asked");
        assert!(format!("{message:?}").starts_with("Request {"));
        Ok(())
    });
    call.on_response(|message: &mut dyn AnyMessage| {
        assert!(message.downcast_ref::<Request>().is_none());
        let response = message.downcast_mut::<Response>().unwrap();
        response.payload.extend(b"-answered");
        Ok(())
    });
    call.proceed().await.result
}

async fn messages_of_all_kinds_are_changed(link: Link) {
    let stub = stub(&link, changing);
    let expected = b"x-asked-answered";
    let response = stub.unary(request(b"x", 0)).await.unwrap();
    assert_eq!(response.payload, expected);

    let responses = stub.server_stream(request(b"x", 3));
    let responses: Vec<_> = responses.try_collect().await.unwrap();
    assert_eq!(responses.len(), 3);
    assert!(responses.iter().all(|one| one.payload == expected));

    let requests = || [request(b"x", 0), request(b"x", 0)];
    let response = stub.client_stream(requests()).await.unwrap();
    let mut summed = 14_u64.to_be_bytes().to_vec();
    summed.extend(b"-answered");
    assert_eq!(response.payload, summed);

    let responses: Vec<_> = stub.bidi(requests()).try_collect().await.unwrap();
    assert_eq!(responses.len(), 2);
    assert!(responses.iter().all(|one| one.payload == expected));
}

async fn an_observer_ends_a_call(link: Link) {
    let (outer, mut ends) = recording();
    let refusing = async |mut call: ClientCall| {
        if call.metadata().contains_key("requests") {
            call.on_request(|_| Err(Status::out_of_range("such a request")));
        } else {
            let mut left = 1;
            call.on_response(move |_| {
                left -= 1;
                if left < 0 {
                    return Err(Status::data_loss("too many responses"));
                }
                Ok(())
            });
        }
        call.proceed().await.result
    };
    let refusing = link.channel.with_interceptor(refusing);
    let stub = ProbeStub::new(refusing.with_interceptor(outer));
    let requests = || stream::iter([request(b"x", 2)]).chain(stream::pending());
    let unary = stub.unary(request(b"x", 2)).metadata("requests", "1");
    assert_eq!(unary.await.unwrap_err().code(), Code::OutOfRange);
    let streams = stub.bidi(requests()).metadata("requests", "1");
    let error = streams.try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.code(), Code::OutOfRange);
    let streams = stub.client_stream(requests()).metadata("requests", "1");
    assert_eq!(streams.await.unwrap_err().code(), Code::OutOfRange);
    for _ in 0..3 {
        assert_eq!(ends.try_recv().unwrap().code(), Code::OutOfRange);
    }

    let mut call = stub.server_stream(acting(Action::Hang));
    assert!(call.message().await.unwrap().is_some());
    assert_eq!(call.message().await.unwrap_err().code(), Code::DataLoss);
    assert!(call.message().await.unwrap().is_none());
    assert_eq!(ends.try_recv().unwrap().code(), Code::DataLoss);
}

async fn metadata_is_changed_both_ways(link: Link) {
    let adding = async |mut call: ClientCall| {
        call.metadata_mut().remove("initial-secret");
        call.metadata_mut().append("initial-added", "1")?;
        call.metadata_mut().append("trailing-added", "1")?;
        call.on_initial_metadata(|metadata| metadata.append("seen", "1").unwrap());
        call.proceed().await.result
    };
    let stub = stub(&link, adding);
    let call = stub.unary(request(b"x", 0)).metadata("initial-secret", "1");
    let (_, call) = call.with_call().await.unwrap();
    let initial: Vec<_> = call.initial_metadata.iter().map(|pair| pair.0).collect();
    assert_eq!(initial, ["initial-added", "seen"]);
    let trailing: Vec<_> = call.trailing_metadata.iter().map(|pair| pair.0).collect();
    assert_eq!(trailing, ["trailing-added"]);
}

async fn the_method_is_changed(link: Link) {
    let redirecting = async |mut call: ClientCall| {
        assert!(call.set_method("probe.v1.Probe").is_err());
        let method = call.method().replace("/old.", "/probe.v1.");
        call.set_method(method)?;
        call.proceed().await.result
    };
    let channel = link.channel.with_interceptor(redirecting);
    let call = channel.unary_unary("/old.Probe/Unary", Raw, Bytes::from_static(b"\n\x01x"));
    let response: Bytes = call.await.unwrap();
    assert_eq!(response, "\n\x01x");
}

async fn the_timeout_is_changed(link: Link) {
    let hurrying = async |mut call: ClientCall| {
        let left = call.time_remaining();
        assert!(left.is_none_or(|left| left <= Duration::from_secs(1000)));
        assert_eq!(call.deadline().is_some(), left.is_some());
        match call.metadata().get("seconds") {
            Some("none") => call.set_timeout(None),
            Some(seconds) => {
                call.set_timeout(Duration::from_secs_f64(seconds.parse().unwrap()));
            }
            None => {}
        }
        call.proceed().await.result
    };
    let stub = stub(&link, hurrying);
    let left = async |seconds: Option<&'static str>| {
        let mut call = stub.unary(request(b"x", 0)).metadata("describe", "1");
        call = call.timeout(Duration::from_secs(1000));
        if let Some(seconds) = seconds {
            call = call.metadata("seconds", seconds);
        }
        let (_, call) = call.with_call().await.unwrap();
        let left = call.trailing_metadata.get("seconds-left");
        left.map(|left| left.parse::<u64>().unwrap())
    };
    assert!(left(None).await > Some(900));
    assert!(left(Some("100")).await < Some(101));
    assert!(left(Some("5000")).await > Some(4000));
    assert_eq!(left(Some("none")).await, None);
    let call = stub.server_stream(acting(Action::Hang));
    let ended = call
        .metadata("seconds", "0.1")
        .try_collect::<Vec<_>>()
        .await;
    assert_eq!(ended.unwrap_err().code(), Code::DeadlineExceeded);
}

async fn each_attempt_has_a_timeout_of_its_own(transport: Transport) {
    let mut server = transport.server(Server::builder());
    server.add_handlers(Handlers::new().unary_unary(
        "/test.Slow/AtFirst",
        Prost,
        async |request: String, context: ServicerContext| {
            if !context.invocation_metadata().contains_key("last") {
                std::future::pending::<()>().await;
            }
            Ok::<String, _>(request)
        },
    ));
    let link = transport.link_to(server).await;
    let hurrying = async |mut call: ClientCall| {
        let deadline = call.deadline();
        for _ in 0..2 {
            call.set_timeout(Duration::from_millis(50));
            let end = call.proceed().await;
            assert_eq!(end.code(), Code::DeadlineExceeded);
            assert!(call.can_proceed());
        }
        // The whole call still has time.
        call.metadata_mut().insert("last", "1")?;
        call.set_timeout(deadline.map(|deadline| deadline - Instant::now()));
        call.proceed().await.result
    };
    let channel = link.channel.with_interceptor(hurrying);
    let call = channel
        .unary_unary::<_, String, _>("/test.Slow/AtFirst", Prost, "again".to_owned())
        .timeout(Duration::from_secs(20));
    assert_eq!(call.await.unwrap(), "again");
}

async fn a_call_is_rejected_before_anything_is_sent(mut link: Link) {
    let rejecting = async |mut call: ClientCall| {
        if call.metadata().contains_key("reject") {
            let mut metadata = stubwright::Metadata::new();
            metadata.append("why", "asked")?;
            return Err(Status::permission_denied("no").with_metadata(metadata));
        }
        call.proceed().await.result
    };
    let stub = ProbeStub::new(link.channel.with_interceptor(rejecting));
    let rejected = stub.unary(request(b"x", 0)).metadata("reject", "1").await;
    let rejected = rejected.unwrap_err();
    assert_eq!(
        (rejected.code(), rejected.message()),
        (Code::PermissionDenied, "no")
    );
    let mut call = stub
        .bidi(stream::pending::<Request>())
        .metadata("reject", "1");
    assert!(call.initial_metadata().await.is_err());
    let rejected = call.message().await.unwrap_err();
    assert_eq!(rejected.code(), Code::PermissionDenied);
    let trailing = call.trailing_metadata().unwrap();
    assert_eq!(trailing.get("why"), Some("asked"));
    stub.unary(request(b"x", 0)).await.unwrap();
    // One call reached the handler.
    assert_eq!(link.event().await, Event::Started);
    assert_eq!(link.event().await, Event::Dropped);
    assert!(link.events.try_recv().is_err());
}

async fn a_call_is_answered_from_a_cache(mut link: Link) {
    let (outer, mut ends) = recording();
    let cache = Arc::new(Mutex::new(HashMap::<Bytes, Bytes>::new()));
    let caching = move |mut call: ClientCall| {
        let cache = Arc::clone(&cache);
        async move {
            let Some(key) = call.request(|request| request.to_bytes()) else {
                return call.proceed().await.result;
            };
            let cached = cache.lock().unwrap().get(&key).cloned();
            if let Some(response) = cached {
                call.respond(response);
                return Ok(());
            }
            call.on_response(move |response| {
                let mut cache = cache.lock().unwrap();
                cache.insert(key.clone(), response.to_bytes());
                Ok(())
            });
            call.proceed().await.result
        }
    };
    let channel = link.channel.with_interceptor(caching);
    let stub = ProbeStub::new(channel.with_interceptor(outer));
    for payload in [b"a", b"a", b"b", b"a", b"b"] {
        let response = stub.unary(request(payload, 0)).await.unwrap();
        assert_eq!(response.payload, payload);
        let end = ends.try_recv().unwrap();
        assert_eq!((end.code(), end.responses), (Code::Ok, 1));
    }
    // Two calls reached the handler.
    for _ in 0..2 {
        assert_eq!(link.event().await, Event::Started);
        assert_eq!(link.event().await, Event::Dropped);
    }
    assert!(link.events.try_recv().is_err());
}

async fn a_stream_is_answered_by_an_interceptor(link: Link) {
    let answering = async |mut call: ClientCall| {
        assert!(call.is_response_streaming());
        let response = |payload: &'static [u8]| {
            let encoded = [&[10, payload.len() as u8], payload].concat();
            Bytes::from(encoded)
        };
        call.respond(response(b"before"));
        call.proceed().await.result?;
        call.respond(response(b"after"));
        Ok(())
    };
    let inner = link.channel.with_interceptor(answering);
    let counting = async |mut call: ClientCall| {
        let mut count = 0;
        call.on_response(move |response| {
            let response = response.downcast_mut::<Response>().unwrap();
            response.index = count;
            count += 1;
            Ok(())
        });
        call.proceed().await.result
    };
    let stub = ProbeStub::new(inner.with_interceptor(counting));
    let call = stub.bidi([request(b"x", 0), request(b"y", 0)]);
    let responses: Vec<_> = call.try_collect().await.unwrap();
    let payloads: Vec<_> = responses.iter().map(|one| &one.payload[..]).collect();
    assert_eq!(payloads, [&b"before"[..], b"x", b"y", b"after"]);
    let places: Vec<_> = responses.iter().map(|one| one.index).collect();
    assert_eq!(places, [0, 1, 2, 3]);
    let broken = link.channel.with_interceptor(async |call: ClientCall| {
        call.respond(Bytes::from_static(b"\xff"));
        Ok(())
    });
    let broken = ProbeStub::new(broken);
    let refused = broken.unary(request(b"x", 0)).await.unwrap_err();
    assert_eq!(refused.code(), Code::Internal);
    let silent = link.channel.with_interceptor(async |_: ClientCall| Ok(()));
    let silent = ProbeStub::new(silent);
    let refused = silent.unary(request(b"x", 0)).await.unwrap_err();
    assert_eq!(refused.code(), Code::Internal, "{refused}");
    assert!(
        silent
            .server_stream(request(b"x", 1))
            .next()
            .await
            .is_none()
    );
}

/// Returns an interceptor that makes calls again when they fail with ABORTED, and sends the number of attempts.
fn persistent(attempts: usize) -> (impl ClientInterceptor, mpsc::UnboundedReceiver<usize>) {
    let (made, receiver) = mpsc::unbounded_channel();
    let interceptor = move |mut call: ClientCall| {
        let made = made.clone();
        async move {
            let mut attempt = 1;
            loop {
                let last = (attempt == attempts).then_some("End");
                // The next attempt has the changes.
                call.metadata_mut()
                    .insert("initial-attempt", attempt.to_string())?;
                if let Some("End") = last {
                    call.set_method("/probe.v1.Probe/ServerStream")?;
                }
                let end = call.proceed().await;
                if end.code() != Code::Aborted || last.is_some() || !call.can_proceed() {
                    made.send(attempt).unwrap();
                    return end.result;
                }
                attempt += 1;
            }
        }
    };
    (interceptor, receiver)
}

async fn a_failed_call_is_made_again(mut link: Link) {
    let (again, mut made) = persistent(3);
    let stub = ProbeStub::new(link.channel.with_interceptor(again));
    // The last attempt calls another method, which sends a response before it fails.
    let failing = stub.unary(Request {
        count: 1,
        ..acting(Action::Fail)
    });
    assert_eq!(failing.await.unwrap_err().code(), Code::Aborted);
    assert_eq!(made.try_recv(), Ok(3));
    for _ in 0..3 {
        assert_eq!(link.event().await, Event::Started);
        assert_eq!(link.event().await, Event::Dropped);
    }
    let call = stub.unary(request(b"x", 0)).with_call();
    let (response, call) = call.await.unwrap();
    assert_eq!(response.payload, b"x");
    assert_eq!(call.initial_metadata.get("initial-attempt"), Some("1"));
    assert_eq!(made.try_recv(), Ok(1));
}

async fn a_stream_of_requests_is_sent_once(link: Link) {
    let stub = stub(&link, async |mut call: ClientCall| {
        assert!(call.can_proceed());
        let end = call.proceed().await;
        assert_eq!(end.code(), Code::Aborted);
        assert!(!call.can_proceed());
        let again = call.proceed().await;
        assert_eq!(again.code(), Code::FailedPrecondition);
        end.result
    });
    let requests = [request(b"x", 0), acting(Action::Fail)];
    let failed = stub.client_stream(requests).await.unwrap_err();
    assert_eq!(failed.code(), Code::Aborted);
}

async fn a_call_is_not_made_again_once_its_caller_has_seen_a_response(link: Link) {
    let (again, mut made) = persistent(3);
    let stub = ProbeStub::new(link.channel.with_interceptor(again));
    let mut call = stub.server_stream(acting(Action::Fail));
    for _ in 0..2 {
        assert!(call.message().await.unwrap().is_some());
    }
    assert_eq!(call.message().await.unwrap_err().code(), Code::Aborted);
    assert_eq!(made.try_recv(), Ok(1));
    let (sender, receiver) = mpsc::unbounded_channel();
    let requests = stream::unfold(receiver, async |mut receiver| {
        Some((receiver.recv().await?, receiver))
    });
    let mut call = stub.bidi(requests);
    assert!(call.initial_metadata().await.is_ok());
    sender.send(acting(Action::Fail)).unwrap();
    while call.message().await.is_ok() {}
    assert_eq!(call.code(), Some(Code::Aborted));
    assert_eq!(made.try_recv(), Ok(1));
}

async fn a_request_passes_the_interceptors_once(link: Link) {
    let adding = async |mut call: ClientCall| {
        call.on_request(|request| {
            let request = request.downcast_mut::<Request>().unwrap();
            request.payload.push(b'+');
            Ok(())
        });
        call.proceed().await.result
    };
    let twice = async |mut call: ClientCall| {
        call.on_response(|response| {
            let response = response.downcast_mut::<Response>().unwrap();
            response.payload.push(b'!');
            Ok(())
        });
        call.proceed().await.result?;
        call.proceed().await.result
    };
    let channel = link.channel.with_interceptor(adding);
    let stub = ProbeStub::new(channel.with_interceptor(twice).with_interceptor(adding));
    let response = stub.unary(request(b"x", 0)).await.unwrap();
    assert_eq!(response.payload, b"x++!");
}

async fn an_attempt_that_is_given_up_is_cancelled(mut link: Link) {
    let impatient = async |mut call: ClientCall| {
        let started = call.metadata().contains_key("started");
        let attempt = call.proceed();
        let end = tokio::time::timeout(Duration::from_millis(50), attempt).await;
        assert!(end.is_err() && !started);
        call.metadata_mut().append("started", "1")?;
        call.set_method("/probe.v1.Probe/Nothing")?;
        call.proceed().await.result
    };
    let stub = ProbeStub::new(link.channel.with_interceptor(impatient));
    let ended = stub.unary(acting(Action::Hang)).await.unwrap_err();
    assert_eq!(ended.code(), Code::Unimplemented);
    assert_eq!(link.event().await, Event::Started);
    assert_eq!(link.event().await, Event::Dropped);
    assert!(link.events.try_recv().is_err());
}

async fn an_interceptor_may_change_the_result_of_a_call(link: Link) {
    let mending = async |mut call: ClientCall| {
        let end = call.proceed().await;
        if end.code() == Code::Aborted {
            call.respond(Bytes::from_static(b"\n\x04well"));
            return Ok(());
        }
        end.result.and(Err(Status::data_loss("unexpected success")))
    };
    let stub = stub(&link, mending);
    let response = stub.unary(acting(Action::Fail)).await.unwrap();
    assert_eq!(response.payload, b"well");
    let failed = stub.unary(acting(Action::End)).await.unwrap_err();
    assert_eq!(failed.code(), Code::DataLoss);
}

async fn a_call_goes_on_in_another_task(link: Link) {
    let stub = stub(&link, async |mut call: ClientCall| {
        let end = tokio::spawn(async move { call.proceed().await });
        end.await.unwrap().result
    });
    for result in each_kind(&stub, &acting(Action::End)).await {
        result.unwrap();
    }
    for result in each_kind(&stub, &acting(Action::Fail)).await {
        assert_eq!(result.unwrap_err().code(), Code::Aborted);
    }
}

/// Sends requests without reading, until the call takes no more. Returns the error.
async fn send_to_the_end(sender: &RequestSender<Request>) -> Status {
    loop {
        if let Err(status) = sender.send(acting(Action::Fail)).await {
            return status;
        }
    }
}

async fn a_request_sender_returns_the_end_of_its_call(link: Link) {
    let (interceptor, mut ends) = recording();
    let inner = link.channel.with_interceptor(interceptor);
    let stub = ProbeStub::new(inner.clone());
    let (sender, call) = sending(|requests| stub.client_stream(requests));
    let learned = send_to_the_end(&sender).await;
    assert_eq!(learned.code(), Code::Aborted);
    assert_eq!(within(ends.recv()).await.unwrap().code(), Code::Aborted);
    assert_eq!(call.await.unwrap_err().code(), Code::Aborted);
    // Responses that have arrived before the end can still be read.
    let (sender, mut call) = sending(|requests| stub.bidi(requests));
    let learned = send_to_the_end(&sender).await;
    assert_eq!(learned.code(), Code::Aborted);
    assert!(call.message().await.unwrap().is_some());
    assert_eq!(call.message().await.unwrap_err().code(), Code::Aborted);
    assert_eq!(within(ends.recv()).await.unwrap().code(), Code::Aborted);
    let rejecting = async |_: ClientCall| Err(Status::permission_denied("no"));
    let stub = ProbeStub::new(inner.with_interceptor(rejecting));
    let (sender, call) = sending(|requests| stub.client_stream(requests));
    let learned = send_to_the_end(&sender).await;
    assert_eq!(learned.code(), Code::PermissionDenied);
    drop(call);
    let hanging = async |_: ClientCall| std::future::pending().await;
    let stub = ProbeStub::new(inner.with_interceptor(hanging));
    let (sender, call) = sending(|requests| {
        let call = stub.client_stream(requests);
        call.timeout(Duration::from_millis(20))
    });
    let learned = send_to_the_end(&sender).await;
    assert_eq!(learned.code(), Code::DeadlineExceeded);
    assert_eq!(call.await.unwrap_err().code(), Code::DeadlineExceeded);
}

async fn a_panic_of_an_interceptor_ends_only_its_call(link: Link) {
    let (outer, mut ends) = recording();
    let panicking = async |mut call: ClientCall| {
        let when = call.metadata().get("panic").map(str::to_owned);
        match when.as_deref() {
            Some("before") => panic!("before the call"),
            Some("after") => {
                call.proceed().await.result?;
                panic!("after the call")
            }
            Some("request") => call.on_request(|_| panic!("at a request")),
            Some("response") => call.on_response(|_| panic!("at a response")),
            Some("head") => call.on_initial_metadata(|_| panic!("at the metadata")),
            _ => {}
        }
        call.proceed().await.result
    };
    let channel = link.channel.with_interceptor(panicking);
    let stub = ProbeStub::new(channel.with_interceptor(outer));
    for when in ["before", "after", "request", "response", "head"] {
        let unary = stub.unary(request(b"x", 0)).metadata("panic", when);
        let error = unary.await.unwrap_err();
        assert_eq!(error.code(), Code::Internal, "{when}");
        assert_eq!(
            error.message(),
            "the interceptor of /probe.v1.Probe/Unary panicked"
        );
        assert_eq!(ends.try_recv().unwrap().code(), Code::Internal);
        let streaming = stub.bidi([request(b"x", 0)]).metadata("panic", when);
        let error = streaming.try_collect::<Vec<_>>().await.unwrap_err();
        assert_eq!(error.code(), Code::Internal, "{when}");
        assert_eq!(ends.try_recv().unwrap().code(), Code::Internal);
    }
    stub.unary(request(b"x", 0)).await.unwrap();
}

struct Guard(mpsc::UnboundedSender<&'static str>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.send("dropped").unwrap();
    }
}

async fn a_cancelled_call_drops_its_interceptors(mut link: Link) {
    let (events, mut seen) = mpsc::unbounded_channel();
    let waiting = move |mut call: ClientCall| {
        let (guard, observer) = (Guard(events.clone()), Guard(events.clone()));
        call.on_response(move |_| {
            observer.0.send("response").unwrap();
            Ok(())
        });
        async move {
            let _guard = guard;
            call.proceed().await.result
        }
    };
    let stub = ProbeStub::new(link.channel.with_interceptor(waiting));
    let mut call = stub.server_stream(acting(Action::Hang));
    assert!(call.message().await.unwrap().is_some());
    assert_eq!(seen.try_recv(), Ok("response"));
    drop(call);
    assert_eq!(seen.try_recv(), Ok("dropped"));
    assert_eq!(seen.try_recv(), Ok("dropped"));
    assert_eq!(link.event().await, Event::Started);
    assert_eq!(link.event().await, Event::Dropped);
    let mut call = stub.bidi(stream::iter([acting(Action::Hang)]).chain(stream::pending()));
    assert!(call.message().await.unwrap().is_some());
    call.cancel();
    assert_eq!(seen.try_recv(), Ok("response"));
    assert_eq!(seen.try_recv(), Ok("dropped"));
    assert_eq!(seen.try_recv(), Ok("dropped"));
    assert_eq!(call.message().await.unwrap_err().code(), Code::Cancelled);
    assert_eq!(call.code(), Some(Code::Cancelled));
    assert_eq!(link.event().await, Event::Started);
    assert_eq!(link.event().await, Event::Dropped);
}

async fn the_deadline_of_a_call_ends_its_interceptors(link: Link) {
    let (events, mut seen) = mpsc::unbounded_channel();
    let never = move |call: ClientCall| {
        let guard = Guard(events.clone());
        async move {
            let _held = (guard, call);
            std::future::pending().await
        }
    };
    let stub = stub(&link, never);
    let call = stub.unary(request(b"x", 0));
    let late = call.timeout(Duration::from_millis(20)).await.unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded);
    assert_eq!(seen.try_recv(), Ok("dropped"));
}

#[tokio::test]
async fn interceptors_of_a_builder_are_inside_those_added_later() {
    let mut server = Server::new();
    let (probe, _events) = stubwright_tests::Probe::new();
    stubwright_tests::pb::probe::v1::add_probe_servicer_to_server(probe, &mut server);
    let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
    server.start().unwrap();
    let named = |name: &'static str| {
        move |mut call: ClientCall| async move {
            call.metadata_mut().append("initial-by", name)?;
            call.proceed().await.result
        }
    };
    let channel = Channel::builder()
        .interceptor(named("first"))
        .interceptor(named("second"))
        .build_insecure(address.to_string())
        .unwrap();
    let stub = ProbeStub::new(channel.with_interceptor(named("around")));
    let call = within(stub.unary(request(b"x", 0)).with_call());
    let (_, call) = call.await.unwrap();
    let by: Vec<_> = call.initial_metadata.get_all("initial-by").collect();
    let by: Vec<_> = by.into_iter().filter_map(|value| value.as_str()).collect();
    assert_eq!(by, ["around", "first", "second"]);
}

#[tokio::test]
async fn an_interceptor_reads_and_changes_the_authority() {
    let link = Link::tcp().await;
    let address = link.server.as_ref().unwrap().1.unwrap();
    let renaming = move |mut call: ClientCall| async move {
        assert_eq!(call.authority(), Some(address.to_string()));
        assert!(call.set_authority("no/host").is_err());
        call.set_authority("other.example")?;
        assert_eq!(call.authority().as_deref(), Some("other.example"));
        call.proceed().await.result
    };
    let call = stub(&link, renaming).unary(request(b"x", 0));
    let (_, call) = within(call.metadata("describe", "1").with_call())
        .await
        .unwrap();
    let authority = call.trailing_metadata.get("authority");
    assert_eq!(authority, Some("other.example"));
}

#[tokio::test]
async fn an_interceptor_lets_a_call_wait_for_ready() {
    let ready = Arc::new(Notify::new());
    let asked = Arc::clone(&ready);
    let channel = Channel::builder()
        .connector(move |_| {
            let asked = Arc::clone(&asked);
            async move {
                asked.notify_one();
                Err::<tokio::net::TcpStream, _>(std::io::Error::other("not yet"))
            }
        })
        .build_insecure("nowhere.example:1")
        .unwrap();
    let waiting = channel.with_interceptor(async |mut call: ClientCall| {
        call.set_wait_for_ready(true);
        call.proceed().await.result
    });
    let failed = ProbeStub::new(channel).unary(request(b"x", 0)).await;
    assert_eq!(failed.unwrap_err().code(), Code::Unavailable);
    let call = ProbeStub::new(waiting).unary(request(b"x", 0));
    let late = call.timeout(Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded);
    ready.notified().await;
}

#[tokio::test]
async fn interceptors_see_one_call_when_a_policy_retries_it() {
    let link = Link::tcp().await;
    let address = link.server.as_ref().unwrap().1.unwrap().to_string();
    for policy in [
        r#""retryPolicy": {"maxAttempts": 3, "initialBackoff": "0.01s", "maxBackoff": "0.01s",
            "backoffMultiplier": 1, "retryableStatusCodes": ["ABORTED"]}"#,
        r#""hedgingPolicy": {"maxAttempts": 3, "nonFatalStatusCodes": ["ABORTED"]}"#,
    ] {
        let config = format!(r#"{{"methodConfig": [{{"name": [{{}}], {policy}}}]}}"#);
        let (interceptor, mut ends) = recording();
        let channel = Channel::builder()
            .interceptor(interceptor)
            .service_config(ServiceConfig::from_json(&config).unwrap())
            .build_insecure(&address)
            .unwrap();
        let stub = ProbeStub::new(channel);
        let mut call = stub.server_stream(Request {
            count: 0,
            ..acting(Action::Fail)
        });
        let failed = within(call.message()).await.unwrap_err();
        assert_eq!(failed.code(), Code::Aborted);
        assert_eq!(call.previous_rpc_attempts(), 2, "{policy}");
        let end = ends.try_recv().unwrap();
        assert_eq!((end.code(), end.requests), (Code::Aborted, 1));
        assert!(ends.try_recv().is_err());
    }
}

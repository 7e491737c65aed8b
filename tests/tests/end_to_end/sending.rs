//! Requests that are sent step by step, and requests that may fail.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use stubwright::{
    Code, Handlers, Prost, Raw, RequestStream, Server, ServicerContext, Status, sending, stream,
};
use stubwright_tests::Event;
use stubwright_tests::pb::probe::v1::{Action, Request};
use tokio::sync::Notify;

use crate::transports::{Link, Transport, over_every_transport};

over_every_transport!(
    a_conversation_in_turn,
    everything_is_sent_before_the_response_is_awaited,
    a_dropped_sender_ends_the_requests,
    clones_of_a_sender_send_requests_of_one_call,
    a_clone_of_a_sender_that_panics_cancels_the_call,
    a_sender_waits_for_a_handler_that_does_not_read,
    a_request_is_not_sent_if_its_wait_is_dropped,
    a_sender_learns_how_its_call_has_failed,
    a_sender_learns_that_its_call_has_ended_well,
    a_sender_learns_that_its_call_is_out_of_time,
    a_sender_learns_that_its_call_was_dropped,
    a_sender_that_panics_cancels_its_call,
    a_sender_without_a_call_says_so,
    a_call_that_cannot_start_says_so_on_both_sides,
    a_generator_sends_requests,
    a_generator_that_fails_cancels_its_call,
    requests_that_panic_cancel_their_call,
);

fn request(action: Action) -> Request {
    Request {
        payload: vec![7; 10],
        action: action.into(),
        ..Request::default()
    }
}

async fn a_conversation_in_turn(link: Link) {
    let (requests, mut responses) = sending(|requests| link.stub.bidi(requests));
    for index in 0..20 {
        requests.send(request(Action::End)).await.unwrap();
        let response = responses.message().await.unwrap().unwrap();
        assert_eq!(response.index, index);
    }
    requests.close();
    assert!(responses.message().await.unwrap().is_none());
    assert_eq!(responses.code(), Some(Code::Ok));
}

async fn everything_is_sent_before_the_response_is_awaited(link: Link) {
    let (requests, call) = sending(|requests| link.stub.client_stream(requests));
    for _ in 0..1000 {
        requests.send(request(Action::End)).await.unwrap();
    }
    requests.close();
    let response = call.await.unwrap();
    assert_eq!(response.index, 1000);
    assert_eq!(response.payload, 10_000_u64.to_be_bytes());
}

async fn a_dropped_sender_ends_the_requests(link: Link) {
    let (sender, call) = sending(|requests| link.stub.client_stream(requests));
    drop(sender);
    assert_eq!(call.await.unwrap().index, 0);
}

async fn clones_of_a_sender_send_requests_of_one_call(link: Link) {
    let (sender, call) = sending(|requests| link.stub.client_stream(requests));
    let senders: Vec<_> = (0..8).map(|_| sender.clone()).collect();
    let tasks = senders.into_iter().map(|sender| {
        tokio::spawn(async move {
            for _ in 0..100 {
                sender.send(request(Action::End)).await.unwrap();
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    // The last clone ends the requests.
    sender.send(request(Action::End)).await.unwrap();
    sender.close();
    assert_eq!(call.await.unwrap().index, 801);
}

async fn a_clone_of_a_sender_that_panics_cancels_the_call(link: Link) {
    let (sender, call) = sending(|requests| link.stub.client_stream(requests));
    let clone = sender.clone();
    let panicking = tokio::spawn(async move {
        let _clone = clone;
        panic!("as asked");
    });
    assert!(panicking.await.is_err());
    assert_eq!(call.await.unwrap_err().code(), Code::Cancelled);
    drop(sender);
}

async fn a_sender_waits_for_a_handler_that_does_not_read(mut link: Link) {
    let (requests, call) = sending(|requests| link.stub.client_stream(requests));
    requests.send(request(Action::Hang)).await.unwrap();
    assert_eq!(link.event().await, Event::Started);
    let large = Request {
        payload: vec![7; 100_000],
        ..Request::default()
    };
    let mut sent = 0;
    // On a slow machine the loop ends earlier, which does no harm.
    while let Ok(result) =
        tokio::time::timeout(Duration::from_millis(200), requests.send(large.clone())).await
    {
        result.unwrap();
        sent += 1;
        assert!(sent < 200, "20 MB of requests are buffered");
    }
    let waiting = tokio::spawn(async move { requests.send(large).await });
    drop(call);
    let status = waiting.await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Cancelled);
    assert_eq!(link.event().await, Event::Dropped);
}

/// Sends until it fails.
macro_rules! send_until_it_fails {
    ($requests:ident, $request:expr) => {
        loop {
            if let Err(status) = $requests.send($request).await {
                break status;
            }
            tokio::task::yield_now().await;
        }
    };
}

async fn a_request_is_not_sent_if_its_wait_is_dropped(transport: Transport) {
    let may_read = Arc::new(Notify::new());
    let reads = Arc::clone(&may_read);
    let mut server = transport.server(Server::builder());
    server.add_handlers(Handlers::new().stream_unary(
        "/test.Late/Sizes",
        Prost,
        move |mut requests: RequestStream<Vec<u8>>, _: ServicerContext| {
            let reads = Arc::clone(&reads);
            async move {
                reads.notified().await;
                let mut sizes = Vec::new();
                while let Some(request) = requests.message().await? {
                    sizes.push(request.len().to_string());
                }
                Ok(sizes.join(" "))
            }
        },
    ));
    let link = transport.link_to(server).await;
    let (requests, call) = sending(|requests| {
        link.channel
            .stream_unary::<Vec<u8>, String, _, _>("/test.Late/Sizes", Prost, requests)
    });
    let mut sent = Vec::new();
    let mut dropped = 0;
    for size in 50_000..50_300 {
        match requests.send(vec![7; size]).now_or_never() {
            Some(result) => {
                result.unwrap();
                sent.push(size.to_string());
            }
            None => dropped += 1,
        }
        tokio::task::yield_now().await;
    }
    // The windows hold far less than all requests.
    assert!(dropped > 0);
    may_read.notify_one();
    requests.close();
    assert_eq!(call.await.unwrap(), sent.join(" "));
}

async fn a_sender_learns_how_its_call_has_failed(link: Link) {
    let (requests, mut responses) = sending(|requests| link.stub.bidi(requests));
    let failing = Request {
        code: 10,
        message: "enough".to_owned(),
        ..request(Action::Fail)
    };
    let status = send_until_it_fails!(requests, failing.clone());
    assert_eq!((status.code(), status.message()), (Code::Aborted, "enough"));
    // The responses before the error can still be read. Then the call returns the same error.
    assert_eq!(responses.message().await.unwrap().unwrap().index, 0);
    let status = responses.message().await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Aborted, "enough"));
}

async fn a_sender_learns_that_its_call_has_ended_well(transport: Transport) {
    let mut server = transport.server(Server::builder());
    server.add_generic_handler(|_requests, _context| {
        stream(async |mut responses| {
            responses.send(Bytes::from_static(b"that will do")).await;
            Ok(())
        })
    });
    let link = transport.link_to(server).await;
    let (requests, call) = sending(|requests| {
        link.channel
            .stream_unary("/hasty.Hasty/Take", Raw, requests)
    });
    let status = send_until_it_fails!(requests, Bytes::from_static(b"more"));
    assert_eq!(status.code(), Code::FailedPrecondition);
    let response: Bytes = call.await.unwrap();
    assert_eq!(&response[..], b"that will do");
}

async fn a_sender_learns_that_its_call_is_out_of_time(link: Link) {
    let (requests, call) = sending(|requests| {
        let call = link.stub.client_stream(requests);
        call.timeout(Duration::from_millis(100))
    });
    let status = send_until_it_fails!(requests, request(Action::End));
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(call.await.unwrap_err().code(), Code::DeadlineExceeded);
}

async fn a_sender_learns_that_its_call_was_dropped(mut link: Link) {
    let (requests, call) = sending(|requests| link.stub.client_stream(requests));
    requests.send(request(Action::End)).await.unwrap();
    assert_eq!(link.event().await, Event::Started);
    drop(call);
    let status = requests.send(request(Action::End)).await.unwrap_err();
    assert_eq!(status.code(), Code::Cancelled);
    assert_eq!(link.event().await, Event::Dropped);
}

async fn a_sender_that_panics_cancels_its_call(mut link: Link) {
    let (requests, call) = sending(|requests| link.stub.client_stream(requests));
    let sending = tokio::spawn(async move {
        requests.send(request(Action::GiveAway)).await.unwrap();
        assert_eq!(link.event().await, Event::Started);
        assert_eq!(link.event().await, Event::GivenAway);
        let _requests = requests;
        let _link = &mut link;
        std::panic::panic_any((link, "this panic is part of the test"));
    });
    assert_eq!(call.await.unwrap_err().code(), Code::Cancelled);
    let panic = sending.await.unwrap_err().into_panic();
    let (mut link, _) = *panic.downcast::<(Link, &str)>().unwrap();
    // The handler has not seen the end of the requests, but CANCELLED.
    let mut events = Vec::new();
    while !events.contains(&Event::Dropped) || events.len() < 3 {
        events.push(link.event().await);
    }
    assert!(events.contains(&Event::Ended(Some(Code::Cancelled))));
}

async fn a_sender_without_a_call_says_so(link: Link) {
    let (requests, call) = sending(|requests: stubwright::SentRequests<Request>| {
        drop(requests);
        link.stub.client_stream([request(Action::End)])
    });
    let status = requests.send(request(Action::End)).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(call.await.unwrap().index, 1);
}

async fn a_call_that_cannot_start_says_so_on_both_sides(link: Link) {
    let (requests, call) =
        sending(|requests| link.stub.client_stream(requests).metadata("k", "\n"));
    let status = requests.send(request(Action::End)).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(call.await.unwrap_err().code(), Code::InvalidArgument);
}

async fn a_generator_sends_requests(link: Link) {
    let requests = stream(async |mut requests| {
        for _ in 0..20 {
            requests.send(request(Action::End)).await;
            tokio::task::yield_now().await;
        }
        Ok(())
    });
    assert_eq!(link.stub.client_stream(requests).await.unwrap().index, 20);
}

async fn a_generator_that_fails_cancels_its_call(mut link: Link) {
    let (fail, failing) = tokio::sync::oneshot::channel();
    let requests = stream(async move |mut requests| {
        requests.send(request(Action::End)).await;
        failing.await.unwrap();
        Err(Status::data_loss("the file is gone"))
    });
    let call = link.stub.client_stream(requests);
    let call = tokio::spawn(call.into_future());
    assert_eq!(link.event().await, Event::Started);
    fail.send(()).unwrap();
    let status = call.await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::DataLoss);
    assert_eq!(status.message(), "the file is gone");
    assert_eq!(link.event().await, Event::Dropped);
}

async fn requests_that_panic_cancel_their_call(link: Link) {
    let requests = async_stream::stream! {
        yield request(Action::End);
        tokio::task::yield_now().await;
        panic!("this panic is part of the test");
    };
    let status = link.stub.client_stream(requests).await.unwrap_err();
    assert_eq!(status.code(), Code::Cancelled);
}

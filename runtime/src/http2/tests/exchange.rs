//! Tests of a client and a server of this crate.

use bytes::Bytes;

use super::link::{End, Link, pattern, request, response, trailers};
use crate::http2::{Config, Event, StreamId};

/// Takes the DATA events at the front, and releases their bytes.
fn read_data(end: &mut End) -> Vec<u8> {
    let mut read = Vec::new();
    while matches!(end.events.front(), Some(Event::Data { .. })) {
        if let Some(Event::Data { stream, data, .. }) = end.event() {
            read.extend_from_slice(&data);
            end.connection.release(stream, data.len());
        }
    }
    read
}

fn unary(link: &mut Link, body: &Bytes) -> StreamId {
    let stream = link.open(false);
    link.client.connection.send_data(stream, body.clone(), true);
    link.run();
    let Some(Event::Request {
        stream: at_server,
        head,
        end,
    }) = link.server.event()
    else {
        panic!("no request");
    };
    assert_eq!((at_server, end), (stream, false));
    assert_eq!(head.method.value(), b"POST");
    assert_eq!(head.path.value(), b"/package.Service/Method");
    assert_eq!(head.fields, request()[4..]);
    let mut received = read_data(&mut link.server);
    while received.len() < body.len() {
        link.run();
        received.extend(read_data(&mut link.server));
    }
    assert_eq!(received, *body);
    let server = &mut link.server.connection;
    server.send_headers(stream, &response(), false);
    server.send_data(stream, body.clone(), false);
    server.send_trailers(stream, trailers());
    link.run();
    let Some(Event::Response { head, end, .. }) = link.client.event() else {
        panic!("no response");
    };
    assert_eq!((head.status, end), (200, false));
    assert_eq!(head.fields, response()[1..]);
    let mut received = read_data(&mut link.client);
    while received.len() < body.len() {
        link.run();
        received.extend(read_data(&mut link.client));
    }
    assert_eq!(received, *body);
    let Some(Event::Trailers { fields, .. }) = link.client.event() else {
        panic!("no trailers");
    };
    assert_eq!(fields, trailers());
    assert_eq!(link.client.connection.open_streams(), 0);
    assert_eq!(link.server.connection.open_streams(), 0);
    stream
}

#[test]
fn unary_calls_one_after_the_other() {
    let mut link = Link::new(Config::default(), Config::default());
    for i in 0..20 {
        assert_eq!(unary(&mut link, &pattern(i * 7)), 1 + 2 * i as u32);
    }
}

#[test]
fn a_unary_call_byte_by_byte() {
    let mut link = Link::silent(Config::default(), Config::default());
    link.chunk = 1;
    unary(&mut link, &pattern(100));
}

#[test]
fn large_messages_both_ways() {
    let mut link = Link::new(Config::default(), Config::default());
    unary(&mut link, &pattern(3 << 20));
    unary(&mut link, &pattern(9 << 20));
}

#[test]
fn streams_answer_each_message() {
    let mut link = Link::new(Config::default(), Config::default());
    let stream = link.open(false);
    link.run();
    assert!(matches!(link.server.event(), Some(Event::Request { .. })));
    let server = &mut link.server.connection;
    server.send_headers(stream, &response(), false);
    link.run();
    assert!(matches!(link.client.event(), Some(Event::Response { .. })));
    for i in 1..50 {
        let message = pattern(i);
        link.client
            .connection
            .send_data(stream, message.clone(), false);
        link.run();
        assert_eq!(read_data(&mut link.server), message);
        link.server
            .connection
            .send_data(stream, message.clone(), false);
        link.run();
        assert_eq!(read_data(&mut link.client), message);
    }
    link.client.connection.send_data(stream, Bytes::new(), true);
    link.run();
    assert!(matches!(
        link.server.event(),
        Some(Event::Data { end: true, .. })
    ));
    link.server.connection.send_trailers(stream, trailers());
    link.run();
    assert!(matches!(link.client.event(), Some(Event::Trailers { .. })));
    assert_eq!(link.client.connection.open_streams(), 0);
    assert_eq!(link.server.connection.open_streams(), 0);
}

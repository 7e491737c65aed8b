//! Tests of windows that are returned, granted for messages, and reduced while many bytes are unread.

use std::collections::BTreeSet;
use std::time::Duration;

use super::link::response;
use super::raw::{END_STREAM, Raw};
use crate::http2::frame::{PREFACE, flag, kind};
use crate::http2::{Config, Event, Reason, Role, StreamId};

#[test]
fn data_past_the_streams_window() {
    let mut raw = Raw::server(Config {
        stream_window: 10,
        ..Config::default()
    });
    raw.request(1, 0);
    raw.data(1, &[0; 10], 0).expect("DATA within the window");
    raw.data(1, &[0], 0).expect("a stream error");
    raw.assert_reset_told(1, Reason::FLOW_CONTROL_ERROR);
}

#[test]
fn data_past_the_connections_window() {
    let mut raw = Raw::server(Config {
        connection_window: 0,
        ..Config::default()
    });
    raw.request(1, 0);
    for _ in 0..3 {
        raw.data(1, &[0; 16_384], 0).expect("DATA");
    }
    raw.data(1, &[0; 16_383], 0).expect("DATA");
    let result = raw.data(1, &[0], 0);
    raw.assert_failed(result, Reason::FLOW_CONTROL_ERROR);
}

fn updates(raw: &mut Raw) -> Vec<(u32, u32)> {
    raw.frames_of(kind::WINDOW_UPDATE)
        .iter()
        .map(|frame| {
            let increment = frame.payload.first_chunk().copied();
            (
                frame.stream,
                u32::from_be_bytes(increment.unwrap_or_default()),
            )
        })
        .collect()
}

#[test]
fn released_bytes_go_back_by_quarters() {
    let mut raw = Raw::server(Config {
        stream_window: 200,
        ..Config::default()
    });
    raw.request(1, 0);
    raw.data(1, &[0; 60], 0).expect("DATA");
    raw.end.connection.release(1, 49);
    assert!(updates(&mut raw).is_empty());
    raw.end.connection.release(1, 1);
    assert_eq!(updates(&mut raw), [(1, 50)]);
    // No more is returned than was received.
    raw.end.connection.release(1, 1_000_000);
    assert!(updates(&mut raw).is_empty());
    raw.data(1, &[0; 90], 0).expect("DATA");
    raw.end.connection.release(1, 90);
    assert_eq!(updates(&mut raw), [(1, 100)]);
    // A stream that has ended needs no window.
    raw.data(1, &[0; 90], END_STREAM).expect("DATA");
    raw.end.connection.release(1, 90);
    assert!(updates(&mut raw).is_empty());
}

/// The window is returned whether or not anything reads the data.
#[test]
fn the_connections_window_comes_back_when_data_arrives() {
    let mut raw = Raw::server(Config {
        connection_window: 200_000,
        ..Config::default()
    });
    // Nothing has read this data.
    raw.request(1, 0);
    raw.data(1, &[0; 15_000], END_STREAM).expect("DATA");
    raw.end.connection.send_headers(1, &response(), true);
    // This data belongs to a stream that has ended.
    raw.data(1, &[0; 10_000], 0).expect("a stream error");
    raw.end.events.clear();
    // This is padding.
    raw.request(3, 0);
    let mut padded = vec![0; 256];
    padded[0] = 255;
    raw.send(kind::DATA, 0x8, 3, &padded).expect("padding");
    // This data belongs to a stream that was reset.
    raw.data(3, &[0; 10_000], 0).expect("DATA");
    raw.end.connection.reset(3, Reason::CANCEL);
    raw.data(3, &[0; 14_743], 0).expect("ignored");
    assert!(updates(&mut raw).is_empty());
    raw.data(3, &[0], 0).expect("ignored");
    assert_eq!(updates(&mut raw), [(0, 50_000)]);
}

#[test]
fn our_initial_window_counts_from_its_acknowledgement() {
    let mut raw = Raw::silent(
        Role::Server,
        Config {
            stream_window: 5,
            ..Config::default()
        },
    );
    raw.bytes(PREFACE).expect("the preface");
    raw.settings(&[]).expect("SETTINGS");
    raw.request(1, 0);
    raw.data(1, &[0; 10], 0).expect("the default window holds");
    raw.send(kind::SETTINGS, 1, 0, &[]).expect("SETTINGS");
    raw.end.connection.release(1, 10);
    raw.data(1, &[0; 6], 0).expect("a stream error");
    raw.frames();
    raw.end.events.clear();
    raw.request(3, 0);
    raw.data(3, &[0; 5], 0).expect("DATA");
    raw.data(3, &[0; 1], 0).expect("a stream error");
    raw.assert_reset_told(3, Reason::FLOW_CONTROL_ERROR);
}

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Returns the initial windows in the SETTINGS that the engine has written.
fn said(raw: &mut Raw) -> Vec<u32> {
    let frames = raw.frames_of(kind::SETTINGS);
    let initial = |payload: &[u8]| {
        assert_eq!(payload[..2], [0, 4]);
        u32::from_be_bytes([payload[2], payload[3], payload[4], payload[5]])
    };
    let frames = frames.iter().filter(|frame| frame.flags & flag::ACK == 0);
    frames.map(|frame| initial(&frame.payload)).collect()
}

fn acknowledge(raw: &mut Raw) {
    raw.send(kind::SETTINGS, flag::ACK, 0, &[])
        .expect("an acknowledgement");
}

/// Sends this many bytes, and lets the engine respond.
fn fill(raw: &mut Raw, stream: StreamId, bytes: usize) {
    let mut left = bytes;
    while left > 0 {
        let part = left.min(16 * KIB);
        raw.data(stream, &vec![7; part], 0).expect("DATA");
        left -= part;
    }
    raw.end.events.clear();
}

/// Returns the increments that were announced for streams.
fn windows(raw: &mut Raw) -> Vec<(StreamId, u32)> {
    let mut updates = updates(raw);
    updates.retain(|update| update.0 != 0);
    updates
}

/// Opens streams and fills their initial windows, which nothing reads.
fn unread(raw: &mut Raw, streams: impl IntoIterator<Item = StreamId>) {
    for stream in streams {
        raw.request(stream, 0);
        fill(raw, stream, 65_535);
    }
}

fn stream(number: usize) -> StreamId {
    2 * number as StreamId + 1
}

#[test]
fn row_49_a_stream_that_nobody_reads_takes_nothing_from_the_others() {
    let mut raw = Raw::server(Config::default());
    unread(&mut raw, (0..300).map(stream));
    let (held, promised) = raw.end.connection.held();
    assert_eq!((held, promised), (300 * 65_535, 300 * 65_535));
    let given_back: u32 = updates(&mut raw)
        .iter()
        .map(|&(stream, increment)| {
            assert_eq!(stream, 0);
            increment
        })
        .sum();
    let size = Config::default().connection_window as usize;
    assert!(given_back as usize > held - size, "{given_back} of {held}");
    // Each small call has all the room that it needs at once.
    for number in 300..700 {
        raw.end.events.clear();
        raw.request(stream(number), 0);
        raw.data(stream(number), &[0; 1_000], END_STREAM)
            .expect("DATA");
        raw.end.connection.release(stream(number), 1_000);
        raw.end
            .connection
            .send_headers(stream(number), &response(), true);
    }
    assert_eq!(raw.end.connection.held().0, held);
}

#[test]
fn row_49_windows_shrink_while_much_is_held_and_grow_again_when_it_is_gone() {
    let mut raw = Raw::server(Config::default());
    let mark = Config::default().receive_mark;
    let many = mark / 65_535;
    unread(&mut raw, (0..many).map(stream));
    assert!(said(&mut raw).is_empty());
    unread(&mut raw, [stream(many)]);
    assert_eq!(said(&mut raw), [16 << 10]);
    // The reduced window does not apply before the client knows of it.
    unread(&mut raw, [stream(many + 1)]);
    assert!(said(&mut raw).is_empty(), "once is enough");
    acknowledge(&mut raw);
    let late = stream(many + 2);
    raw.request(late, 0);
    fill(&mut raw, late, 16 * KIB);
    raw.data(late, &[0], 0).expect("a stream error");
    raw.assert_reset_told(late, Reason::FLOW_CONTROL_ERROR);
    // A window that is completely used becomes negative.
    let first = stream(0);
    raw.end.connection.release(first, 65_535 - 16 * KIB);
    // The window of a stream that is read may grow.
    assert_eq!(windows(&mut raw), [(first, 65_535)]);
    fill(&mut raw, first, 16 * KIB);
    raw.data(first, &[0], 0).expect("a stream error");
    raw.assert_reset_told(first, Reason::FLOW_CONTROL_ERROR);
    // At least half of the mark is still held, so the window stays as it is.
    for number in 1..many / 2 {
        raw.end.connection.reset(stream(number), Reason::CANCEL);
    }
    raw.send(kind::PING, 0, 0, &[0; 8]).expect("a ping");
    assert!(said(&mut raw).is_empty());
    for number in many / 2..many {
        raw.end.connection.reset(stream(number), Reason::CANCEL);
    }
    raw.send(kind::PING, 0, 0, &[0; 8]).expect("a ping");
    assert_eq!(said(&mut raw), [65_535]);
    let (held, promised) = raw.end.connection.held();
    assert_eq!((held, promised), (2 * 65_535, 2 * 65_535));
    // The client may use the window before its acknowledgement arrives.
    unread(&mut raw, [stream(many + 3)]);
    acknowledge(&mut raw);
    unread(&mut raw, [stream(many + 4)]);
    assert!(raw.frames_of(kind::RST_STREAM).is_empty());
}

/// This holds for anything that the client opens and sends, even if it never acknowledges SETTINGS.
#[test]
fn row_49_the_worst_case_is_reached_and_not_passed() {
    let config = Config::default();
    let most = config.receive_buffer_per_connection;
    let mut raw = Raw::server(config.clone());
    // These streams were read until their windows had grown, and are not read any more.
    let mut number = 0;
    while raw.end.connection.held().1 < most / 2 && number < 20 {
        raw.request(stream(number), 0);
        let mut window = 65_535;
        for _ in 0..12 {
            window = read_all_of(&mut raw, stream(number), window);
        }
        fill(&mut raw, stream(number), window);
        number += 1;
    }
    let (held, grown) = raw.end.connection.held();
    assert!(held > most / 4 && grown <= most / 2, "{held} of {grown}");
    // These readers wait for large messages.
    for _ in 0..20 {
        raw.request(stream(number), 0);
        fill(&mut raw, stream(number), 16 * KIB);
        let now = raw.now;
        raw.end
            .connection
            .want(stream(number), 4 * MIB - 16 * KIB, now);
        let granted = windows(&mut raw);
        let granted = granted.iter().find(|update| update.0 == stream(number));
        let more = granted.map_or(0, |update| update.1 as usize);
        fill(&mut raw, stream(number), 65_535 - 16 * KIB + more);
        number += 1;
    }
    let (held, _) = raw.end.connection.held();
    assert!(held > most / 2 && held <= most / 4 * 3 + 65_535, "{held}");
    let mut refused = false;
    while number < 1_000 && !refused {
        let block = raw.encode(&super::link::request());
        raw.send(kind::HEADERS, 4, stream(number), &block)
            .expect("a request");
        raw.end.events.clear();
        refused = !raw.frames_of(kind::RST_STREAM).is_empty();
        if !refused {
            fill(&mut raw, stream(number), 65_535);
        }
        number += 1;
    }
    assert!(refused);
    let (held, promised) = raw.end.connection.held();
    assert_eq!(held, promised);
    assert!(held <= most && held > most - 65_535, "{held} of {most}");
    // The client may omit the acknowledgement for ten seconds.
    raw.wait(config.settings_timeout);
    let over = raw.end.connection.handle_timeout(raw.now);
    raw.assert_failed(over, Reason::SETTINGS_TIMEOUT);
}

/// Sends the bytes that a window allows, measures the round trip, and reads everything. Returns the window afterwards.
fn read_all_of(raw: &mut Raw, stream: StreamId, window: usize) -> usize {
    fill(raw, stream, window);
    raw.wait(Duration::from_millis(50));
    for probe in raw.frames_of(kind::PING) {
        raw.send(kind::PING, flag::ACK, 0, &probe.payload)
            .expect("an answer");
    }
    raw.end.connection.release(stream, window);
    let announced = windows(raw).into_iter().filter(|update| update.0 == stream);
    announced.map(|update| update.1 as usize).sum()
}

/// Streams that are read one after the other have windows that grow within half of the limit and no further. The client
/// acknowledges all SETTINGS.
#[test]
fn row_49_windows_grow_while_there_is_room() {
    let most = Config::default().receive_buffer_per_connection;
    let mut raw = Raw::server(Config::default());
    let mut initial: i64 = 65_535;
    for number in 0..20 {
        raw.request(stream(number), 0);
        let mut window = initial;
        for _ in 0..12 {
            let sent = usize::try_from(window).unwrap_or(0);
            fill(&mut raw, stream(number), sent);
            window -= sent as i64;
            raw.wait(Duration::from_millis(50));
            let mut frames = raw.frames();
            raw.end.connection.release(stream(number), sent);
            frames.extend(raw.frames());
            for frame in frames.iter().filter(|frame| frame.flags & flag::ACK == 0) {
                let last = frame.payload.last_chunk().copied();
                let value = i64::from(u32::from_be_bytes(last.unwrap_or_default()));
                match frame.kind {
                    kind::PING => raw.send(kind::PING, flag::ACK, 0, &frame.payload),
                    kind::SETTINGS => {
                        window += value - initial;
                        initial = value;
                        raw.send(kind::SETTINGS, flag::ACK, 0, &[])
                    }
                    kind::WINDOW_UPDATE if frame.stream == stream(number) => {
                        window += value;
                        Ok(())
                    }
                    _ => Ok(()),
                }
                .expect("an honest client");
            }
        }
    }
    let (held, promised) = raw.end.connection.held();
    assert_eq!(held, 0);
    // In addition, each stream has its initial window.
    let small = 20 * 65_535;
    assert!(
        (most / 4..most / 2 + small).contains(&promised),
        "{promised}"
    );
}

/// A thousand streams are advertised, so all of them may start at once with the windows that streams can have.
#[test]
fn row_49_a_thousand_bodies_fit() {
    let mut raw = Raw::server(Config::default());
    unread(&mut raw, (0..1_000).map(stream));
    assert!(raw.frames_of(kind::RST_STREAM).is_empty());
    assert_eq!(raw.end.connection.held().0, 65_535_000);
}

/// Creates a server with calls that each have received one frame of a message of 4 MiB, and wait for the rest.
fn waiting(config: Config, count: usize) -> Raw {
    let mut raw = Raw::server(config);
    for number in 0..count {
        raw.request(stream(number), 0);
        fill(&mut raw, stream(number), 16 * KIB);
        let now = raw.now;
        raw.end
            .connection
            .want(stream(number), 4 * MIB - 16 * KIB, now);
    }
    raw
}

/// The increment that a window with one frame used needs for the rest of 4 MiB.
const GRANT: u32 = (4 * MIB - 65_535) as u32;

#[test]
fn row_49_a_reader_is_granted_the_rest_of_its_message() {
    let mut raw = waiting(Config::default(), 1);
    assert_eq!(windows(&mut raw), [(1, GRANT)]);
    fill(&mut raw, 1, 4 * MIB - 16 * KIB);
    let now = raw.now;
    assert!(raw.end.connection.timeout().is_none());
    // Afterwards the stream has the window of a stream that is read.
    raw.end.connection.release(1, 4 * MIB);
    let window: u32 = windows(&mut raw)
        .iter()
        .filter(|update| update.0 == 1)
        .map(|update| update.1)
        .sum();
    assert!((65_535..=8 << 20).contains(&window), "{window}");
    // A message that fits into the rest of the window needs no grant.
    fill(&mut raw, 1, 1_000);
    raw.end.connection.want(1, 60_000, now);
    assert!(windows(&mut raw).is_empty());
}

#[test]
fn row_49_grants_have_their_turn() {
    let mut raw = waiting(Config::default(), 100);
    acknowledge(&mut raw);
    let mut done = BTreeSet::new();
    let mut turns = 0;
    while done.len() < 100 {
        turns += 1;
        assert!(turns < 100, "{done:?}");
        let granted = windows(&mut raw).into_iter().map(|update| update.0);
        let granted: BTreeSet<StreamId> = granted.filter(|id| !done.contains(id)).collect();
        let (held, promised) = raw.end.connection.held();
        assert!(held <= promised && promised <= 64 * MIB);
        for stream in granted {
            fill(&mut raw, stream, 4 * MIB - 16 * KIB);
            raw.end.connection.release(stream, 4 * MIB);
            raw.end.connection.send_headers(stream, &response(), true);
            done.insert(stream);
        }
    }
    // Windows have regained their initial size.
    for _ in 0..3 {
        acknowledge(&mut raw);
    }
    assert_eq!(raw.end.connection.timeout(), None);
}

#[test]
fn row_49_a_small_message_does_not_wait_for_large_ones() {
    let mut raw = waiting(Config::default(), 100);
    assert_eq!(said(&mut raw), [16 << 10]);
    acknowledge(&mut raw);
    raw.frames();
    raw.request(999, 0);
    fill(&mut raw, 999, 16 * KIB);
    let now = raw.now;
    raw.end.connection.want(999, 40_000, now);
    assert_eq!(windows(&mut raw), [(999, 40_000)]);
}

#[test]
fn row_49_a_stream_that_does_not_use_its_window_makes_room() {
    let config = Config::default();
    let mut raw = waiting(config.clone(), 30);
    let granted = windows(&mut raw);
    let granted: Vec<StreamId> = granted.iter().map(|update| update.0).collect();
    assert!(granted.len() < 20, "{granted:?}");
    acknowledge(&mut raw);
    raw.frames();
    // The first continues, the second has arrived but is not read, and the others do nothing.
    fill(&mut raw, granted[1], 4 * MIB - 16 * KIB);
    for _ in 0..2 {
        assert!(raw.frames_of(kind::RST_STREAM).is_empty());
        fill(&mut raw, granted[0], 64 * KIB);
        raw.wait(config.message_timeout);
        let now = raw.now;
        raw.end
            .connection
            .handle_timeout(now)
            .expect("calls end, no more");
        raw.end.gather_events();
    }
    let frames = raw.frames();
    let reset = frames.iter().filter(|frame| frame.kind == kind::RST_STREAM);
    let reset: Vec<_> = reset.map(|frame| (frame.stream, frame.reason())).collect();
    let expected = granted[1..]
        .iter()
        .map(|&stream| (stream, Some(Reason::ENHANCE_YOUR_CALM)));
    assert_eq!(reset, expected.collect::<Vec<_>>());
    let next = frames
        .iter()
        .find(|frame| frame.kind == kind::WINDOW_UPDATE);
    assert_eq!(
        next.map(|frame| frame.stream),
        Some(granted[granted.len() - 1] + 2)
    );
    assert!(matches!(raw.end.event(), Some(Event::Reset { .. })));
}

/// A server that accepts messages of 100 MB receives them one at a time.
#[test]
fn row_49_a_message_larger_than_all_has_its_turn() {
    let mut raw = Raw::server(Config::default());
    for stream in [1, 3] {
        raw.request(stream, 0);
        fill(&mut raw, stream, 16 * KIB);
        let now = raw.now;
        raw.end.connection.want(stream, 100 * MIB, now);
    }
    let grants = windows(&mut raw);
    let [(1, granted)] = grants[..] else {
        panic!("{grants:?}");
    };
    acknowledge(&mut raw);
    assert_eq!(granted as usize, 100 * MIB + 16 * KIB - 65_535);
    raw.frames();
    // The bytes that the reduced window has taken from it are returned at once.
    fill(&mut raw, 1, 100 * MIB);
    raw.end.connection.release(1, 100 * MIB + 16 * KIB);
    let grants = windows(&mut raw);
    assert!(grants.iter().any(|update| update.0 == 3), "{grants:?}");
    fill(&mut raw, 3, 100 * MIB);
}

#[test]
fn row_49_a_client_counts_what_it_opens_itself() {
    let mut raw = Raw::client(Config::default(), &[]);
    let mut streams: Vec<StreamId> = (0..513).map(|_| raw.call(0)).collect();
    // Streams that are opened after the SETTINGS have smaller windows, whether or not the SETTINGS are acknowledged.
    streams.push(raw.call(0));
    raw.end.events.clear();
    for &stream in &streams[..513] {
        fill(&mut raw, stream, 65_535);
    }
    let last = streams[513];
    fill(&mut raw, last, 16 * KIB);
    raw.data(last, &[0], 0).expect("a stream error");
    raw.assert_reset_told(last, Reason::FLOW_CONTROL_ERROR);
    acknowledge(&mut raw);
    raw.data(streams[0], &[0], 0).expect("a stream error");
    raw.assert_reset_told(streams[0], Reason::FLOW_CONTROL_ERROR);
}

/// Whenever SETTINGS are sent, their acknowledgement has a timeout.
#[test]
fn row_49_smaller_windows_are_acknowledged_in_time() {
    let config = Config {
        receive_mark: 0,
        ..Config::default()
    };
    let mut raw = Raw::server(config.clone());
    assert_eq!(raw.end.connection.timeout(), None);
    unread(&mut raw, [1]);
    let due = raw.now + config.settings_timeout;
    assert_eq!(raw.end.connection.timeout(), Some(due));
    acknowledge(&mut raw);
    assert_eq!(raw.end.connection.timeout(), None);
}

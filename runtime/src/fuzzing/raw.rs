//! Targets `server` and `client`: an engine that receives any bytes, split anywhere, between actions of the
//! application.

use std::sync::OnceLock;
use std::time::Duration;

use super::checked_engine::{CheckedEngine, growing_windows, small_limits};
use super::input::Input;
use crate::base::header::Header;
use crate::http2::{Config, Role};

/// Runs a server connection. See [`run`] for the meaning of the bytes.
pub fn server(input: &[u8]) {
    run(Role::Server, input);
}

/// Runs a client connection with two open streams.
pub fn client(input: &[u8]) {
    run(Role::Client, input);
}

/// Runs a connection.
///
/// The first byte selects the limits (bits 6 and 7) and the number of control bytes that follow (bits 0 to 5). The rest
/// are the bytes of the peer. A control byte below 128 passes this number of them to the engine. Any other control byte
/// is an [`action`]. Remaining bytes are passed together at the end.
fn run(role: Role, input: &[u8]) {
    let mut input = Input::new(input);
    let setup = input.byte();
    let steering = input.take((setup & 0x3f).into());
    let config = match setup >> 6 {
        0 => Config::default(),
        1 => small_limits(),
        _ => growing_windows(),
    };
    let mut checked = CheckedEngine::new(role, config);
    if role == Role::Client {
        checked.open(request(), false);
        checked.open(request(), false);
    }
    for &step in steering {
        match step {
            0..0x40 => checked.receive(input.take(usize::from(step) + 1)),
            0x40..0x80 => checked.receive(input.take((usize::from(step) - 0x3f) * 64)),
            _ => action(&mut checked, step),
        }
    }
    // The size of a driver's reads.
    while !input.is_empty() {
        checked.receive(input.take(16 << 10));
    }
    checked.finish();
}

/// Runs an action of the application, the socket or the clock. Bits 0 to 3 select the action, bits 4 to 6 its stream
/// or its amount.
pub(super) fn action(checked: &mut CheckedEngine, step: u8) {
    let pick = step >> 4 & 7;
    let stream = checked.recent(pick);
    match step & 15 {
        0 => checked.send_headers(stream, response(), false),
        1 => checked.send_headers(stream, response(), true),
        2 => checked.send_data(stream, 1 + usize::from(pick) * 90, false),
        3 => checked.send_data(stream, 20_000, false),
        4 => checked.send_data(stream, usize::from(pick) * 30, true),
        5 => checked.send_trailers(stream, vec![Header::from_static("grpc-status", "0")]),
        6 => checked.reset(stream),
        7 => checked.release(stream, usize::from(pick) * 40),
        8 => checked.release(stream, usize::MAX),
        9 => checked.write(usize::MAX),
        10 => checked.write(usize::from(pick) * 9 + 1),
        11 => clock(checked, pick),
        12 => checked.open(request(), pick % 2 == 1),
        13 => match pick {
            0 => checked.engine.drain(),
            1 => checked.send_trailers(stream, vec![several_frames()]),
            _ => checked.send_trailers(stream, vec![Header::new(b"x-pick", &[b'0' + pick; 600])]),
        },
        14 if pick == 0 => checked.engine.go_away(crate::http2::Reason::NO_ERROR, ""),
        14 => checked.ping(),
        _ => checked.send_data(stream, 5_000, false),
    }
}

/// Returns a field that does not fit into one frame.
fn several_frames() -> Header {
    static LARGE: OnceLock<Header> = OnceLock::new();
    LARGE
        .get_or_init(|| Header::new(b"x-large", &[b'\\'; 17_000]))
        .clone()
}

fn clock(checked: &mut CheckedEngine, pick: u8) {
    let millis = match pick {
        0 => 1,
        1 => 100,
        2 => 1_000,
        3 => 5_000,
        4 => 9_999,
        5 => 60_000,
        6 => return checked.wait_back(Duration::from_secs(1)),
        _ => return checked.wait_back(Duration::from_secs(10_000)),
    };
    checked.wait(Duration::from_millis(millis));
}

/// Returns the head of a call.
pub(super) fn request() -> Vec<Header> {
    vec![
        Header::from_static(":method", "POST"),
        Header::from_static(":scheme", "http"),
        Header::from_static(":path", "/package.Service/Method"),
        Header::from_static(":authority", "localhost"),
        Header::from_static("content-type", "application/grpc"),
        Header::from_static("te", "trailers"),
    ]
}

/// Returns the head of a response.
pub(super) fn response() -> Vec<Header> {
    vec![
        Header::from_static(":status", "200"),
        Header::from_static("content-type", "application/grpc"),
    ]
}

//! Target `link`: a client and a server of ours. Neither may find a fault with the other, with any actions of their
//! applications.

use super::checked_engine::{CheckedEngine, growing_windows, small_limits};
use super::input::Input;
use super::raw::action;
use crate::http2::{Config, Role};

/// Runs two ends and the wire between them.
///
/// The first byte selects the limits of each end. Each following byte is a step. Below 128, it moves bytes to the
/// other end: bit 6 selects the sender, and bits 0 to 5 are the limit in units of 16 bytes. From 128 on, it is an
/// action of the application at the current end. The byte 255 switches ends.
pub fn link(input: &[u8]) {
    let mut input = Input::new(input);
    let setup = input.byte();
    let mut ends = [
        CheckedEngine::honest(Role::Client, limits(setup)),
        CheckedEngine::honest(Role::Server, limits(setup >> 2)),
    ];
    let mut acting = 0;
    while !input.is_empty() {
        match input.byte() {
            0xff => acting = 1 - acting,
            // The clock does not advance here, so that no end is too slow.
            step @ 0x80.. if step & 15 == 11 => {}
            step @ 0x80.. => action(&mut ends[acting], step),
            step => {
                carry(
                    &mut ends,
                    usize::from(step >> 6),
                    usize::from(step & 0x3f) * 16,
                );
            }
        }
    }
    loop {
        ends.iter_mut().for_each(CheckedEngine::release_all);
        if !(carry(&mut ends, 0, usize::MAX) | carry(&mut ends, 1, usize::MAX)) {
            break;
        }
    }
    for end in &ends {
        assert!(!end.failed, "an honest peer is accused");
        assert!(!end.is_waiting(), "DATA waits although the peer took all");
    }
    let [client, server] = ends;
    client.agrees_with(&server);
    server.agrees_with(&client);
    client.finish();
    server.finish();
}

/// Returns limits on what a peer may send. Nothing limits how often an application resets streams.
fn limits(choice: u8) -> Config {
    let limits = match choice & 3 {
        0 => small_limits(),
        1 => growing_windows(),
        _ => Config::default(),
    };
    let default = Config::default();
    let mut endless = default.resets;
    endless.burst = u32::MAX;
    let mut pings = default.pings;
    pings.max_strikes = 0;
    Config {
        max_header_block: default.max_header_block,
        max_continuations: default.max_continuations,
        resets: endless,
        control_frames: endless,
        max_queued_replies: usize::MAX,
        pings,
        ..limits
    }
}

/// Moves up to `most` bytes from one end to the other. Returns false if there were none.
fn carry(ends: &mut [CheckedEngine; 2], from: usize, most: usize) -> bool {
    ends[from].write(most);
    let bytes = ends[from].take_sent();
    // The size of a driver's reads.
    for piece in bytes.chunks(16 << 10) {
        ends[1 - from].receive(piece);
    }
    !bytes.is_empty()
}

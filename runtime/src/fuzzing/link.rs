//! A client and a server of ours, whatever their applications do: neither ever finds fault with the other.

use super::input::Input;
use super::raw::action;
use super::watched::{Watched, growing_windows, small_limits};
use crate::http2::{Config, Role};

/// Two ends and the wire between them.
///
/// The first byte says which limits each end has. Then each byte is a step: below 128 up to so many bytes move, up or down
/// as bit 6 says; from 128 on it is an action of the application at the end that acted last, and the byte 255 changes ends.
pub fn link(input: &[u8]) {
    let mut input = Input::new(input);
    let setup = input.byte();
    let mut ends = [
        Watched::honest(Role::Client, limits(setup)),
        Watched::honest(Role::Server, limits(setup >> 2)),
    ];
    let mut acting = 0;
    while !input.is_empty() {
        match input.byte() {
            0xff => acting = 1 - acting,
            // Time stands still: nobody is too slow.
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
        ends.iter_mut().for_each(Watched::release_all);
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

/// Limits on what a peer may send, but none on how often an application changes its mind.
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

/// Moves up to `most` bytes from one end to the other. False if there were none.
fn carry(ends: &mut [Watched; 2], from: usize, most: usize) -> bool {
    ends[from].write(most);
    let bytes = ends[from].take_sent();
    // As much as a driver reads at a time.
    for piece in bytes.chunks(16 << 10) {
        ends[1 - from].receive(piece);
    }
    !bytes.is_empty()
}

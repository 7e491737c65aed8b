//! SETTINGS (RFC 9113, 6.5).

use bytes::{BufMut, BytesMut};

use super::config::Config;
use super::error::{ConnectionError, Reason};
use super::flow::DEFAULT_WINDOW;
use super::frame::{DEFAULT_FRAME_SIZE, FrameHeader, LARGEST_FRAME_SIZE, kind};
use super::{MAX_STREAM_ID, Role};

const HEADER_TABLE_SIZE: u16 = 0x1;
const ENABLE_PUSH: u16 = 0x2;
const MAX_CONCURRENT_STREAMS: u16 = 0x3;
const INITIAL_WINDOW_SIZE: u16 = 0x4;
const MAX_FRAME_SIZE: u16 = 0x5;
const MAX_HEADER_LIST_SIZE: u16 = 0x6;

/// The maximum size of the HPACK table for the peer's encoder. It is the protocol's default, so it need not be advertised.
pub(super) const TABLE_SIZE: usize = 4_096;

/// The peer's settings, or the protocol's defaults.
#[derive(Debug)]
pub(super) struct PeerSettings {
    pub max_concurrent_streams: u32,
    pub initial_window: u32,
    pub max_frame_size: usize,
    /// The maximum size of a header list that the peer accepts. Unlimited by default.
    pub max_header_list_size: usize,
}

impl PeerSettings {
    /// Returns the settings that are assumed until the peer's first SETTINGS.
    pub(super) fn assumed(config: &Config) -> PeerSettings {
        PeerSettings {
            max_concurrent_streams: config.assumed_concurrent_streams,
            initial_window: DEFAULT_WINDOW,
            max_frame_size: DEFAULT_FRAME_SIZE as usize,
            max_header_list_size: usize::MAX,
        }
    }

    /// Applies a SETTINGS payload. `role` is this side's role. Calls `table_size` for each change of the HPACK table's size,
    /// because the smallest size matters too (RFC 7541, 4.2).
    pub(super) fn apply(
        &mut self,
        role: Role,
        payload: &[u8],
        mut table_size: impl FnMut(usize),
    ) -> Result<(), ConnectionError> {
        for (setting, value) in parse(payload)? {
            match setting {
                HEADER_TABLE_SIZE => table_size(value as usize),
                // A server cannot enable push, because only clients receive pushes (RFC 9113, 6.5.2).
                ENABLE_PUSH if value > 1 || (value == 1 && role == Role::Client) => {
                    return Err(ConnectionError::protocol(
                        "an invalid SETTINGS_ENABLE_PUSH (RFC 9113, 6.5.2)",
                    ));
                }
                MAX_CONCURRENT_STREAMS => self.max_concurrent_streams = value,
                INITIAL_WINDOW_SIZE if value > MAX_STREAM_ID => {
                    return Err(ConnectionError::violation(
                        Reason::FLOW_CONTROL_ERROR,
                        "SETTINGS_INITIAL_WINDOW_SIZE over 2^31-1 (RFC 9113, 6.5.2)",
                    ));
                }
                INITIAL_WINDOW_SIZE => self.initial_window = value,
                MAX_FRAME_SIZE if !(DEFAULT_FRAME_SIZE..=LARGEST_FRAME_SIZE).contains(&value) => {
                    return Err(ConnectionError::protocol(
                        "SETTINGS_MAX_FRAME_SIZE not in 2^14 to 2^24-1 (RFC 9113, 6.5.2)",
                    ));
                }
                MAX_FRAME_SIZE => self.max_frame_size = value as usize,
                MAX_HEADER_LIST_SIZE => self.max_header_list_size = value as usize,
                _ => {}
            }
        }
        Ok(())
    }
}

fn parse(payload: &[u8]) -> Result<impl Iterator<Item = (u16, u32)>, ConnectionError> {
    if payload.len() % 6 != 0 {
        return Err(ConnectionError::frame_size(
            "SETTINGS whose payload is not a multiple of 6 bytes (RFC 9113, 6.5)",
        ));
    }
    Ok(payload.chunks_exact(6).filter_map(|entry| {
        let [a, b, c, d, e, f] = *entry.first_chunk::<6>()?;
        Some((u16::from_be_bytes([a, b]), u32::from_be_bytes([c, d, e, f])))
    }))
}

/// Writes this side's SETTINGS that differ from the protocol's defaults.
pub(super) fn write(role: Role, config: &Config, out: &mut BytesMut) {
    let entries = [
        // A client forbids the server to push (RFC 9113, 8.4).
        (role == Role::Client).then_some((ENABLE_PUSH, 0)),
        (role == Role::Server).then_some((MAX_CONCURRENT_STREAMS, config.max_concurrent_streams)),
        Some((INITIAL_WINDOW_SIZE, config.stream_window)),
        (config.max_frame_size != DEFAULT_FRAME_SIZE)
            .then_some((MAX_FRAME_SIZE, config.max_frame_size)),
        Some((MAX_HEADER_LIST_SIZE, config.max_header_list_size)),
    ];
    write_entries(&entries, out);
}

/// Writes SETTINGS that only contain a new initial window.
pub(super) fn write_initial_window(window: u32, out: &mut BytesMut) {
    write_entries(&[Some((INITIAL_WINDOW_SIZE, window))], out);
}

fn write_entries(entries: &[Option<(u16, u32)>], out: &mut BytesMut) {
    let header = FrameHeader {
        length: entries.iter().flatten().count() * 6,
        kind: kind::SETTINGS,
        flags: 0,
        stream: 0,
    };
    header.write(out);
    for (setting, value) in entries.iter().flatten() {
        out.put_u16(*setting);
        out.put_u32(*value);
    }
}

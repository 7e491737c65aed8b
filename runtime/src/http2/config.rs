//! The limits and windows of the engine.

use std::time::Duration;

use super::ping_strikes::PingPolicy;

/// The limits and windows of an HTTP/2 connection, for both roles.
///
/// The peer only learns of values that are advertised. Values that HTTP/2 forbids are replaced by the nearest allowed ones.
///
/// ```
/// # #[cfg(feature = "server")] {
/// let mut limits = stubwright::Limits::default();
/// limits.max_concurrent_streams = 100;
/// let server = stubwright::Server::builder().limits(limits).build();
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The flow-control window of a stream: the bytes of DATA that a peer may send before the application has consumed some. A
    /// reader that waits for the rest of a larger message is granted more. Advertised, at most 2^31-1. Default: 65,535.
    #[doc(alias = "grpc.http2.lookahead_bytes")]
    pub stream_window: u32,
    /// The size to which the window of a stream that is being read may grow, if the bandwidth-delay product requires it. Default:
    /// 8 MiB.
    pub max_stream_window: u32,
    /// The window of streams while more than `receive_mark` is unread. Used and advertised only if it is smaller than
    /// `stream_window`. Default: 16 KiB.
    pub reduced_stream_window: u32,
    /// The number of unread bytes on all streams above which streams have the `reduced_stream_window`. They have it until less
    /// than half of this number is unread. Default: 16 MiB.
    pub receive_mark: usize,
    /// The maximum number of unread bytes that a peer can make a connection hold, including incomplete messages. Windows grow
    /// within one half of it, and messages that need a larger window are granted it within three quarters. A call beyond the
    /// limit is refused with REFUSED_STREAM. At least `stream_window`. Default: 64 MiB.
    pub receive_buffer_per_connection: usize,
    /// The time that a message may take while messages of other calls wait for its room. If less than 64 KiB of it arrive or are
    /// read within this time, its call ends with ENHANCE_YOUR_CALM. Default: 10 s.
    pub message_timeout: Duration,
    /// The flow-control window of the connection: the bytes of DATA that may be in transit on all streams together. It is
    /// returned to the peer when DATA arrives. A small message may have to wait behind this much data of large ones. Advertised; a
    /// value below 65,535 takes effect once that much was received. Default: 1 MiB. Channels without limits
    /// of their own have 4 MiB.
    pub connection_window: u32,
    /// The size to which the connection's window may grow when that of a stream grows. Default: 16 MiB.
    pub max_connection_window: u32,
    /// The maximum payload of a frame that a peer may send, in bytes. Advertised, 2^14 to 2^24-1. Default: 16 KiB.
    #[doc(alias = "grpc.http2.max_frame_size")]
    pub max_frame_size: u32,
    /// The number of streams that a client may have open. Further ones are refused. Advertised by servers. Default: 1,000.
    pub max_concurrent_streams: u32,
    /// The maximum size of a header list, as RFC 7541, 4.1 counts it. Fields beyond it are dropped, and the call is refused. A
    /// list of more than four times that size, if it also exceeds `max_header_block`, ends the connection. Advertised. Default:
    /// 16 KiB.
    pub max_header_list_size: u32,
    /// The maximum size of a header block on the wire, in bytes. A larger one ends the connection. Default: 64 KiB.
    pub max_header_block: usize,
    /// The maximum number of CONTINUATION frames of a header block. More of them end the connection. Default: 64.
    pub max_continuations: u32,
    /// The bytes of DATA that a stream may queue before its sender must wait. Default: 64 KiB.
    #[doc(alias = "grpc.http2.write_buffer_size")]
    pub send_buffer_per_stream: usize,
    /// The bytes of DATA that all streams together may queue before each is limited to one frame. It bounds the memory for a peer
    /// that accepts nothing on many streams. Default: 1 MiB.
    pub send_buffer_per_connection: usize,
    /// The number of bytes waiting to be written up to which DATA moves from the streams' queues to the output. Default: 256 KiB.
    pub output_mark: usize,
    /// The number of bytes waiting to be written above which nothing is read. Otherwise responses would pile up if a peer sends
    /// requests but reads nothing. It must exceed `output_mark`, so that two peers that both have much to write do not wait for
    /// each other. Default: 1 MiB.
    pub read_mark: usize,
    /// The maximum payload of a DATA frame that is sent, in bytes; the peer may require less. Streams take turns frame by frame.
    /// Default: 16 KiB.
    pub send_frame_size: usize,
    /// The number of streams that a client opens before it knows the server's limit. Default: 100, the smallest limit that RFC
    /// 9113, 6.5.2 recommends.
    pub assumed_concurrent_streams: u32,
    /// The time from the start to the peer's preface and SETTINGS. Default: 10 s.
    pub handshake_timeout: Duration,
    /// The time from the first to the last byte of a header block, or of any frame except DATA. Default: 10 s.
    pub header_timeout: Duration,
    /// The time from the start to the acknowledgement of this side's SETTINGS. Default: 10 s.
    pub settings_timeout: Duration,
    /// The number of a client's streams that may end by RST_STREAM without use: streams that it resets before a handler has their
    /// call, as with HEADERS and RST_STREAM at once, and streams that this side resets because the client broke a rule.
    /// Cancelling a call that a handler has is free. A call that ends in order returns four, because hedging makes up to five
    /// attempts. Default: 300 in a burst, 50 a second.
    pub resets: Allowance,
    /// The number of frames that require a response (PING, SETTINGS) or have no use: empty DATA, PRIORITY, unknown types, frames
    /// of closed streams, and WINDOW_UPDATEs that no sent DATA accounts for. A useful frame returns one. So does DATA that this
    /// side sends, because its receiver may measure the round trip. Default: 1,000 in a burst, 100 a second.
    pub control_frames: Allowance,
    /// The limit on a client's pings. Default: one every 5 minutes, or every 2 hours without calls. Two early pings are
    /// tolerated.
    pub pings: PingPolicy,
    /// A DATA frame of fewer bytes than this counts as half a control frame, if the window allowed a larger one. An honest peer
    /// needs few of them, because not even an empty gRPC message fits. Default: 5 bytes.
    pub small_data: usize,
    /// The maximum bytes of replies to control frames that may wait to be written. Default: 32 KiB.
    pub max_queued_replies: usize,
}

/// A limit on the rate of a peer's actions.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// The number of actions that are allowed at once.
    pub burst: u32,
    /// The number of actions that become allowed again in each second, up to the burst.
    pub per_second: u32,
}

impl Config {
    /// Returns the number of bytes that a peer may always send on a stream, however much is unread.
    pub(crate) fn smallest_window(&self) -> u32 {
        self.stream_window.min(self.reduced_stream_window)
    }

    /// Replaces all values that HTTP/2 forbids by the nearest allowed ones.
    pub(super) fn allowed(mut self) -> Config {
        const LARGEST_WINDOW: u32 = (1 << 31) - 1;
        for window in [
            &mut self.stream_window,
            &mut self.reduced_stream_window,
            &mut self.connection_window,
            &mut self.max_stream_window,
            &mut self.max_connection_window,
        ] {
            *window = (*window).min(LARGEST_WINDOW);
        }
        let least = usize::try_from(self.stream_window).unwrap_or(usize::MAX);
        self.receive_buffer_per_connection = self.receive_buffer_per_connection.max(least);
        self.max_frame_size = self.max_frame_size.clamp(1 << 14, (1 << 24) - 1);
        self.send_frame_size = self.send_frame_size.clamp(1, (1 << 24) - 1);
        self.send_buffer_per_stream = self.send_buffer_per_stream.max(1);
        self.output_mark = self.output_mark.max(1);
        self.read_mark = self.read_mark.max(self.output_mark);
        self
    }

    /// Returns the size at which decoding of a header list stops. A few bytes on the wire may stand for a very long list, and
    /// decoding fields that are dropped must not cost more than decoding useful ones.
    pub(super) fn most_of_a_header_list(&self) -> usize {
        let limit = self.max_header_list_size as usize;
        limit.saturating_mul(4).max(self.max_header_block)
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            stream_window: 65_535,
            max_stream_window: 8 << 20,
            reduced_stream_window: 16 << 10,
            receive_mark: 16 << 20,
            receive_buffer_per_connection: 64 << 20,
            message_timeout: Duration::from_secs(10),
            connection_window: 1 << 20,
            max_connection_window: 16 << 20,
            max_frame_size: 16 << 10,
            max_concurrent_streams: 1_000,
            max_header_list_size: 16 << 10,
            max_header_block: 64 << 10,
            max_continuations: 64,
            send_buffer_per_stream: 64 << 10,
            send_buffer_per_connection: 1 << 20,
            output_mark: 256 << 10,
            read_mark: 1 << 20,
            send_frame_size: 16 << 10,
            assumed_concurrent_streams: 100,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            settings_timeout: Duration::from_secs(10),
            resets: Allowance {
                burst: 300,
                per_second: 50,
            },
            control_frames: Allowance {
                burst: 1_000,
                per_second: 100,
            },
            pings: PingPolicy::default(),
            small_data: 5,
            max_queued_replies: 32 << 10,
        }
    }
}

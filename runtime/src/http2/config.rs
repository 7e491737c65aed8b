//! The limits and windows of the engine.

use std::time::Duration;

use super::ping_strikes::PingPolicy;

/// The limits and windows of an HTTP/2 connection, for both roles.
///
/// The peer only learns the values that are marked as advertised. A value that HTTP/2 forbids is replaced by the nearest allowed
/// value.
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
    /// The flow-control window of a stream, in bytes: the DATA that a peer may send before the application has consumed some. While
    /// the application waits for the rest of a larger message, the peer may send more. Advertised, at most 2^31-1. Default: 65,535.
    #[doc(alias = "grpc.http2.lookahead_bytes")]
    pub stream_window: u32,
    /// The maximum window of a stream, in bytes. The window of a stream that is being read grows up to this size if the
    /// bandwidth-delay product requires it. Default: 8 MiB.
    pub max_stream_window: u32,
    /// The window of streams, in bytes, while more than `receive_mark` bytes are unread. It is only used and advertised if it is
    /// smaller than `stream_window`. Default: 16 KiB.
    pub reduced_stream_window: u32,
    /// The number of unread bytes on all streams above which `reduced_stream_window` applies. It applies until less than half of
    /// this number is unread. Default: 16 MiB.
    pub receive_mark: usize,
    /// The maximum number of unread bytes that a peer can make a connection hold, including incomplete messages. The windows of
    /// streams grow within one half of this number. Messages that need a larger window get it within three quarters. A call beyond
    /// the limit is refused with REFUSED_STREAM. At least `stream_window`. Default: 64 MiB.
    pub receive_buffer_per_connection: usize,
    /// The period in which a large message must make progress while other calls wait for the room that it holds. Its call ends with
    /// ENHANCE_YOUR_CALM if less than 64 KiB, and not the rest of the message, arrive in this period, or if the message has arrived
    /// and is not read. Default: 10 s.
    pub message_timeout: Duration,
    /// The flow-control window of the connection, in bytes: the DATA that may be in transit on all streams together. The peer gets
    /// the bytes back when DATA arrives, even before the application reads it. A small message may have to wait behind this much
    /// data of large ones. Advertised. A value below 65,535 takes effect once 65,535 bytes have arrived. Default: 1 MiB, and 4 MiB
    /// for a channel whose limits were not set.
    pub connection_window: u32,
    /// The maximum window of the connection, in bytes. The window grows up to this size when the window of a stream grows. Default:
    /// 16 MiB.
    pub max_connection_window: u32,
    /// The maximum payload of a frame that a peer may send, in bytes. Advertised, 2^14 to 2^24-1. Default: 16 KiB.
    #[doc(alias = "grpc.http2.max_frame_size")]
    pub max_frame_size: u32,
    /// The number of streams that a client may have open. Streams beyond this number are refused. Advertised by servers. Default:
    /// 1,000.
    pub max_concurrent_streams: u32,
    /// The maximum size of a header list, in bytes as RFC 7541, 4.1 counts them. Fields beyond this size are dropped, and the call
    /// is refused. A list that exceeds both four times this size and `max_header_block` ends the connection. Advertised. Default:
    /// 16 KiB.
    pub max_header_list_size: u32,
    /// The maximum size of a header block on the wire, in bytes. A larger block ends the connection. Default: 64 KiB.
    pub max_header_block: usize,
    /// The maximum number of CONTINUATION frames of a header block. A block with more of them ends the connection. Default: 64.
    pub max_continuations: u32,
    /// The number of bytes of DATA that a stream may queue before its sender must wait. Default: 64 KiB.
    #[doc(alias = "grpc.http2.write_buffer_size")]
    pub send_buffer_per_stream: usize,
    /// The number of bytes of DATA that all streams together may queue before each stream is limited to one frame. This limits the
    /// memory that a peer can take by accepting nothing on many streams. Default: 1 MiB.
    pub send_buffer_per_connection: usize,
    /// The number of bytes that wait to be written up to which DATA moves from the streams' queues to the output. Default: 256 KiB.
    pub output_mark: usize,
    /// The number of bytes that wait to be written above which the connection reads nothing. Without this limit, responses would
    /// pile up if a peer sends requests but reads nothing. The number must exceed `output_mark`, so that two peers that both have
    /// much to write do not wait for each other. Default: 1 MiB.
    pub read_mark: usize,
    /// The maximum payload of a DATA frame that is sent, in bytes. The peer may require smaller frames. Streams take turns frame by
    /// frame. Default: 16 KiB.
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
    /// The limit on the streams of a client that are reset without use. These are streams that the client resets before a handler
    /// has their call, for example by sending HEADERS and RST_STREAM at once, and streams that this side resets because the client
    /// broke a rule. Cancelling a call that a handler has does not count. A call that ends in order gives four resets back, because
    /// a client that hedges may make five attempts and reset four. Default: 300 in a burst, 50 a second.
    pub resets: Allowance,
    /// The limit on frames that require a response (PING, SETTINGS) or have no use: empty DATA, PRIORITY, unknown types, frames of
    /// closed streams, and WINDOW_UPDATEs for which this side has sent no DATA. A useful frame from the peer gives one back. DATA
    /// that this side sends also gives one back, because the peer may answer it by a PING to measure the round trip. Default: 1,000
    /// in a burst, 100 a second.
    pub control_frames: Allowance,
    /// The limit on the pings of a client. By default, a server allows one ping every 5 minutes, or every 2 hours without calls,
    /// and tolerates two early pings.
    pub pings: PingPolicy,
    /// The size, in bytes, below which a DATA frame counts as half a control frame, if the window allowed a larger frame. An honest
    /// peer sends few frames of this size, because not even an empty gRPC message fits into one. Default: 5 bytes.
    pub small_data: usize,
    /// The maximum number of bytes of replies to control frames that may wait to be written. Default: 32 KiB.
    pub max_queued_replies: usize,
}

/// A limit on the rate of a peer's actions. A peer that exceeds it loses its connection.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// The number of actions that are allowed at once.
    pub burst: u32,
    /// The number of further actions that become allowed each second. They accumulate up to `burst`.
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

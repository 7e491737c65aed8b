//! Every limit and window of the engine.

use std::time::Duration;

use super::strikes::PingPolicy;

/// Every limit and window of an HTTP/2 connection, for both roles.
///
/// What is not said to be advertised is kept without telling the peer. Values that HTTP/2 does not allow are moved to the
/// nearest that it does.
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
    /// Bytes of DATA that a peer may send on a stream before the application has taken some. Advertised, at most
    /// 2^31-1. A reader that waits for the rest of a larger message is granted it. Default: 65,535.
    pub stream_window: u32,
    /// What the window of a stream that is read from grows to when the bandwidth-delay product asks for it. Default: 8 MiB.
    pub max_stream_window: u32,
    /// The window of streams while `receive_mark` is passed, if it is smaller. Advertised then. Default: 16 KiB.
    pub reduced_stream_window: u32,
    /// Bytes that have come on all streams and that the application has not taken, above which streams have
    /// `reduced_stream_window`, until half of them are left. Default: 16 MiB.
    pub receive_mark: usize,
    /// The most that a peer can make a connection hold, messages that are half there included. Windows of streams grow within half
    /// of it, and messages that do not fit into a window are granted within three quarters; a call that is too many then is
    /// refused (REFUSED_STREAM). At least `stream_window`. Default: 64 MiB.
    pub receive_buffer_per_connection: usize,
    /// How long a message may take, of which too little comes or which is not read, while there is no room for messages of other calls. Its
    /// call then ends, with ENHANCE_YOUR_CALM. 64 KiB are enough to go on. Default: 10 s.
    pub message_timeout: Duration,
    /// Bytes of DATA that may be on their way on all streams together: they come back to the peer when they arrive. Advertised;
    /// below 65,535 it takes effect once that much was received. A small message waits behind what is on its way of large ones.
    /// Default: 1 MiB.
    pub connection_window: u32,
    /// What the connection's window grows to when a stream's grows. Default: 16 MiB.
    pub max_connection_window: u32,
    /// The payload of the largest frame that a peer may send. Advertised, 2^14 to 2^24-1. Default: 16 KiB.
    pub max_frame_size: u32,
    /// Streams that a client may have open; more are refused. Advertised by servers. Default: 1,000.
    pub max_concurrent_streams: u32,
    /// The size of a list of headers, counted as RFC 7541, 4.1 does; what is beyond it is dropped, and the call is refused. A list
    /// of more than four times that, and of more than `max_header_block`, ends the connection. Advertised. Default: 16 KiB.
    pub max_header_list_size: u32,
    /// The bytes of a header block on the wire. More ends the connection. Default: 64 KiB.
    pub max_header_block: usize,
    /// The CONTINUATION frames of a header block. More end the connection. Default: 64.
    pub max_continuations: u32,
    /// DATA that a stream may queue before its sender is told to wait. Default: 64 KiB.
    pub send_buffer_per_stream: usize,
    /// DATA that all streams together may queue before each is to have no more than one frame in its queue: what a peer
    /// can make us hold that takes nothing on many streams. Default: 1 MiB.
    pub send_buffer_per_connection: usize,
    /// DATA leaves the streams' queues while less than this waits to be written. Default: 256 KiB.
    pub output_mark: usize,
    /// While more than this waits to be written, nothing more is to be read: a peer that sends and does not read would have
    /// its answers pile up. Above `output_mark`, so that two peers who are both behind do not wait for each other. Default:
    /// 1 MiB.
    pub read_mark: usize,
    /// The payload of the largest DATA frame that we send (a peer may ask for less): the step in which streams take turns.
    /// Default: 16 KiB.
    pub send_frame_size: usize,
    /// Streams that a client opens before it has the server's limit. Default: 100, which is what RFC 9113, 6.5.2
    /// recommends as the smallest limit.
    pub assumed_concurrent_streams: u32,
    /// From the start to the peer's preface and SETTINGS. Default: 10 s.
    pub handshake_timeout: Duration,
    /// From the first byte of a header block, or of any frame but DATA, to its last. Default: 10 s.
    pub header_timeout: Duration,
    /// From the start to the acknowledgement of our SETTINGS. Default: 10 s.
    pub settings_timeout: Duration,
    /// Streams of a client that may end by RST_STREAM without use: those that it resets before a handler has their call, as it does
    /// with HEADERS and RST_STREAM at once, and those that we reset because it broke a rule. Cancelling a call that a handler
    /// has is free. A call that ends in order gives four back: hedging makes up to five attempts. Default: 300 in a burst, 50 a
    /// second.
    pub resets: Allowance,
    /// Frames that make us answer (PING, SETTINGS) or are worth nothing (empty DATA, PRIORITY, unknown types, frames of
    /// closed streams, WINDOW_UPDATEs that no DATA of ours has asked for). A useful frame gives one back, and so does DATA of
    /// ours: who receives it may well measure its way. Default: 1,000 in a burst, 100 a second.
    pub control_frames: Allowance,
    /// How often a client may ping. Default: every 5 minutes, forgiving two; without calls every 2 hours.
    pub pings: PingPolicy,
    /// A DATA frame of less than this, if our window let it be larger, counts half a control frame: nobody needs many of them,
    /// since not even an empty gRPC message fits. Default: 5 bytes.
    pub small_data: usize,
    /// Bytes of answers to control frames that may wait to be written. Default: 32 KiB.
    pub max_queued_replies: usize,
}

/// What a peer may do in a burst, and how fast that comes back.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// So many at once.
    pub burst: u32,
    /// So many more with each second, up to the burst.
    pub per_second: u32,
}

impl Config {
    /// What a peer may always send on a stream, however much is held.
    pub(crate) fn smallest_window(&self) -> u32 {
        self.stream_window.min(self.reduced_stream_window)
    }

    /// The same, with every value that HTTP/2 does not allow moved to the nearest that it does.
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

    /// The size at which a list of headers is not even decoded to its end. A few bytes on the wire may stand for a very long one, and
    /// what is decoded in vain is to cost no more than what is wanted.
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

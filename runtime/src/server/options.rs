//! The options of a server.

use super::host::Server;
use crate::http2;

/// Sets the options of a [`Server`]; every option has a default that serves.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ServerBuilder {
    options: Options,
}

/// What all calls of a server share.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) max_receive_message_length: usize,
    pub(crate) inline_polling: bool,
    pub(crate) http2: http2::Config,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            max_receive_message_length: crate::MAX_RECEIVE_MESSAGE_LENGTH,
            inline_polling: true,
            http2: http2::Config::default(),
        }
    }
}

impl ServerBuilder {
    /// The largest message that is taken from a client, in bytes; the default is 4 MiB (4,194,304). A larger one ends its
    /// call with RESOURCE_EXHAUSTED. gRPC's `grpc.max_receive_message_length`.
    pub fn max_receive_message_length(mut self, bytes: usize) -> ServerBuilder {
        self.options.max_receive_message_length = bytes;
        self
    }

    /// The number of calls that one connection may have open at a time, advertised to the client, which as a rule lets
    /// further calls wait; the default is 1,000. A call over it is refused. gRPC's `grpc.max_concurrent_streams`.
    pub fn max_concurrent_streams(mut self, streams: u32) -> ServerBuilder {
        self.options.http2.max_concurrent_streams = streams;
        self
    }

    /// Whether a handler is polled once by its connection before it is moved to a task of its own; the default is
    /// `true`.
    ///
    /// Most handlers are done after one poll, and need no task. A method whose first polls turn out to take long is moved
    /// to tasks at once by itself; `false` moves every handler at once.
    pub fn inline_polling(mut self, inline: bool) -> ServerBuilder {
        self.options.inline_polling = inline;
        self
    }

    /// A server with these options, without services and ports.
    #[must_use]
    pub fn build(self) -> Server {
        Server::with_options(self.options)
    }
}

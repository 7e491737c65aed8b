//! The orderly end of a connection: it flushes its output, shuts down its direction, and reads until the peer closes.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::{Fill, Socket};
use crate::call::Alarm;
use crate::http2::Output;

/// The time that a closing connection gives the peer to accept its output and to close its direction.
const LINGER: Duration = Duration::from_secs(1);

/// The end of a connection, within a limited time.
#[derive(Debug)]
pub(crate) struct Closing {
    until: Instant,
    stage: Stage,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Flush,
    Shutdown,
    /// Reads and discards what the peer still sends. If a socket with unread data were closed, the system would send a reset,
    /// which overtakes the last output.
    Linger,
}

impl Closing {
    pub(crate) fn new(now: Instant) -> Closing {
        Closing {
            until: now + LINGER,
            stage: Stage::Flush,
        }
    }

    /// Closes the connection step by step. Returns `Ready` when the socket can be dropped.
    pub(crate) fn poll(
        &mut self,
        context: &mut Context<'_>,
        socket: &mut Socket,
        output: &mut Output,
        alarm: &mut Alarm,
    ) -> Poll<()> {
        if alarm.poll(Some(self.until), context).is_ready() {
            return Poll::Ready(());
        }
        loop {
            let step = match self.stage {
                Stage::Flush => socket
                    .poll_flush(context, output)
                    .map_ok(|()| Some(Stage::Shutdown)),
                Stage::Shutdown => socket
                    .poll_shutdown(context)
                    .map_ok(|()| Some(Stage::Linger)),
                Stage::Linger => {
                    socket.input().clear();
                    socket
                        .poll_fill(context)
                        .map_ok(|fill| (fill != Fill::End).then_some(Stage::Linger))
                }
            };
            match step {
                Poll::Ready(Ok(Some(next))) => self.stage = next,
                // The peer has closed its direction, or the socket failed.
                Poll::Ready(Ok(None) | Err(_)) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

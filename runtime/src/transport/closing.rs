//! How a connection ends: its last words out, its direction closed, the peer heard out.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::{Fill, Socket};
use crate::call::Alarm;
use crate::http2::Output;

/// How long a connection that has said its last words waits for the peer to take them and to close its side.
const LINGER: Duration = Duration::from_secs(1);

/// The end of a connection, bounded in time.
#[derive(Debug)]
pub(crate) struct Farewell {
    until: Instant,
    stage: Stage,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Flush,
    Shutdown,
    /// What the peer still sends is thrown away: a system that closes a socket with unread data answers with a reset, and
    /// that overtakes our last words.
    Linger,
}

impl Farewell {
    pub(crate) fn new(now: Instant) -> Farewell {
        Farewell {
            until: now + LINGER,
            stage: Stage::Flush,
        }
    }

    /// Ready when the socket can be dropped.
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
                // An end, or a socket that cannot be used any more: nothing is left to say.
                Poll::Ready(Ok(None) | Err(_)) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

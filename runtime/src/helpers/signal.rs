//! The signals with which a system asks a program to end.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows::{CtrlC, CtrlClose, CtrlShutdown, ctrl_c, ctrl_close, ctrl_shutdown};

/// Returns a future that completes when the system asks the program to end. Use it with
/// [`Server::serve_until`](crate::Server::serve_until).
///
/// On Unix, the system asks by the signals SIGTERM and SIGINT (Ctrl-C). On Windows, it asks by Ctrl-C, by closing the
/// console, or by shutting down.
///
/// ```no_run
/// # async fn serve() -> std::io::Result<()> {
/// use std::time::Duration;
/// use stubwright::{Server, shutdown_signal};
///
/// let mut server = Server::new();
/// server.add_insecure_port("[::]:5000").await?;
/// server.serve_until(shutdown_signal()?, Duration::from_secs(5)).await
/// # }
/// ```
///
/// After this call, these signals no longer end the program by themselves. On Unix, this remains so after the future is
/// dropped.
///
/// # Errors
/// Fails if the system does not let the program handle the signals.
///
/// # Panics
/// Panics outside of a tokio runtime.
pub fn shutdown_signal() -> io::Result<ShutdownSignal> {
    ShutdownSignal::new()
}

/// The future that [`shutdown_signal`] returns. It completes when the system asks the program to end.
#[must_use = "a future does nothing unless it is awaited"]
#[cfg(unix)]
pub struct ShutdownSignal {
    interrupt: Signal,
    terminate: Signal,
}

#[cfg(unix)]
impl ShutdownSignal {
    fn new() -> io::Result<ShutdownSignal> {
        Ok(ShutdownSignal {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Option<()>> {
        match self.interrupt.poll_recv(context) {
            Poll::Pending => self.terminate.poll_recv(context),
            ready => ready,
        }
    }
}

/// The future that [`shutdown_signal`] returns. It completes when the system asks the program to end.
#[must_use = "a future does nothing unless it is awaited"]
#[cfg(windows)]
pub struct ShutdownSignal {
    interrupt: CtrlC,
    close: CtrlClose,
    shutdown: CtrlShutdown,
}

#[cfg(windows)]
impl ShutdownSignal {
    fn new() -> io::Result<ShutdownSignal> {
        Ok(ShutdownSignal {
            interrupt: ctrl_c()?,
            close: ctrl_close()?,
            shutdown: ctrl_shutdown()?,
        })
    }

    fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Option<()>> {
        if let Poll::Ready(ready) = self.interrupt.poll_recv(context) {
            return Poll::Ready(ready);
        }
        match self.close.poll_recv(context) {
            Poll::Pending => self.shutdown.poll_recv(context),
            ready => ready,
        }
    }
}

impl Future for ShutdownSignal {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.poll_recv(context).map(drop)
    }
}

impl fmt::Debug for ShutdownSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShutdownSignal")
    }
}

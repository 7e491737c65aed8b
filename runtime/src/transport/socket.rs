//! The socket of a connection driver. It reads into a buffer of the thread, and writes whole batches.

use std::any::Any;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, Interest, Ready};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
#[cfg(all(feature = "server", feature = "tls-no-provider"))]
use tokio_rustls::server::TlsStream;

use super::read_buffers;
use crate::http2::Output;

/// The maximum number of slices in one write.
const SLICES: usize = 64;

/// A bidirectional byte stream.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {
    /// Returns the stream as `Any`, so that its type can be recovered.
    fn as_any(&self) -> &dyn Any;
}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A socket and its input that has not been consumed.
pub(crate) struct Socket {
    io: Box<dyn Io>,
    /// The input that has not been consumed. The buffer is borrowed from the thread while the connection is active.
    input: Option<BytesMut>,
    written: u64,
    /// Set while written data may still be in a buffer of the stream, as in TLS.
    unflushed: bool,
}

/// The result of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    /// The number of bytes that were read.
    Data(usize),
    /// The peer has closed its direction.
    End,
}

impl Socket {
    pub(crate) fn new(io: Box<dyn Io>) -> Socket {
        Socket {
            io,
            input: None,
            written: 0,
            unflushed: false,
        }
    }

    /// Returns the input that has not been consumed.
    pub(crate) fn input(&mut self) -> &mut BytesMut {
        self.input.get_or_insert_with(read_buffers::take)
    }

    /// Returns the number of bytes that the system has accepted for the peer.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Reads once.
    pub(crate) fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Fill>> {
        let input = self.input.get_or_insert_with(read_buffers::take);
        read_buffers::make_room(input);
        let read = pin!(self.io.read_buf(input)).poll(context);
        Poll::Ready(match ready!(read)? {
            0 => Ok(Fill::End),
            count => Ok(Fill::Data(count)),
        })
    }

    /// Returns whether the peer is known to have closed its direction, even if there is more to read before the end. Only sockets
    /// of the system report this.
    pub(crate) fn is_closed_by_peer(&self) -> bool {
        is_closed_by_peer(&*self.io)
    }

    /// Returns the read buffer to the thread if it is empty.
    pub(crate) fn release_buffer(&mut self) {
        if let Some(buffer) = self.input.take_if(|input| input.is_empty()) {
            read_buffers::give_back(buffer);
        }
    }

    /// Returns whether all written data has left the stream's own buffers.
    pub(crate) fn is_flushed(&self) -> bool {
        !self.unflushed
    }

    /// Writes until all output is written and flushed, or the socket accepts no more.
    pub(crate) fn poll_flush(
        &mut self,
        context: &mut Context<'_>,
        output: &mut Output,
    ) -> Poll<io::Result<()>> {
        while !output.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = output.io_slices(&mut slices);
            let io = Pin::new(&mut self.io);
            let written = match slices.get(..count) {
                Some([one]) => ready!(io.poll_write(context, one))?,
                Some(several) => ready!(io.poll_write_vectored(context, several))?,
                None => 0,
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            output.advance(written);
            self.written += written as u64;
            self.unflushed = true;
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.io).poll_flush(context))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Shuts down the write direction.
    pub(crate) fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

fn is_closed_by_peer(io: &dyn Io) -> bool {
    let io = io.as_any();
    if let Some(socket) = io.downcast_ref::<TcpStream>() {
        return has_end(socket.ready(Interest::READABLE));
    }
    #[cfg(unix)]
    if let Some(socket) = io.downcast_ref::<UnixStream>() {
        return has_end(socket.ready(Interest::READABLE));
    }
    #[cfg(all(feature = "server", feature = "tls-no-provider"))]
    if let Some(stream) = io.downcast_ref::<TlsStream<Box<dyn Io>>>() {
        return is_closed_by_peer(&**stream.get_ref().0);
    }
    false
}

/// Returns whether a socket is known to be ready because of its end. It neither waits nor makes a system call.
fn has_end(ready: impl Future<Output = io::Result<Ready>>) -> bool {
    let polled = pin!(ready).poll(&mut Context::from_waker(Waker::noop()));
    matches!(polled, Poll::Ready(Ok(ready)) if ready.is_read_closed())
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::time::Instant;

    use tokio::io::ReadBuf;

    use super::*;
    use crate::http2::{Config, Connection, Role};

    /// A stream that accepts everything, as TLS does, and passes it on only at the second flush.
    #[derive(Default)]
    struct Buffered {
        flushes: VecDeque<Poll<()>>,
    }

    impl AsyncRead for Buffered {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Buffered {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.flushes.pop_front().unwrap_or(Poll::Ready(())).map(Ok)
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn bytes_in_a_local_buffer_are_not_flushed() {
        let mut context = Context::from_waker(std::task::Waker::noop());
        let mut socket = Socket::new(Box::new(Buffered {
            flushes: VecDeque::from([Poll::Pending, Poll::Ready(())]),
        }));
        // The client's preface is output.
        let mut engine = Connection::new(Role::Client, Config::default(), Instant::now());
        let output = engine.transmit();
        assert!(socket.is_flushed());
        assert!(socket.poll_flush(&mut context, output).is_pending());
        assert!(output.is_empty() && !socket.is_flushed());
        assert!(socket.poll_flush(&mut context, output).is_ready());
        assert!(socket.is_flushed());
    }
}

//! The other end of a connection, with a task that reads all the time.

use stubwright_tests::frames::frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, WriteHalf, split};
use tokio::sync::mpsc;

/// The other end of a connection.
pub struct Wire {
    /// Type, flags and stream of each received frame. The channel closes with the connection.
    pub frames: mpsc::UnboundedReceiver<(u8, u8, u32)>,
    socket: WriteHalf<DuplexStream>,
}

impl Wire {
    /// Reads frames after skipping `before` bytes.
    pub fn new(socket: DuplexStream, before: usize) -> Wire {
        let (mut reader, socket) = split(socket);
        let (sender, frames) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            reader.read_exact(&mut vec![0; before]).await?;
            loop {
                let mut head = [0; 9];
                reader.read_exact(&mut head).await?;
                let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
                reader.read_exact(&mut vec![0; length as usize]).await?;
                let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
                sender.send((head[3], head[4], stream)).ok();
            }
            #[expect(unreachable_code, reason = "the type of the block")]
            Ok::<(), std::io::Error>(())
        });
        Wire { frames, socket }
    }

    pub async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.write(&frame(kind, flags, stream, payload)).await;
    }

    /// Closes this side.
    pub async fn close(&mut self) {
        self.socket.shutdown().await.ok();
    }

    /// Writes bytes. The other side may be closed.
    pub async fn write(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).await.ok();
    }
}

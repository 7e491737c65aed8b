//! A connection's other end, read while it is written.

use stubwright_tests::frames::frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, WriteHalf, split};
use tokio::sync::mpsc;

/// A connection's other end, as a test writes and reads it.
pub struct Wire {
    /// The type, the flags and the stream of each frame that comes; it ends with the connection.
    pub frames: mpsc::UnboundedReceiver<(u8, u8, u32)>,
    socket: WriteHalf<DuplexStream>,
}

impl Wire {
    /// Reads frames behind so many bytes of something else.
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

    /// Ends this side.
    pub async fn close(&mut self) {
        self.socket.shutdown().await.ok();
    }

    /// Writes; the other side may be gone.
    pub async fn write(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).await.ok();
    }
}

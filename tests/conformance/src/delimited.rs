//! Messages with a length prefix of four bytes, big-endian, as on the suite's standard input and output.

use std::io;

use stubwright::prost::Message;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Reads a message. Returns `None` at the end of the input.
///
/// # Errors
/// Returns an error if the input cannot be read, ends inside a message, or has an invalid message.
pub async fn read<M: Message + Default>(
    input: &mut (impl AsyncRead + Unpin),
) -> io::Result<Option<M>> {
    let length = match input.read_u32().await {
        Ok(length) => length,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    input
        .take(u64::from(length))
        .read_to_end(&mut bytes)
        .await?;
    if bytes.len() < length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    M::decode(&*bytes).map(Some).map_err(io::Error::other)
}

/// Writes a message and flushes the output.
///
/// # Errors
/// Returns an error if the output cannot be written.
pub async fn write(
    output: &mut (impl AsyncWrite + Unpin),
    message: &impl Message,
) -> io::Result<()> {
    let bytes = message.encode_to_vec();
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    output.write_all(&length.to_be_bytes()).await?;
    output.write_all(&bytes).await?;
    output.flush().await
}

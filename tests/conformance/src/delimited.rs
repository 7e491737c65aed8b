//! Messages behind their lengths: four bytes, big-endian. The suite speaks so on standard input and output.

use std::io;

use stubwright::prost::Message;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Reads a message; returns `None` when the input has ended.
///
/// # Errors
/// The input cannot be read, ends inside a message, or has something else than this message.
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
/// The output cannot be written.
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

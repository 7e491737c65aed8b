//! A minimal Redis client: sends commands and reads replies in RESP, version 2.

use std::future::Future;
use std::io;
use std::pin::Pin;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

/// Maximum size of a text in a reply, in bytes, and of an array.
const LARGEST: usize = 16 << 20;

/// Maximum depth of nested arrays. Replies to `XREAD` have five.
const DEEPEST: usize = 8;

/// A connection to Redis. It is unusable after the future of a command was dropped.
pub struct Redis(BufReader<Box<dyn Socket>>);

trait Socket: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Socket for T {}

/// A reply of Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// No value: the wait has timed out.
    Nil,
    /// A number.
    Number(i64),
    /// A text of any bytes.
    Text(Vec<u8>),
    /// Values.
    Array(Vec<Value>),
}

impl Redis {
    /// Connects to `host:port` or `unix:path`.
    ///
    /// # Errors
    /// Returns the error of the connection.
    pub async fn connect(address: &str) -> io::Result<Redis> {
        #[cfg(unix)]
        if let Some(path) = address.strip_prefix("unix:") {
            let socket = UnixStream::connect(path).await?;
            return Ok(Redis(BufReader::new(Box::new(socket))));
        }
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(Redis(BufReader::new(Box::new(socket))))
    }

    /// Sends a command and waits for the reply.
    ///
    /// # Errors
    /// Returns an error if Redis refuses the command, the connection is lost, or the reply is invalid.
    pub async fn command(&mut self, words: &[&str]) -> io::Result<Value> {
        let mut command = format!("*{}\r\n", words.len());
        for word in words {
            command += &format!("${}\r\n{word}\r\n", word.len());
        }
        self.0.write_all(command.as_bytes()).await?;
        self.0.flush().await?;
        self.reply(0).await
    }

    fn reply(
        &mut self,
        depth: usize,
    ) -> Pin<Box<dyn Future<Output = io::Result<Value>> + Send + '_>> {
        Box::pin(async move {
            let line = self.line().await?;
            let Some((kind, rest)) = line.split_at_checked(1) else {
                return Err(wrong("an empty line"));
            };
            match kind {
                "+" => Ok(Value::Text(rest.into())),
                "-" => Err(io::Error::other(rest.to_owned())),
                ":" => Ok(Value::Number(number(rest)?)),
                "$" | "*" if number(rest)? < 0 => Ok(Value::Nil),
                "$" => {
                    let mut text = vec![0; count(rest)? + 2];
                    self.0.read_exact(&mut text).await?;
                    match text.strip_suffix(b"\r\n") {
                        Some(text) => Ok(Value::Text(text.to_vec())),
                        None => Err(wrong("a text that is longer than it says")),
                    }
                }
                "*" if depth < DEEPEST => {
                    let mut values = Vec::new();
                    for _ in 0..count(rest)? {
                        values.push(self.reply(depth + 1).await?);
                    }
                    Ok(Value::Array(values))
                }
                _ => Err(wrong(&line)),
            }
        })
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        (&mut self.0)
            .take(LARGEST as u64)
            .read_line(&mut line)
            .await?;
        match line.strip_suffix("\r\n") {
            Some(line) => Ok(line.to_owned()),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

fn number(text: &str) -> io::Result<i64> {
    text.parse().map_err(|_| wrong(text))
}

/// Parses a length within the limit.
fn count(text: &str) -> io::Result<usize> {
    let count = usize::try_from(number(text)?).unwrap_or(usize::MAX);
    if count > LARGEST {
        return Err(wrong(text));
    }
    Ok(count)
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("not a reply of Redis: {what:?}"),
    )
}

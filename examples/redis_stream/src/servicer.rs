//! The servicer.

use std::io;

use stubwright::{Metadata, Result, ServicerContext, Status, Stream, stream};

use crate::redis_stream::sub_response::Field;
use crate::redis_stream::{RedisStreamServiceServicer, SubRequest, SubResponse};
use crate::resp::{Redis, Value};

/// Maximum time that a read waits for entries, in milliseconds.
const WAIT: &str = "5000";

/// Maximum number of entries per read.
const BATCH: &str = "100";

/// Reads the streams of a Redis server. Each subscription has a connection of its own, because a waiting read blocks
/// it.
#[derive(Debug)]
pub struct RedisStreamServicer {
    /// Address of Redis: `host:port` or `unix:path`.
    pub redis: String,
}

impl RedisStreamServiceServicer for RedisStreamServicer {
    // The method yields entries. It is not a coroutine that returns an iterator.
    fn sub(
        &self,
        request: SubRequest,
        context: &ServicerContext,
    ) -> impl Stream<Item = Result<SubResponse>> + Send {
        stream(async move |mut responses| {
            if request.stream.is_empty() {
                return Err(Status::invalid_argument("the stream is missing"));
            }
            let redis = Redis::connect(&self.redis).await;
            let mut redis = redis.map_err(|error| self.unavailable(error))?;
            let mut last = request.last_id;
            if last.is_empty() {
                let found = last_id(&mut redis, &request.stream).await;
                last = found.map_err(|error| self.unavailable(error))?;
            }
            // No entry is missed from here on. The initial metadata tells the caller.
            context.send_initial_metadata(Metadata::new())?;
            // If the call is cancelled, this future is dropped while it waits, and so is the connection.
            loop {
                let entries = read(&mut redis, &request.stream, &last).await;
                for entry in entries.map_err(|error| self.unavailable(error))? {
                    last.clone_from(&entry.id);
                    responses.send(entry).await;
                }
            }
        })
    }
}

impl RedisStreamServicer {
    /// Converts an error to a status. The caller sees the message, and a log can show the source.
    fn unavailable(&self, error: io::Error) -> Status {
        Status::unavailable(format!("redis: {error}")).with_source(error)
    }
}

/// Returns the id of the stream's last entry.
async fn last_id(redis: &mut Redis, stream: &str) -> io::Result<String> {
    let command = ["XREVRANGE", stream, "+", "-", "COUNT", "1"];
    let entries = redis.command(&command).await?;
    let last = entries_of(entries)?.pop();
    Ok(last.map_or_else(|| "0".into(), |entry| entry.id))
}

/// Returns the entries after `last`. There are none if the wait has timed out.
async fn read(redis: &mut Redis, stream: &str, last: &str) -> io::Result<Vec<SubResponse>> {
    let command = [
        "XREAD", "COUNT", BATCH, "BLOCK", WAIT, "STREAMS", stream, last,
    ];
    match redis.command(&command).await? {
        Value::Nil => Ok(Vec::new()),
        // One stream was requested. Its reply has a name and entries.
        reply => match array(reply)?.pop().map(array) {
            Some(named) => named?.pop().map_or(Ok(Vec::new()), entries_of),
            None => Ok(Vec::new()),
        },
    }
}

/// Parses entries, each with an id and fields.
fn entries_of(value: Value) -> io::Result<Vec<SubResponse>> {
    array(value)?.into_iter().map(entry).collect()
}

fn entry(value: Value) -> io::Result<SubResponse> {
    let Ok([id, fields]) = <[Value; 2]>::try_from(array(value)?) else {
        return Err(unexpected());
    };
    let mut response = SubResponse {
        id: text(id)?,
        fields: Vec::new(),
    };
    let mut words = array(fields)?.into_iter();
    while let (Some(name), Some(value)) = (words.next(), words.next()) {
        let Value::Text(value) = value else {
            return Err(unexpected());
        };
        let name = text(name)?;
        response.fields.push(Field { name, value });
    }
    Ok(response)
}

fn array(value: Value) -> io::Result<Vec<Value>> {
    match value {
        Value::Array(values) => Ok(values),
        _ => Err(unexpected()),
    }
}

fn text(value: Value) -> io::Result<String> {
    let Value::Text(bytes) = value else {
        return Err(unexpected());
    };
    String::from_utf8(bytes).map_err(|_| unexpected())
}

fn unexpected() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "the reply does not match the command",
    )
}

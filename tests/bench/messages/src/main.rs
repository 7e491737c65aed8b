//! Decodes or encodes one message many times with one stack, and prints the time of the fastest tenth.
//!
//! ```text
//! bench-messages STACK OPERATION MESSAGE COUNT FILE
//! ```
//!
//! FILE holds the encoded message. OPERATION is `decode`, `encode`, or `copy`, which decodes the message, encodes it, and prints
//! the bytes instead of the time.

mod stacks;

use std::env;
use std::error::Error;
use std::fs;
use std::io::{Write, stdout};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

/// An operation on a message, which is repeated as often as its argument says. An encoded message is in the buffer afterwards.
type Job<'a> = Box<dyn FnMut(usize, &mut BytesMut) + 'a>;

/// What is done with a message.
#[derive(Clone, Copy)]
enum Operation {
    Decode,
    Encode,
}

/// Number of parts in which the repetitions are timed.
const PARTS: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [stack, operation, message, count, file] = &arguments[..] else {
        return Err("usage: bench-messages STACK OPERATION MESSAGE COUNT FILE".into());
    };
    let bytes = Bytes::from(fs::read(file)?);
    let find = |operation| {
        stacks::job(stack, operation, message, &bytes)
            .ok_or_else(|| format!("{stack} is not built, or has no operation for {message}"))
    };
    match operation.as_str() {
        "decode" => report(find(Operation::Decode)?, count.parse()?),
        "encode" => report(find(Operation::Encode)?, count.parse()?),
        "copy" => {
            let mut buffer = BytesMut::new();
            find(Operation::Encode)?(1, &mut buffer);
            stdout().write_all(&buffer)?;
        }
        other => return Err(format!("unknown operation {other}").into()),
    }
    Ok(())
}

/// Repeats an operation, and prints the nanoseconds that it takes.
fn report(mut job: Job<'_>, count: usize) {
    let mut buffer = BytesMut::new();
    let each = count.div_ceil(PARTS);
    let mut least = Duration::MAX;
    for _ in 0..PARTS {
        let start = Instant::now();
        job(each, &mut buffer);
        least = least.min(start.elapsed());
    }
    println!("{}", least.as_nanos() as f64 / each as f64);
}

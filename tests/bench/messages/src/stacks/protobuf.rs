//! Google's crate `protobuf`, which is written in C beneath.

use std::hint::black_box;

use bytes::Bytes;
use protobuf::{Parse, Serialize};

use super::{of_type, repeat};
use crate::{Job, Operation};

#[allow(
    clippy::all,
    dead_code,
    reason = "generated, and not every type is measured"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/protobuf/generated.rs"));
}

/// Finds the operation on a message.
pub fn job<'a>(operation: Operation, message: &str, bytes: &'a Bytes) -> Option<Job<'a>> {
    of_type!(message, of in self::generated, (operation, bytes))
}

/// Encodes to a new `Vec` each time. The crate has nothing else.
fn of<'a, M: Parse + Serialize + 'a>(operation: Operation, bytes: &'a Bytes) -> Job<'a> {
    let decode = move || M::parse(black_box(bytes)).expect("the message is valid");
    match operation {
        Operation::Decode => repeat(move |_| {
            black_box(&decode());
        }),
        Operation::Encode => {
            let message = decode();
            let encode = move || {
                black_box(&message)
                    .serialize()
                    .expect("the message is valid")
            };
            Box::new(move |count, buffer| {
                for _ in 1..count {
                    black_box(&encode());
                }
                buffer.extend_from_slice(&encode());
            })
        }
    }
}

//! Messages of prost, whatever generated their code.

use std::hint::black_box;

use bytes::Bytes;
use prost::Message;

use super::repeat;
use crate::{Job, Operation};

/// Decodes from `Bytes`, and encodes to a buffer that is used again, as gRPC stacks on prost do.
pub fn of<'a, M: Message + Default + 'a>(operation: Operation, bytes: &'a Bytes) -> Job<'a> {
    let decode = move || M::decode(black_box(bytes).clone()).expect("the message is valid");
    match operation {
        Operation::Decode => repeat(move |_| {
            black_box(&decode());
        }),
        Operation::Encode => {
            let message = decode();
            repeat(move |buffer| {
                buffer.clear();
                black_box(&message)
                    .encode(buffer)
                    .expect("the buffer grows");
                black_box(&buffer[..]);
            })
        }
    }
}

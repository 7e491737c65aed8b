//! Stubwright: messages with prost's types, read and written by generated code.

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use stubwright::message::Message;
use stubwright::{Codec, Encoded, Protobuf, Room};

use super::{of_type, repeat};
use crate::{Job, Operation};

mod generated {
    stubwright::include_protos!("stubwright/stubwright");
}

/// Finds the operation on a message.
pub fn job<'a>(operation: Operation, message: &str, bytes: &'a Bytes) -> Option<Job<'a>> {
    of_type!(message, of in self::generated::bench, (operation, bytes))
}

/// Finds the operation on a message of the same type, called as a message of prost.
pub fn by_prost<'a>(operation: Operation, message: &str, bytes: &'a Bytes) -> Option<Job<'a>> {
    use super::by_prost::of;
    of_type!(message, of in self::generated::bench, (operation, bytes))
}

/// Decodes from `Bytes`, and encodes to a buffer that is used again, as a call does.
fn of<'a, M: Message + 'a>(operation: Operation, bytes: &'a Bytes) -> Job<'a> {
    let decode = move || -> M {
        Protobuf::decode(Encoded::from(black_box(bytes))).expect("the message is valid")
    };
    match operation {
        Operation::Decode => repeat(move |_| {
            black_box(&decode());
        }),
        Operation::Encode => {
            let message = decode();
            repeat(move |buffer| {
                buffer.clear();
                let message = black_box(&message);
                Protobuf::encode_to(message, &mut Growing(buffer));
                black_box(&buffer[..]);
            })
        }
    }
}

/// A buffer that grows by what a message needs.
struct Growing<'a>(&'a mut BytesMut);

impl Room for Growing<'_> {
    fn make(&mut self, length: usize) -> Option<&mut BytesMut> {
        self.0.reserve(length);
        Some(self.0)
    }
}

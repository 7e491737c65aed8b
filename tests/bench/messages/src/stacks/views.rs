//! Stubwright: views of messages, which borrow texts and bytes.

use std::hint::black_box;

use bytes::Bytes;
use stubwright::{HasView, View};

use super::{of_type, repeat};
use crate::{Job, Operation};

#[allow(dead_code, reason = "generated, and messages are not measured here")]
mod generated {
    stubwright::include_protos!("stubwright/stubwright");
}

/// Finds the operation on a view.
pub fn job<'a>(operation: Operation, message: &str, bytes: &'a Bytes) -> Option<Job<'a>> {
    of_type!(message, of in self::generated::bench, (operation, bytes))
}

fn of<'a, M: HasView>(operation: Operation, bytes: &'a Bytes) -> Job<'a> {
    let decode = move || M::View::decode(black_box(bytes)).expect("the message is valid");
    match operation {
        Operation::Decode => repeat(move |_| {
            black_box(&decode());
        }),
        Operation::Encode => {
            let view = decode();
            repeat(move |buffer| {
                buffer.clear();
                black_box(&view).encode(buffer);
                black_box(&buffer[..]);
            })
        }
    }
}

//! buffa, with its default options.

use std::hint::black_box;

use buffa::{HasMessageView, Message, ViewEncode};
use bytes::Bytes;

use super::{of_type, repeat};
use crate::{Job, Operation};

#[allow(
    clippy::all,
    dead_code,
    reason = "generated, and not every type is measured"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/buffa/buffa.rs"));
}

/// Finds the operation on a message that owns its content.
pub fn job<'a>(operation: Operation, message: &str, bytes: &'a Bytes) -> Option<Job<'a>> {
    of_type!(message, of in self::generated::bench, (operation, bytes))
}

/// Finds the operation on a view.
pub fn view<'a>(operation: Operation, message: &str, bytes: &'a Bytes) -> Option<Job<'a>> {
    of_type!(message, view_of in self::generated::bench, (operation, bytes))
}

/// Decodes from `Bytes` if the message shares its memory, and otherwise from a slice, which is faster.
fn of<'a, M: Message + 'a>(operation: Operation, bytes: &'a Bytes) -> Job<'a> {
    #[cfg(feature = "shared")]
    let decode = move || M::decode(&mut black_box(bytes).clone()).expect("the message is valid");
    #[cfg(not(feature = "shared"))]
    let decode = move || M::decode_from_slice(black_box(bytes)).expect("the message is valid");
    match operation {
        Operation::Decode => repeat(move |_| {
            black_box(&decode());
        }),
        Operation::Encode => {
            let message = decode();
            repeat(move |buffer| {
                buffer.clear();
                black_box(&message).encode(buffer);
                black_box(&buffer[..]);
            })
        }
    }
}

fn view_of<'a, M: HasMessageView>(operation: Operation, bytes: &'a Bytes) -> Job<'a>
where
    M::View<'a>: ViewEncode<'a>,
{
    let decode = move || M::decode_view(black_box(bytes)).expect("the message is valid");
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

//! Type erasure: messages behind traits.
//!
//! Code that is generic over a message is compiled again for each type of message, in the user's crate. Therefore only three
//! things are generic over the type:
//!
//! - the place that holds a message: [`Slot`] for received messages, and [`Requests`] for sent ones;
//! - the codec;
//! - a few function pointers.
//!
//! Everything else handles messages as `dyn` [`AnyMessage`], [`AnySlot`] and [`AnyRequests`], and is compiled once, in this
//! crate: the loop over the fields that are decoded, framing and packing, calls with their retries and interceptors, the task
//! that feeds a stream of requests.
//!
//! The LLVM lines of a method with two messages of its own, measured with `tests/bench/build_time/run lines`:
//!
//! | method | before the erasure | with it | tonic |
//! |---|---|---|---|
//! | unary | 3,920 | 2,359 | 14,032 |
//! | server streaming | 5,775 | 3,815 | 13,519 |
//! | client streaming | 6,818 | 2,717 | 12,980 |
//! | bidirectional | 8,637 | 4,128 | 12,549 |

mod any_message;
mod requests;
mod slot;

pub use any_message::AnyMessage;
pub(crate) use any_message::Typed;
#[cfg(feature = "client")]
pub(crate) use requests::{
    AnyRequests, BoxedRequests, BoxedSource, RequestSource, Requests, none_at_hand,
};
pub(crate) use slot::{AnySlot, Slot};

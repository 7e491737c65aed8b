//! Calls for programs without async: each waits on the thread that makes it, as gRPC Python's do by default.
//!
//! With [`Config::blocking`](https://docs.rs/stubwright-codegen/latest/stubwright_codegen/struct.Config.html#method.blocking) of
//! `stubwright-codegen` a service has an `XBlockingStub` beside its `XStub`: the same methods with the same options, of iterators
//! where that has streams.
//!
//! ```
//! use stubwright::{Channel, Prost, Result, blocking};
//!
//! fn call(channel: &Channel) -> Result<()> {
//!     // What `stub.say(request).wait()?` of a blocking stub does.
//!     let call = channel.unary_unary("/echo.Echo/Say", Prost, String::from("hello"));
//!     let reply: String = blocking::UnaryCall::from(call).wait()?;
//!     println!("{reply}");
//!     // What `for reply in stub.repeat(request)` does.
//!     let call = channel.unary_stream("/echo.Echo/Repeat", Prost, String::from("hello"));
//!     for reply in blocking::StreamingCall::<String, String>::from(call) {
//!         println!("{}", reply?);
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # Threads
//! A program needs no runtime for it. The first call starts one thread, `stubwright-blocking`, which carries the connections of
//! all channels that are first called from here, and the handlers of channels within the process; it stays until the program
//! ends. Calls have no threads of their own: one with one request costs two wake-ups, its own and that thread's. An iterator of
//! requests may block for as long as it likes, so it is read on a thread of a pool (`stubwright-requests`) while there is a next
//! request to wait for; at most 512 iterators are read at a time. Nothing here handles signals: Ctrl-C ends the program as ever.
//!
//! # Async code
//! What waits would stop the thread that it is on, and every task on it. So a call that is made within async code fails with
//! FAILED_PRECONDITION: there the async stub is the right one, or `tokio::task::spawn_blocking` around what blocks.

mod background;
mod canceller;
mod requests;
mod streaming;
mod unary;
mod wait;

pub use canceller::Canceller;
pub use requests::{Produced, requests};
pub use streaming::StreamingCall;
pub use unary::{UnaryCall, WithCall};
pub use wait::wait;

//! Calls for programs without async. Each call blocks the thread that makes it, like gRPC Python's calls by default.
//!
//! With the option `Config::blocking` of `stubwright-codegen`, a service `X` has an `XBlockingStub` beside its `XStub`.
//! The blocking stub has the same methods, with iterators in place of streams. Its calls have the same options.
//!
//! ```
//! use stubwright::{Channel, Prost, Result, blocking};
//!
//! fn call(channel: &Channel) -> Result<()> {
//!     // Equivalent to `stub.say(request).wait()?` of a blocking stub.
//!     let call = channel.unary_unary("/echo.Echo/Say", Prost, String::from("hello"));
//!     let reply: String = blocking::UnaryCall::from(call).wait()?;
//!     println!("{reply}");
//!     // Equivalent to `for reply in stub.repeat(request)`.
//!     let call = channel.unary_stream("/echo.Echo/Repeat", Prost, String::from("hello"));
//!     for reply in blocking::StreamingCall::<String>::from(call) {
//!         println!("{}", reply?);
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # Threads
//! The program needs no tokio runtime. The first blocking call starts one thread, `stubwright-blocking`, which runs
//! until the program ends. This thread drives the connections of all channels that are first used through this module,
//! and the handlers of in-process channels.
//!
//! Calls have no threads of their own. A unary call wakes a thread twice: `stubwright-blocking`, and then the calling
//! thread.
//!
//! An iterator of requests may block for any time. Each iterator is read on a thread of its own, from a pool of threads
//! named `stubwright-requests`. At most 512 iterators are read at a time.
//!
//! This module handles no signals, so Ctrl-C ends the program as usual.
//!
//! # Async code
//! A blocking call in async code would stop the thread and every task on it. Such a call fails with FAILED_PRECONDITION
//! instead. In async code, use the async stub, or make the blocking call in `tokio::task::spawn_blocking`.

mod background;
mod future;
mod requests;
mod streaming;
mod unary;
mod wait;

pub use future::CallFuture;
pub use requests::{Produced, requests};
pub use streaming::StreamingCall;
pub use unary::{UnaryCall, WithCall};
pub use wait::wait;

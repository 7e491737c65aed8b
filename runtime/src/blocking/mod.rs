//! Calls for programs without async. Each call blocks the thread that makes it, like gRPC Python's calls by default.
//!
//! With the option `Config::blocking` of `stubwright-codegen`, a service has an `XBlockingStub` beside its `XStub`. It has the same
//! methods with the same options, with iterators in place of streams.
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
//! The program needs no runtime. The first call starts one thread, `stubwright-blocking`, which runs until the program
//! ends. It drives the connections of all channels that are first used from here, and the handlers of in-process
//! channels.
//!
//! Calls have no threads of their own. A unary call costs two wake-ups: one of the calling thread, and one of
//! `stubwright-blocking`.
//!
//! An iterator of requests may block for any time. It is read on a thread of a pool (`stubwright-requests`), which is
//! busy only while it waits for the next request. At most 512 iterators are read at a time.
//!
//! Nothing here handles signals: Ctrl-C ends the program as usual.
//!
//! # Async code
//! Blocking in async code would stop the thread and every task on it. So a blocking call in async code fails with
//! FAILED_PRECONDITION. Use the async stub there, or make the blocking call in `tokio::task::spawn_blocking`.

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

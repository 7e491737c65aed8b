//! Streams of messages: the memory that an unread call holds, how much of its work is done at a time, and when
//! messages leave while a handler or a caller computes.

mod peer;
mod servicer;
mod timing;
mod unread;

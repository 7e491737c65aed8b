//! What streams of messages cost, and when their messages go out: what a call holds whose answers nobody reads, how much of its work
//! is done at a time, and what a handler or a caller that computes keeps back.

mod peer;
mod servicer;
mod timing;
mod unread;

//! Our runtime with other implementations of HTTP/2, over loopback TCP.
//!
//! The peers are the `h2` crate in both roles, with gRPC's framing written by hand, and raw frames where a library
//! would refuse to send them.

mod as_client;
mod as_server;
mod back_pressure;
mod budget_rows;
mod caller;
mod client_answers;
mod client_connections;
mod compression_rows;
mod computing;
mod connection_rows;
mod dispatch_rows;
mod flow_control;
mod listener;
mod metadata_rows;
mod raw;
mod request_rows;
mod same_bytes;
mod scripts;
mod silence_rows;
mod status_rows;
mod unread;
mod wire;

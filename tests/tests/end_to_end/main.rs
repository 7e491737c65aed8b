//! End-to-end tests from stub to servicer and back. One suite runs over every transport.

mod call_options;
mod cancel_handles;
mod cancellation;
mod channel_defaults;
mod client_interceptors;
mod compression;
mod connections;
mod deadlines;
mod ends;
mod four_kinds;
mod generic;
mod interceptors;
mod limits;
mod message_forms;
mod messages;
mod offload;
mod propagation;
mod ready_made;
mod sending;
mod server;
mod statuses;
mod transports;
mod windows;

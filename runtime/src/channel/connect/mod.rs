//! Attempts to connect, connections, and the calls on them.

pub(crate) mod authorization;
pub(crate) mod connection;
pub(crate) mod connections;
pub(crate) mod connector;
pub(crate) mod credentials;
pub(crate) mod dial;
pub(crate) mod health;
pub(crate) mod origin;
pub(crate) mod owner;
pub(crate) mod race;
pub(crate) mod refusals;
pub(crate) mod refused;
pub(crate) mod request_head;
pub(crate) mod security;

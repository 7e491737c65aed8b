//! Connections over TLS: the peers that are accepted or refused, and the errors on both sides.

mod address_credentials;
mod call_credentials;
mod cluster;
mod fixture;
mod given;
mod identities;
mod options;
mod protocols;
mod refusals;
mod reload;
mod self_signed;
mod sessions;
mod stop;
mod ways;

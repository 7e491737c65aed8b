//! Connections over TLS: who is accepted, who is refused, and the errors on either side.

mod call_credentials;
mod cluster;
mod fixture;
mod identities;
mod options;
mod protocols;
mod refusals;
mod reload;
mod self_signed;
mod stop;
mod ways;

//! Connections over TLS: who is let in, who is refused and how either side learns why.

mod call_credentials;
mod fixture;
mod identities;
mod options;
mod protocols;
mod refusals;
mod reload;
mod self_signed;
mod stop;
mod ways;

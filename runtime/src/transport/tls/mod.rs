//! TLS by rustls, for servers and clients.

#[cfg(feature = "server")]
mod accept;
mod certificate;
#[cfg(feature = "client")]
mod client_config;
#[cfg(feature = "client")]
mod connect;
mod identity;
mod key_pair;
mod pem;
mod provider;
mod refusal;
mod roots;
mod verifier;

#[cfg(feature = "server")]
pub(crate) use accept::accept;
#[cfg(feature = "client")]
pub(crate) use client_config::ClientTlsConfig;
#[cfg(feature = "client")]
use connect::client_config;
#[cfg(feature = "client")]
pub(crate) use connect::{CertifiedHosts, ClientTls};
pub(crate) use key_pair::Identity;
use pem::certificates;
pub(crate) use pem::invalid;
use provider::NO_H2;
pub(crate) use provider::{H2, default_provider, offer_h2};
pub(crate) use refusal::alert;
#[cfg(feature = "server")]
pub(crate) use refusal::invalid as unusable;
pub(crate) use roots::Roots;
#[cfg(feature = "server")]
pub(crate) use verifier::ClientVerifier;

//! Authentication: the client sends a token with every call, in metadata and over TLS; an interceptor of the server finds out whose
//! it is, and the servicer asks it.

mod tokens;
mod vault;

pub use tokens::{TOKEN, Tokens, User};
pub use vault::Vault;

// The modules `auth::v1`, named after the package of `proto/auth.proto`.
stubwright::include_protos!();

//! Authentication with tokens over TLS. All calls of the client's channel send a token. An interceptor of the server
//! looks up the token's user and passes it to the servicer.

mod tokens;
mod vault;

pub use tokens::{TOKEN, Tokens, User, token};
pub use vault::Vault;

// The module `auth::v1`, named after the package of `proto/auth.proto`.
stubwright::include_protos!();

//! Authentication: the client has a channel over TLS whose calls all send a token; an interceptor of the server finds out whose
//! it is, and the servicer asks it.

mod tokens;
mod vault;

pub use tokens::{TOKEN, Tokens, User, token};
pub use vault::Vault;

// The modules `auth::v1`, named after the package of `proto/auth.proto`.
stubwright::include_protos!();

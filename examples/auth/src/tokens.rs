//! Tokens: the credentials that send a token with each call, and the interceptor that checks it.

use std::collections::HashMap;

use stubwright::{
    AuthMetadataContext, CallCredentials, Metadata, Result, ServerCall, ServerInterceptor, Status,
};

/// Metadata key of the token.
pub const TOKEN: &str = "token";

/// Returns call credentials that send a token.
///
/// They are called for each call and may take their time. A real program would check here whether the token is still
/// valid, and request a new one if not.
pub fn token(token: &str) -> impl CallCredentials {
    let token = token.to_owned();
    move |_call: AuthMetadataContext| {
        let token = token.clone();
        async move {
            let mut metadata = Metadata::new();
            metadata.append(TOKEN, token)?;
            Ok(metadata)
        }
    }
}

/// The caller. The interceptor puts it into the extensions of the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User(pub String);

/// Tokens and their users. As an interceptor, it rejects calls without a known token.
#[derive(Debug)]
pub struct Tokens(HashMap<String, User>);

impl Tokens {
    /// Creates it from pairs of a token and the user's name.
    pub fn new(tokens: &[(&str, &str)]) -> Tokens {
        let users = tokens.iter();
        let users = users.map(|&(token, user)| (token.into(), User(user.into())));
        Tokens(users.collect())
    }
}

impl ServerInterceptor for Tokens {
    async fn intercept(&self, mut call: ServerCall) -> Result<()> {
        let context = call.context();
        let token = context.invocation_metadata().get(TOKEN);
        // The request has not been read, and the handler does not run. The error does not say whether the token is
        // missing or unknown.
        let Some(user) = token.and_then(|token| self.0.get(token)) else {
            return Err(Status::unauthenticated("Invalid signature"));
        };
        call.extensions().insert(user.clone());
        call.proceed().await.result
    }
}

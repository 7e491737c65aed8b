//! Tokens, and the interceptor that asks for one.

use std::collections::HashMap;

use stubwright::{InterceptedCall, Result, ServerInterceptor, Status};

/// The key of the metadata that has the token.
pub const TOKEN: &str = "token";

/// Who has made a call: what the interceptor leaves in its extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User(pub String);

/// Whom the tokens belong to. As an interceptor it lets no call through without one.
#[derive(Debug)]
pub struct Tokens(HashMap<String, User>);

impl Tokens {
    /// Pairs of tokens and the names of their users.
    pub fn new(tokens: &[(&str, &str)]) -> Tokens {
        let users = tokens.iter();
        let users = users.map(|&(token, user)| (token.into(), User(user.into())));
        Tokens(users.collect())
    }
}

impl ServerInterceptor for Tokens {
    async fn intercept(&self, call: InterceptedCall) -> Result<()> {
        let context = call.context();
        let token = context.invocation_metadata().get(TOKEN);
        // Nothing of the request has been read, and the handler is not run. The caller is not told which of the two it was.
        let Some(user) = token.and_then(|token| self.0.get(token)) else {
            return Err(Status::unauthenticated("Invalid signature"));
        };
        context.extensions().insert(user.clone());
        call.proceed().await.result
    }
}

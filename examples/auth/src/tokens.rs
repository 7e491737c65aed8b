//! Tokens: the credentials that send one with each call, and the interceptor that asks for it.

use std::collections::HashMap;

use stubwright::{
    AuthMetadataContext, CallCredentials, InterceptedCall, Metadata, Result, ServerInterceptor,
    Status,
};

/// The key of the metadata that has the token.
pub const TOKEN: &str = "token";

/// The credentials of calls that prove themselves with a token. They are asked with each call, and may take their time: a real
/// program would look here whether its token is still good, and get another if not.
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

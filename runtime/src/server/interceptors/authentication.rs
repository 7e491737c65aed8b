//! Interceptors that authenticate callers.

use std::future::Future;
use std::sync::Arc;

use crate::server::{ServerCall, ServerInterceptor, ServicerContext};
use crate::{Metadata, Result, Status};

/// Creates an interceptor that accepts only calls whose caller `check` recognizes. If `check` returns a value, the interceptor
/// stores the value in the call's [`extensions`](ServicerContext::extensions), where handlers find it by its type. If `check`
/// returns an error, usually UNAUTHENTICATED, the call ends with this error.
///
/// `check` gets the call's context. This has the metadata, and over TLS the caller's certificate. For tokens, [`bearer_token`] is
/// simpler.
pub fn authentication<F, Fut, I>(check: F) -> impl ServerInterceptor
where
    F: Fn(ServicerContext) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<I>> + Send + 'static,
    I: Send + Sync + 'static,
{
    let check = Arc::new(check);
    move |mut call: ServerCall| {
        let check = Arc::clone(&check);
        async move {
            let identity = check(call.context().clone()).await?;
            call.context().extensions().insert(identity);
            call.proceed().await.result
        }
    }
}

/// Creates an interceptor that accepts only calls whose bearer token `check` recognizes. The token is the text after `Bearer ` in
/// the metadata `authorization`. A call without a token ends with UNAUTHENTICATED. The results of `check` are used as in
/// [`authentication`].
///
/// ```
/// use stubwright::{Server, Status, interceptors};
///
/// struct User(&'static str);
///
/// let server = Server::builder()
///     .interceptor(interceptors::bearer_token(async |token: String| match &*token {
///         "sesame" => Ok(User("ali")),
///         _ => Err(Status::unauthenticated("unknown token")),
///     }))
///     .build();
/// // In a handler: `context.extensions().get::<User>()`.
/// # let _ = (server, User("").0);
/// ```
pub fn bearer_token<F, Fut, I>(check: F) -> impl ServerInterceptor
where
    F: Fn(String) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<I>> + Send + 'static,
    I: Send + Sync + 'static,
{
    let check = Arc::new(check);
    authentication(move |context| {
        let token = token(context.invocation_metadata()).map(str::to_owned);
        let check = Arc::clone(&check);
        async move {
            let token = token.ok_or_else(|| {
                Status::unauthenticated("the authorization metadata has no bearer token")
            })?;
            check(token).await
        }
    })
}

/// Returns the token of `authorization: Bearer TOKEN`. The scheme's name is case-insensitive (RFC 9110, 11.1).
fn token(metadata: &Metadata) -> Option<&str> {
    let (scheme, token) = metadata.get("authorization")?.split_once(' ')?;
    let token = token.trim_start_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_stands_behind_its_scheme() {
        for (value, expected) in [
            ("Bearer abc", Some("abc")),
            ("bearer  a b", Some("a b")),
            ("BEARER abc=", Some("abc=")),
            ("Bearer", None),
            ("Bearerabc", None),
            ("Basic abc", None),
        ] {
            let mut metadata = Metadata::new();
            metadata.append("authorization", value).unwrap();
            assert_eq!(token(&metadata), expected, "{value:?}");
        }
        assert_eq!(token(&Metadata::new()), None);
    }
}

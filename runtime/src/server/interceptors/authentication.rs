//! Who calls: found out before anything else, and known to the handler.

use std::future::Future;
use std::sync::Arc;

use crate::server::{InterceptedCall, ServerInterceptor, ServicerContext};
use crate::{Metadata, Result, Status};

/// Lets only those calls through whose caller `check` knows. What it returns is put into the call's
/// [`extensions`](ServicerContext::extensions), where handlers find it by its type; its error is the status of the call, as a
/// rule UNAUTHENTICATED.
///
/// `check` is given the call, with its metadata and, over TLS, what the caller's certificate says. Where a token is enough,
/// [`bearer_token`] takes less.
pub fn authentication<F, Fut, I>(check: F) -> impl ServerInterceptor
where
    F: Fn(ServicerContext) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<I>> + Send + 'static,
    I: Send + Sync + 'static,
{
    let check = Arc::new(check);
    move |call: InterceptedCall| {
        let check = Arc::clone(&check);
        async move {
            let identity = check(call.context().clone()).await?;
            call.context().extensions().insert(identity);
            call.proceed().await.result
        }
    }
}

/// Lets only those calls through whose bearer token `check` knows: what stands in the metadata `authorization` behind
/// `Bearer `. A call without one ends with UNAUTHENTICATED, otherwise it is as with [`authentication`].
///
/// ```
/// use stubwright::{Server, Status, interceptors};
///
/// struct User(&'static str);
///
/// let server = Server::builder()
///     .interceptor(interceptors::bearer_token(async |token: String| match &*token {
///         "sesame" => Ok(User("ali")),
///         _ => Err(Status::unauthenticated("the token is not known")),
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
                Status::unauthenticated("the metadata authorization has no bearer token")
            })?;
            check(token).await
        }
    })
}

/// The token of `authorization: Bearer TOKEN`; the name of the scheme may be in any case (RFC 9110, 11.1).
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

//! What calls prove themselves with, call by call.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use crate::base::header::Header;
use crate::call::{Panicked, Peer, panicked_in};
use crate::{Code, Metadata, Result, Status};

/// What calls prove themselves with: metadata, tokens as a rule, that is asked for again with each call, and each time that a call
/// is made again. A closure is one, too; [`access_token`](crate::credentials::access_token) is for a token that stays, and
/// [`composite`](crate::credentials::composite) makes one of two. gRPC Python's `AuthMetadataPlugin`, and the `CallCredentials` that
/// are made of it.
///
/// They belong to a call ([`UnaryCall::credentials`](crate::UnaryCall::credentials)), to a handle of a channel
/// ([`Channel::with_credentials`](crate::Channel::with_credentials)), or to the credentials of a channel
/// ([`ChannelCredentials::call_credentials`](crate::ChannelCredentials::call_credentials)). They are asked when there is a connection for
/// the call, by its task or one of its own, and add to the metadata of the call. The time that it takes is the call's.
///
/// They are for connections that nobody else can read: over one without encryption a call with credentials ends with
/// UNAUTHENTICATED, and nothing is asked or sent. Connections by [`ChannelCredentials::local`](crate::ChannelCredentials::local) and
/// channels within this process are safe in that respect.
///
/// ```
/// use stubwright::{AuthMetadataContext, Channel, ChannelCredentials, Metadata, Result};
///
/// # fn connect(token: impl Fn(&str) -> String + Send + Sync + Clone + 'static) -> Result<()> {
/// let signed = move |call: AuthMetadataContext| {
///     let token = token(call.service_url());
///     async move {
///         let mut metadata = Metadata::new();
///         metadata.append("authorization", format!("Bearer {token}"))?;
///         Ok(metadata)
///     }
/// };
/// let credentials = ChannelCredentials::local().call_credentials(signed);
/// let channel = Channel::secure("localhost:5000", credentials)?;
/// # drop(channel);
/// # Ok(())
/// # }
/// ```
pub trait CallCredentials: Send + Sync + 'static {
    /// The metadata that proves who makes a call.
    ///
    /// # Errors
    /// Why there is none: the call ends with it. A status that says something of the call itself and not of its credentials is
    /// INTERNAL there (gRFC A54): INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, FAILED_PRECONDITION, ABORTED, OUT_OF_RANGE and
    /// DATA_LOSS. UNAVAILABLE is for what may be better soon: a retry policy may try the call again.
    fn metadata(
        &self,
        context: AuthMetadataContext,
    ) -> impl Future<Output = Result<Metadata>> + Send;
}

impl<F, Fut> CallCredentials for F
where
    F: Fn(AuthMetadataContext) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Metadata>> + Send,
{
    fn metadata(
        &self,
        context: AuthMetadataContext,
    ) -> impl Future<Output = Result<Metadata>> + Send {
        self(context)
    }
}

/// The call that asks for metadata. gRPC Python's class of this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthMetadataContext {
    service_url: String,
    method_name: String,
}

impl AuthMetadataContext {
    /// The service, with the authority of the call: `https://example.org/package.Service`. It is what the audience of a signed
    /// token (JWT) is as a rule. HTTPS's own port, 443, is left out; without TLS it begins with `http`.
    pub fn service_url(&self) -> &str {
        &self.service_url
    }

    /// The method without the service: `Method`.
    pub fn method_name(&self) -> &str {
        &self.method_name
    }

    pub(crate) fn new(scheme: &str, authority: Option<&Header>, path: &str) -> Self {
        let authority = authority.map(|authority| String::from_utf8_lossy(authority.value()));
        let authority = authority.as_deref().unwrap_or("localhost");
        let host = match authority.strip_suffix(":443") {
            Some(host) if scheme == "https" => host,
            _ => authority,
        };
        let (service, method) = path.rsplit_once('/').unwrap_or(("", path));
        AuthMetadataContext {
            service_url: format!("{scheme}://{host}{service}"),
            method_name: method.to_owned(),
        }
    }
}

/// A token that stays: each call has it as `authorization: Bearer TOKEN`. What cannot be metadata fails the calls with
/// INTERNAL. gRPC Python's `access_token_call_credentials`.
pub fn access_token(token: impl AsRef<str>) -> impl CallCredentials {
    let mut metadata = Metadata::new();
    let bearer = format!("Bearer {}", token.as_ref());
    let metadata = metadata
        .append("authorization", bearer)
        .map(|()| metadata)
        // The error would show the token.
        .map_err(|_| Status::internal("the access token is not printable ASCII"));
    move |_: AuthMetadataContext| std::future::ready(metadata.clone())
}

/// Both: the metadata of the first, then that of the second, each asked in its turn. gRPC Python's
/// `composite_call_credentials`.
pub fn composite(
    first: impl CallCredentials,
    second: impl CallCredentials,
) -> impl CallCredentials {
    Pair(first, second)
}

struct Pair<A, B>(A, B);

impl<A: CallCredentials, B: CallCredentials> CallCredentials for Pair<A, B> {
    async fn metadata(&self, context: AuthMetadataContext) -> Result<Metadata> {
        let mut metadata = self.0.metadata(context.clone()).await?;
        metadata.extend(self.1.metadata(context).await?);
        Ok(metadata)
    }
}

/// Call credentials of any type.
#[derive(Clone)]
pub(crate) struct Authorizer(Arc<dyn Erased>);

impl Authorizer {
    pub(crate) fn new(credentials: impl CallCredentials) -> Authorizer {
        Authorizer(Arc::new(credentials))
    }

    /// These behind those that are there already.
    pub(crate) fn behind(self, first: Option<Authorizer>) -> Authorizer {
        match first {
            Some(first) => Authorizer::new(Pair(first, self)),
            None => self,
        }
    }

    /// The metadata for a call, or what the call ends with.
    pub(crate) async fn ask(&self, context: AuthMetadataContext) -> Result<Metadata> {
        let method = context.method_name.clone();
        let mut asked = self.0.metadata(context);
        let polled = poll_fn(|context| {
            catch_unwind(AssertUnwindSafe(|| asked.as_mut().poll(context))).unwrap_or_else(
                |panic| {
                    let peer = Peer::unknown();
                    let who = Panicked::Credentials;
                    std::task::Poll::Ready(Err(panicked_in(who, &method, &peer, panic.as_ref())))
                },
            )
        });
        polled.await.map_err(permitted)
    }
}

impl CallCredentials for Authorizer {
    fn metadata(
        &self,
        context: AuthMetadataContext,
    ) -> impl Future<Output = Result<Metadata>> + Send {
        self.0.metadata(context)
    }
}

impl fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("call credentials")
    }
}

/// Credentials whose future is boxed.
trait Erased: Send + Sync {
    fn metadata(&self, context: AuthMetadataContext) -> Asked<'_>;
}

type Asked<'a> = Pin<Box<dyn Future<Output = Result<Metadata>> + Send + 'a>>;

impl<C: CallCredentials> Erased for C {
    fn metadata(&self, context: AuthMetadataContext) -> Asked<'_> {
        Box::pin(async move { CallCredentials::metadata(self, context).await })
    }
}

/// What has no say in a call does not speak for its server (gRFC A54).
fn permitted(status: Status) -> Status {
    match status.code() {
        Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::DataLoss => Status::internal(format!(
            "call credentials failed with a status that they may not give: {status}"
        ))
        .with_source(status),
        _ => status,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_a_url() {
        for (scheme, authority, url) in [
            ("https", "a.example:443", "https://a.example/p.S"),
            ("https", "a.example:444", "https://a.example:444/p.S"),
            ("http", "a.example:443", "http://a.example:443/p.S"),
            ("https", "[::1]:443", "https://[::1]/p.S"),
        ] {
            let authority = Header::new(b":authority", authority.as_bytes());
            let context = AuthMetadataContext::new(scheme, Some(&authority), "/p.S/M");
            assert_eq!(context.service_url(), url);
            assert_eq!(context.method_name(), "M");
        }
        let context = AuthMetadataContext::new("http", None, "/p.S/M");
        assert_eq!(context.service_url(), "http://localhost/p.S");
    }

    #[test]
    fn only_some_statuses_are_those_of_credentials() {
        for number in 1..=16 {
            let code = Code::from_number(number).unwrap();
            let given = permitted(Status::new(code, "why"));
            let expected = match number {
                3 | 5 | 6 | 9 | 10 | 11 | 15 => Code::Internal,
                _ => code,
            };
            assert_eq!(given.code(), expected, "{code}");
            assert!(given.message().contains("why"));
        }
    }
}

//! The credentials of calls.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use crate::base::header::Header;
use crate::call::{Panicked, Peer, panicked_in};
use crate::{Code, Metadata, Result, Status};

/// Credentials of calls, which provide metadata, usually a token, for each attempt at a call. gRPC Python's `AuthMetadataPlugin`
/// and `CallCredentials`.
///
/// Closures that take an [`AuthMetadataContext`] implement this trait. [`access_token`](crate::credentials::access_token) creates
/// credentials with a fixed token. [`composite`](crate::credentials::composite) combines two credentials.
///
/// Credentials can be set for a call ([`UnaryCall::credentials`](crate::UnaryCall::credentials)), for a handle of a channel
/// ([`Channel::with_credentials`](crate::Channel::with_credentials)), or in the credentials of a channel
/// ([`ChannelCredentials::call_credentials`](crate::ChannelCredentials::call_credentials)).
///
/// The library calls [`metadata`](CallCredentials::metadata) once the call has a connection, in the caller's task or in another
/// one. The returned metadata is added to the metadata of the call. The time that the credentials take counts towards the deadline
/// of the call.
///
/// Credentials are only sent over connections that others cannot read. Over a connection without encryption, a call with
/// credentials ends with UNAUTHENTICATED: the credentials are not asked, and nothing is sent. Channels with
/// [`ChannelCredentials::local`](crate::ChannelCredentials::local) and channels within this process count as safe.
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
#[doc(alias = "AuthMetadataPlugin")]
#[doc(alias = "metadata_call_credentials")]
pub trait CallCredentials: Send + Sync + 'static {
    /// Returns the metadata that authenticates the caller.
    ///
    /// # Errors
    /// Returns the status with which the call ends. Some codes are reserved for the result of the server and become INTERNAL (gRFC
    /// A54): INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, FAILED_PRECONDITION, ABORTED, OUT_OF_RANGE and DATA_LOSS. After
    /// UNAVAILABLE, a retry policy may retry the call.
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

/// The call for which [`CallCredentials`] are asked. gRPC Python's `AuthMetadataContext`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthMetadataContext {
    service_url: String,
    method_name: String,
}

impl AuthMetadataContext {
    /// Returns the URL of the service, with the authority of the call: `https://example.org/package.Service`. A signed token (JWT)
    /// usually has this URL as its audience. Port 443 is left out. Without TLS the URL begins with `http`.
    pub fn service_url(&self) -> &str {
        &self.service_url
    }

    /// Returns the name of the method without the service: `Method`.
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

/// Creates credentials with a fixed token. Each call is sent with `authorization: Bearer TOKEN`. If the token is not printable
/// ASCII, calls fail with INTERNAL. gRPC Python's `access_token_call_credentials`.
#[doc(alias = "access_token_call_credentials")]
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

/// Combines two credentials. `first` and `second` are asked one after the other, and calls are sent with the metadata of both, in
/// this order. gRPC Python's `composite_call_credentials`.
#[doc(alias = "composite_call_credentials")]
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
        metadata.merge(self.1.metadata(context).await?);
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

    /// Adds these credentials after `first`, if there are any.
    pub(crate) fn behind(self, first: Option<Authorizer>) -> Authorizer {
        match first {
            Some(first) => Authorizer::new(Pair(first, self)),
            None => self,
        }
    }

    /// Returns the metadata for a call, or the status with which the call ends.
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

/// Two of them are equal when one is a clone of the other.
impl PartialEq for Authorizer {
    fn eq(&self, other: &Authorizer) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
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

/// [`CallCredentials`] of any type. The future is boxed.
trait Erased: Send + Sync {
    fn metadata(&self, context: AuthMetadataContext) -> Asked<'_>;
}

type Asked<'a> = Pin<Box<dyn Future<Output = Result<Metadata>> + Send + 'a>>;

impl<C: CallCredentials> Erased for C {
    fn metadata(&self, context: AuthMetadataContext) -> Asked<'_> {
        Box::pin(async move { CallCredentials::metadata(self, context).await })
    }
}

/// Replaces a code that is reserved for the server's own result (gRFC A54).
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

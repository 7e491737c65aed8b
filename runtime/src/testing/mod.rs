//! Tools for testing servicers and code that makes calls.
//!
//! # Servicers
//!
//! A test can call a servicer's methods directly, without a server. [`TestCall`] provides the context that the methods
//! take.
//!
//! ```
//! use stubwright::testing::TestCall;
//! use stubwright::{Metadata, RequestStream, Result, ServicerContext};
//!
//! struct Sums;
//!
//! impl Sums {
//!     // The signature is that of a generated trait.
//!     async fn sum(&self, mut requests: RequestStream<u32>, context: &ServicerContext) -> Result<u32> {
//!         let mut sum = 0;
//!         while let Some(request) = requests.message().await? {
//!             sum += request;
//!         }
//!         let mut trailing = Metadata::new();
//!         let caller = context.invocation_metadata().get("caller").unwrap_or("nobody");
//!         trailing.append("summed-for", caller)?;
//!         context.set_trailing_metadata(trailing);
//!         Ok(sum)
//!     }
//! }
//!
//! # async fn test() -> Result<()> {
//! let call = TestCall::builder().metadata("caller", "ada").build();
//! let requests = RequestStream::from_iter([1, 2, 3]);
//! assert_eq!(Sums.sum(requests, call.context()).await?, 6);
//! assert_eq!(call.trailing_metadata().get("summed-for"), Some("ada"));
//! # Ok(())
//! # }
//! # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
//! # let polled = Future::poll(std::pin::pin!(test()), &mut context);
//! # assert!(matches!(polled, std::task::Poll::Ready(Ok(()))));
//! ```
//!
//! Such a test does not cover what a server does around the method. A server enforces deadlines, runs interceptors,
//! encodes messages, and answers calls of methods that are not implemented. To test this too, call the handlers by a
//! stub over `Channel::in_process`, which needs no ports.
//!
//! # Clients
//!
//! To test code that uses a stub, give it the stub of a [`Mock`], which answers each method with a closure. Or write a
//! servicer for the test, and give the code a stub over `Channel::in_process`.

#[cfg(feature = "client")]
mod mock;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::base::clock;
use crate::base::header::Header;
use crate::call::{AuthContext, CallDetails, Exchange, Peer};
use crate::server::Rules;
use crate::{InvalidMetadata, Metadata, ServicerContext, Status};

#[cfg(feature = "client")]
pub use self::mock::Mock;

/// A call of a test that calls a servicer's methods directly. It provides the [`ServicerContext`] for the method, and
/// acts as the caller.
///
/// The context works as in a server, but the call does not end when its deadline passes.
#[doc(alias = "grpc_testing")]
pub struct TestCall {
    context: ServicerContext,
}

impl TestCall {
    /// Creates a call without metadata and without a deadline. Its peer is `inproc:`, and the name of its method is
    /// empty.
    #[must_use]
    pub fn new() -> TestCall {
        TestCall::builder().build()
    }

    /// Returns a builder for a call with metadata, a timeout or other properties.
    pub fn builder() -> TestCallBuilder {
        TestCallBuilder {
            method: String::new(),
            authority: None,
            metadata: Metadata::new(),
            timeout: None,
            peer: "inproc:".into(),
            auth: None,
        }
    }

    /// Returns the context to pass to the servicer's method.
    pub fn context(&self) -> &ServicerContext {
        &self.context
    }

    /// Returns the initial metadata that the method has sent by
    /// [`send_initial_metadata`](ServicerContext::send_initial_metadata), or `None` if it has not called that method.
    pub fn initial_metadata(&self) -> Option<Metadata> {
        self.context.exchange().sent_head()
    }

    /// Returns the trailing metadata that the method has set and added so far. Does not include the metadata of a
    /// returned `Status`.
    pub fn trailing_metadata(&self) -> Metadata {
        self.context.trailing_metadata()
    }

    /// Cancels the call, as its caller. The call is no longer active, and futures of
    /// [`cancelled`](ServicerContext::cancelled) complete.
    ///
    /// A server would also drop the future of the method. In a test, the test owns this future and may drop it.
    pub fn cancel(&self) {
        let status = Status::cancelled("the call was cancelled by its caller");
        self.context.exchange().cancel(status);
    }
}

impl Default for TestCall {
    fn default() -> TestCall {
        TestCall::new()
    }
}

impl fmt::Debug for TestCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TestCall").field(&self.context).finish()
    }
}

/// Builds a [`TestCall`].
#[derive(Debug)]
#[must_use]
pub struct TestCallBuilder {
    method: String,
    authority: Option<Header>,
    metadata: Metadata,
    timeout: Option<Duration>,
    peer: String,
    auth: Option<AuthContext>,
}

impl TestCallBuilder {
    /// Sets the name of the method, `/package.Service/Method`. Empty by default.
    pub fn method(mut self, method: impl Into<String>) -> TestCallBuilder {
        self.method = method.into();
        self
    }

    /// Adds a pair to the metadata of the call, which is empty by default.
    ///
    /// # Panics
    /// Panics if the pair is not valid metadata. See [`Metadata::append`].
    pub fn metadata(mut self, key: impl AsRef<str>, value: impl AsRef<[u8]>) -> TestCallBuilder {
        if let Err(error) = self.metadata.append(key, value) {
            panic!("{error}");
        }
        self
    }

    /// Adds several pairs to the metadata of the call, from another [`Metadata`], an array, a slice or a vector.
    ///
    /// # Panics
    /// Panics if a pair is not valid metadata.
    pub fn metadata_from(
        mut self,
        pairs: impl TryInto<Metadata, Error: Into<InvalidMetadata>>,
    ) -> TestCallBuilder {
        if let Err(error) = self.metadata.append_all(pairs) {
            panic!("{error}");
        }
        self
    }

    /// Sets the time that remains until the deadline, counted from [`build`](Self::build). No deadline by default.
    pub fn timeout(mut self, timeout: Duration) -> TestCallBuilder {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the host that the call addresses, which is HTTP/2's `:authority`. Empty by default.
    pub fn authority(mut self, authority: impl AsRef<str>) -> TestCallBuilder {
        let authority = authority.as_ref().as_bytes();
        self.authority = Some(Header::new(b":authority", authority));
        self
    }

    /// Sets the address of the caller, such as `ipv4:192.0.2.1:5000`. The default is `inproc:`.
    pub fn peer(mut self, peer: impl Into<String>) -> TestCallBuilder {
        self.peer = peer.into();
        self
    }

    /// Adds a property to the verified identity of the caller, such as `("x509_subject_alternative_name",
    /// "client.example.org")`. [`AuthContext`] lists the properties.
    pub fn auth_property(
        mut self,
        name: &'static str,
        value: impl Into<String>,
    ) -> TestCallBuilder {
        self.auth.get_or_insert_default().push(name, value.into());
        self
    }

    /// Builds the call.
    #[must_use]
    pub fn build(self) -> TestCall {
        let peer = Peer::named(&self.peer);
        let peer = match self.auth {
            Some(auth) => peer.with_auth(auth),
            None => peer,
        };
        let path = Header::new(b":path", self.method.as_bytes());
        let exchange = Exchange::new(CallDetails {
            authority: self.authority,
            deadline: self
                .timeout
                .and_then(|timeout| clock::now().checked_add(timeout)),
            limits: Rules::default().limits,
            ..CallDetails::new(path, self.metadata, peer)
        });
        TestCall {
            context: ServicerContext::new(Arc::new(exchange)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;
    use crate::PeerAddress;

    #[test]
    fn the_context_has_what_the_test_has_set() {
        let call = TestCall::builder()
            .method("/a.B/C")
            .authority("example.org")
            .peer("ipv4:192.0.2.1:5000")
            .metadata("k", "1")
            .metadata_from([("k-bin", [0, 255])])
            .timeout(Duration::from_secs(60))
            .auth_property("transport_security_type", "ssl")
            .auth_property("x509_common_name", "client")
            .build();
        let context = call.context();
        assert_eq!(context.method(), "/a.B/C");
        assert_eq!(context.authority(), "example.org");
        assert_eq!(context.peer().as_str(), "ipv4:192.0.2.1:5000");
        let metadata = context.invocation_metadata();
        assert_eq!(metadata.get("k"), Some("1"));
        assert_eq!(metadata.get_bin("k-bin").as_deref(), Some(&[0, 255][..]));
        let left = context.time_remaining().unwrap();
        assert!(left > Duration::from_secs(50) && left <= Duration::from_secs(60));
        assert!(context.auth_context().is_secure());
        assert!(context.peer_identities().eq(["client"]));
        let call = TestCall::new();
        assert_eq!(call.context().peer().address(), &PeerAddress::InProcess);
        assert_eq!(call.context().deadline(), None);
        assert!(!call.context().auth_context().is_secure());
    }

    #[test]
    fn the_test_sees_the_metadata_that_is_sent_back() {
        let call = TestCall::new();
        assert!(call.initial_metadata().is_none());
        assert!(call.trailing_metadata().is_empty());
        let mut metadata = Metadata::new();
        metadata.append("a", "1").unwrap();
        call.context().set_trailing_metadata(metadata.clone());
        call.context().send_initial_metadata(metadata).unwrap();
        for _ in 0..2 {
            assert_eq!(call.initial_metadata().unwrap().get("a"), Some("1"));
            assert_eq!(call.trailing_metadata().get("a"), Some("1"));
        }
        let late = call.context().send_initial_metadata(Metadata::new());
        late.unwrap_err();
    }

    #[test]
    fn a_call_is_active_until_it_is_cancelled() {
        let call = TestCall::new();
        let mut cancelled = pin!(call.context().cancelled());
        let mut context = Context::from_waker(Waker::noop());
        assert!(call.context().is_active());
        assert!(cancelled.as_mut().poll(&mut context).is_pending());
        call.cancel();
        assert!(!call.context().is_active());
        assert!(cancelled.as_mut().poll(&mut context).is_ready());
    }

    #[test]
    #[should_panic(expected = "Bad Key")]
    fn invalid_metadata_panics() {
        drop(TestCall::builder().metadata("Bad Key", "x"));
    }
}

//! What a servicer sees of the call that it serves.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::base::erasure::AnyMessage;
#[cfg(feature = "client")]
use crate::call::Propagation;
use crate::call::{AuthContext, Exchange, Extensions, Record, Watch};
use crate::{Compression, Metadata, Result, Status};

/// The call that a servicer's method serves: who calls, with what, for how long, and what goes back beside the messages.
///
/// It is shared: the connection looks at it while the method runs, so every method takes `&self`. A clone is the same
/// call, and may be kept by another task.
#[derive(Clone, Debug)]
pub struct ServicerContext {
    exchange: Arc<Exchange>,
    /// What interceptors have made of the caller's metadata.
    metadata: Option<Arc<Metadata>>,
    /// What is kept of the call for interceptors, when there are some.
    record: Option<Arc<Record>>,
}

impl ServicerContext {
    /// The metadata that the caller sent, `user-agent` included, as interceptors have left it.
    pub fn invocation_metadata(&self) -> &Metadata {
        match &self.metadata {
            Some(metadata) => metadata,
            None => &self.exchange.details().metadata,
        }
    }

    /// The method that was called: `/package.Service/Method`.
    pub fn method(&self) -> &str {
        self.exchange.details().method()
    }

    /// The host that the caller meant, HTTP/2's `:authority`; empty when it sent none.
    pub fn authority(&self) -> &str {
        self.exchange
            .details()
            .authority
            .as_ref()
            .and_then(|authority| std::str::from_utf8(authority.value()).ok())
            .unwrap_or_default()
    }

    /// The other end of the connection: `ipv4:127.0.0.1:5000`, `ipv6:[::1]:5000`, `unix:` or, where the client's socket has a
    /// path too, `unix:/path`; `inproc:` in this process, and `unknown:` where there is no telling.
    pub fn peer(&self) -> &str {
        self.exchange.details().peer.as_str()
    }

    /// Who the other end is, as far as TLS has made sure of it: the names in its certificate, and the certificate itself.
    /// Empty without TLS.
    pub fn auth_context(&self) -> &AuthContext {
        self.exchange.details().peer.auth()
    }

    /// The names by which the other end is identified: those in the certificate that it has shown, the subject's
    /// alternative names or else its common name; none when it has shown no certificate. gRPC Python's
    /// `context.peer_identities()`.
    pub fn peer_identities(&self) -> impl Iterator<Item = &str> {
        self.auth_context().peer_identities()
    }

    /// The property of [`auth_context`](ServicerContext::auth_context) that
    /// [`peer_identities`](ServicerContext::peer_identities) gives the values of.
    pub fn peer_identity_key(&self) -> Option<&'static str> {
        self.auth_context().peer_identity_key()
    }

    /// When the call ends at the latest; `None` when the caller set no timeout.
    pub fn deadline(&self) -> Option<Instant> {
        self.exchange.details().deadline
    }

    /// The time that is left to the call; zero once it is over, `None` when the caller set no timeout.
    pub fn time_remaining(&self) -> Option<Duration> {
        self.deadline()
            .map(|deadline| deadline.saturating_duration_since(crate::base::clock::now()))
    }

    /// Whether the call goes on: it has not been cancelled, its deadline has not passed, its method has not returned.
    pub fn is_active(&self) -> bool {
        self.exchange.over().is_none()
    }

    /// A future that is ready once the call is over: cancelled by the caller, past its deadline, cut off, or ended by
    /// its own method. It owns what it needs and may be moved to another task, which is where it is of use: the method's
    /// own future is dropped when its call is cancelled.
    pub fn cancelled(&self) -> impl Future<Output = ()> + Send + use<> {
        Watch::new(Arc::clone(&self.exchange))
    }

    /// Calls `callback` once the call is over, with its status: what the method has returned, CANCELLED, or
    /// DEADLINE_EXCEEDED. `false` when the call is over already: then it is not called. gRPC Python's `add_done_callback`.
    ///
    /// It runs where the call ends, which may be the task of its connection, and has to be quick. A panic in it is logged.
    pub fn add_done_callback(&self, callback: impl FnOnce(&Result<()>) + Send + 'static) -> bool {
        self.exchange.add_done_callback(Box::new(callback))
    }

    /// Values that belong to the call and stay in this process: what interceptors leave for the handler.
    pub fn extensions(&self) -> &Extensions {
        self.exchange.extensions()
    }

    /// Adds initial metadata, which goes out with the first message, or before it by
    /// [`send_initial_metadata`](ServicerContext::send_initial_metadata). gRPC's `AddInitialMetadata`.
    ///
    /// # Errors
    /// INTERNAL when initial metadata has been sent already.
    pub fn add_initial_metadata(&self, metadata: Metadata) -> Result<()> {
        if self.exchange.set_initial_metadata(metadata, false) {
            Ok(())
        } else {
            Err(sent_already())
        }
    }

    /// Sends initial metadata now, before the first message, behind what was added to it.
    ///
    /// # Errors
    /// INTERNAL when initial metadata has been sent already; it goes out once, at the latest with the first message.
    pub fn send_initial_metadata(&self, metadata: Metadata) -> Result<()> {
        if self.exchange.set_initial_metadata(metadata, true) {
            // It goes with the metadata.
            self.exchange.encoding.fix();
            Ok(())
        } else {
            Err(sent_already())
        }
    }

    /// Sets the metadata that goes out with the status, whatever the status is; it takes the place of what was set
    /// before.
    pub fn set_trailing_metadata(&self, metadata: Metadata) {
        self.exchange.set_trailing_metadata(metadata);
    }

    /// How the request that was read last was compressed on its way: as the caller said that it would be, or not at all, for
    /// each message may go as it is. In this process nothing is compressed.
    pub fn request_compression(&self) -> Compression {
        let was_compressed = &self.exchange.request_was_compressed;
        if was_compressed.load(Ordering::Relaxed) {
            self.exchange.details().compression
        } else {
            Compression::Identity
        }
    }

    /// Adds metadata that goes out with the status, behind what
    /// [`set_trailing_metadata`](ServicerContext::set_trailing_metadata) sets before or after. gRPC's `AddTrailingMetadata`.
    pub fn add_trailing_metadata(&self, metadata: Metadata) {
        self.exchange.add_trailing_metadata(metadata);
    }

    /// The metadata that goes out with the status, as far as it is set; what comes with an error is not in it.
    pub fn trailing_metadata(&self) -> Metadata {
        self.exchange.trailing_metadata()
    }

    /// Sets how the messages of the response are compressed, in the place of the server's default, before the first of
    /// them. A caller that does not say that it can read it gets messages as they are, and so does one in this process.
    ///
    /// # Errors
    /// INTERNAL when a message or initial metadata has been sent already: the caller has been told.
    pub fn set_compression(&self, compression: Compression) -> Result<()> {
        let accepted = compression.accepted_by(&self.exchange.details().metadata);
        if self.exchange.encoding.choose(accepted) {
            Ok(())
        } else {
            Err(Status::internal(
                "the compression of a response is set before its first message and its initial metadata",
            ))
        }
    }

    /// Lets the next message of the response go as it is, however the others are compressed: one that is secret beside
    /// text that others choose, or one that is known not to become shorter.
    ///
    /// It means the next message that goes out. The helper [`stream`](crate::stream()) runs some messages ahead of that: a method
    /// that tells its messages apart gives a stream that makes each when it is polled.
    pub fn disable_next_message_compression(&self) {
        self.exchange.encoding.skip_next();
    }

    /// What calls that are made within this one take over from it: by default its deadline and its end.
    ///
    /// ```
    /// # use stubwright::{Result, ServicerContext, UnaryCall};
    /// # async fn method(call: UnaryCall<(), ()>, context: &ServicerContext) -> Result<()> {
    /// let answer = call.propagated(context.propagate().metadata("request-id")).await?;
    /// # Ok(answer)
    /// # }
    /// ```
    #[cfg(feature = "client")]
    pub fn propagate(&self) -> Propagation {
        Propagation::new(Arc::clone(&self.exchange), self.metadata.clone())
    }

    pub(crate) fn new(exchange: Arc<Exchange>) -> ServicerContext {
        ServicerContext {
            exchange,
            metadata: None,
            record: None,
        }
    }

    /// The same call, of which a record is kept.
    pub(crate) fn recorded(self, record: Arc<Record>) -> ServicerContext {
        ServicerContext {
            record: Some(record),
            ..self
        }
    }

    pub(crate) fn record(&self) -> Option<&Arc<Record>> {
        self.record.as_ref()
    }

    /// Shows a request to who wants to see it.
    #[inline]
    pub(crate) fn show_request(&self, request: &mut dyn AnyMessage) -> Result<()> {
        match &self.record {
            Some(record) => record.request(self.exchange.details(), request),
            None => Ok(()),
        }
    }

    /// Shows a response to who wants to see it.
    #[inline]
    pub(crate) fn show_response(&self, response: &mut dyn AnyMessage) -> Result<()> {
        match &self.record {
            Some(record) => record.response(self.exchange.details(), response),
            None => Ok(()),
        }
    }

    /// The method that was called, as it came.
    pub(crate) fn path(&self) -> &[u8] {
        self.exchange.details().path.value()
    }

    /// The metadata that holders of this context and of its clones to come see.
    pub(crate) fn invocation_metadata_mut(&mut self) -> &mut Metadata {
        let details = self.exchange.details();
        let metadata = self
            .metadata
            .get_or_insert_with(|| Arc::new(details.metadata.clone()));
        Arc::make_mut(metadata)
    }

    pub(crate) fn exchange(&self) -> &Arc<Exchange> {
        &self.exchange
    }
}

fn sent_already() -> Status {
    Status::internal(
        "initial metadata has been sent already: it goes out once, before the first message",
    )
}

//! The context of a call, for its servicer.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::response_compression::ResponseCompression;
use crate::base::erasure::AnyMessage;
use crate::base::wire;
#[cfg(feature = "client")]
use crate::call::Propagation;
use crate::call::{AuthContext, Exchange, Extensions, Peer, Record, Watch};
use crate::{Compression, Metadata, Result, Status};

/// The context of a call. It tells a servicer's method about the call, and sends the metadata of the response.
///
/// All its methods take `&self`. A clone refers to the same call, and may be moved to another task.
///
/// # The end of a call
///
/// The result of a method is the status of its call. To end a call with an error, a method returns `Err(Status::new(code,
/// message))`, or its stream yields this error as its last item. This takes the place of gRPC Python's `abort`, `set_code` and
/// `set_details`. Callbacks of [`add_done_callback`](ServicerContext::add_done_callback) and interceptors get the [`Status`], which
/// has Python's `code()` and `details()`.
///
/// A call may also end before its method returns: its caller cancels it, its deadline passes, the connection is lost, or
/// [`cancel`](ServicerContext::cancel) is called. Then the future or the stream of the method is dropped at the await where it
/// waits. No more code of the method runs, except the destructors of its variables. Use [`Drop`] in place of Python's `finally`,
/// and a done callback in place of its `except CancelledError`. Spawn a task for work that must continue. The guide compares [both
/// languages in a table](crate::manual::coming_from_grpc_python).
///
/// ```
/// use stubwright::{Code, Result, ServicerContext};
///
/// /// Is deleted at the end of the call, however it ends.
/// struct TemporaryFile(std::path::PathBuf);
///
/// impl Drop for TemporaryFile {
///     fn drop(&mut self) {
///         let _ = std::fs::remove_file(&self.0);
///     }
/// }
///
/// async fn convert(_request: String, context: &ServicerContext) -> Result<String> {
///     let _file = TemporaryFile("/tmp/conversion".into());
///     context.add_done_callback(|result| {
///         if result.as_ref().is_err_and(|status| status.code() == Code::Cancelled) {
///             println!("the client did not wait for it");
///         }
///     });
///     tokio::time::sleep(std::time::Duration::from_secs(60)).await;
///     Ok(String::from("done"))
/// }
/// ```
#[derive(Clone, Debug)]
#[doc(alias("abort", "set_code", "set_details"))]
pub struct ServicerContext {
    exchange: Arc<Exchange>,
    /// The caller's metadata, if interceptors have changed it.
    metadata: Option<Arc<Metadata>>,
    /// The interceptors' record of the call, if there are interceptors.
    record: Option<Arc<Record>>,
}

impl ServicerContext {
    /// Returns the metadata that the caller sent, including `user-agent`, with the changes that interceptors made.
    pub fn invocation_metadata(&self) -> &Metadata {
        match &self.metadata {
            Some(metadata) => metadata,
            None => &self.exchange.details().metadata,
        }
    }

    /// Returns the name of the method: `/package.Service/Method`.
    pub fn method(&self) -> &str {
        self.exchange.details().method()
    }

    /// Returns the number of attempts that the caller has made before this attempt, because of its retry or hedging policy. The
    /// caller sends the number as `grpc-previous-rpc-attempts`. It is 0 for the first attempt.
    pub fn previous_rpc_attempts(&self) -> u32 {
        let mut fields = self.exchange.details().metadata.all_fields();
        fields
            .find(|field| field.name() == wire::PREVIOUS_RPC_ATTEMPTS)
            .and_then(|field| std::str::from_utf8(field.value()).ok())
            .and_then(|attempts| attempts.parse().ok())
            .unwrap_or(0)
    }

    /// Returns the host that the caller addressed, which is HTTP/2's `:authority`. The text is empty if the caller sent none.
    pub fn authority(&self) -> &str {
        self.exchange
            .details()
            .authority
            .as_ref()
            .and_then(|authority| std::str::from_utf8(authority.value()).ok())
            .unwrap_or_default()
    }

    /// Returns the other end of the connection. Its `Display` is the address, such as `ipv4:127.0.0.1:5000`. gRPC Python's `peer()`
    /// corresponds to [`Peer::as_str`].
    pub fn peer(&self) -> &Peer {
        &self.exchange.details().peer
    }

    /// Returns the verified identity of the client: its certificate, and the names in the certificate. Also contains the version of
    /// TLS, and the server name that the client asked for. The [`AuthContext`] is empty if the port has neither TLS nor local
    /// credentials.
    pub fn auth_context(&self) -> &AuthContext {
        self.peer().auth_context()
    }

    /// Returns the names in the client's certificate: the subject's alternative names, or the common name if the subject has no
    /// alternative names. The iterator is empty if the client presented no certificate. gRPC Python's `context.peer_identities()`.
    pub fn peer_identities(&self) -> impl Iterator<Item = &str> {
        self.auth_context().peer_identities()
    }

    /// Returns the name of the property that identifies the client: `x509_subject_alternative_name` or `x509_common_name`.
    /// [`peer_identities`](ServicerContext::peer_identities) returns its values. Returns `None` if the client presented no
    /// certificate with such names.
    pub fn peer_identity_key(&self) -> Option<&'static str> {
        self.auth_context().peer_identity_key()
    }

    /// Returns the call's deadline, or `None` if neither the caller nor the server set a timeout.
    pub fn deadline(&self) -> Option<Instant> {
        self.exchange.details().deadline
    }

    /// Returns the time until the call's deadline. Returns zero after the deadline, and `None` if neither the caller nor the server
    /// set a timeout.
    pub fn time_remaining(&self) -> Option<Duration> {
        self.deadline()
            .map(|deadline| deadline.saturating_duration_since(crate::base::clock::now()))
    }

    /// Returns whether the call is still active: it has not been cancelled, its deadline has not passed, and its method has not
    /// returned.
    pub fn is_active(&self) -> bool {
        self.exchange.over().is_none()
    }

    /// Ends the call with CANCELLED, from within its method or from another task. The future or the stream of the method is dropped
    /// when it next waits. If the method returns before, its result is ignored. Responses that have not been sent yet may be lost.
    /// Trailing metadata that was set before is sent. Does nothing if the call is over. gRPC Python's `context.cancel()`.
    pub fn cancel(&self) {
        let status = Status::cancelled("the server cancelled the call");
        self.exchange.finish(Bytes::new(), Err(status));
    }

    /// Returns a future that completes once the call is over, because it is cancelled, its deadline passes, its connection is lost,
    /// or its method returns. Await the future in another task, because the method's own future is dropped when the call is
    /// cancelled. The future borrows nothing.
    pub fn cancelled(&self) -> impl Future<Output = ()> + Send + use<> {
        Watch::new(Arc::clone(&self.exchange))
    }

    /// Registers a function that is called with the call's status once the call is over: the method's result, CANCELLED, or
    /// DEADLINE_EXCEEDED. If the call is already over, returns `false` and never calls the function. gRPC Python's
    /// `add_done_callback`.
    ///
    /// The function may run in the task of the connection, which all calls of the connection share, so it must be quick. If it
    /// panics, the panic is logged.
    #[doc(alias = "add_callback")]
    pub fn add_done_callback(&self, callback: impl FnOnce(&Result<()>) + Send + 'static) -> bool {
        self.exchange.add_done_callback(Box::new(callback))
    }

    /// Returns the values that belong to the call and are never sent. Interceptors use them to pass values to the handler.
    pub fn extensions(&self) -> &Extensions {
        self.exchange.extensions()
    }

    /// Adds initial metadata. The metadata is sent with the first message, or earlier by
    /// [`send_initial_metadata`](ServicerContext::send_initial_metadata). gRPC's `AddInitialMetadata`.
    ///
    /// # Errors
    /// Returns INTERNAL if initial metadata was already sent.
    pub fn add_initial_metadata(&self, metadata: Metadata) -> Result<()> {
        self.set_initial_metadata(metadata, false)
    }

    /// Sends initial metadata now, before the first message, together with metadata that was added before.
    ///
    /// # Errors
    /// Returns INTERNAL if initial metadata was already sent. A call sends initial metadata once, with its first message at the
    /// latest.
    pub fn send_initial_metadata(&self, metadata: Metadata) -> Result<()> {
        self.set_initial_metadata(metadata, true)?;
        // The compression is sent with the metadata.
        self.exchange.encoding.fix();
        Ok(())
    }

    /// Sets the trailing metadata, which is sent with the call's status, whether or not that is OK. Replaces the trailing metadata
    /// that an earlier call of this method has set.
    pub fn set_trailing_metadata(&self, metadata: Metadata) {
        self.exchange.set_trailing_metadata(metadata);
    }

    /// Returns the compression of the last request that was read. This is [`Identity`](Compression::Identity) if the caller sent
    /// that request uncompressed, which it may do for single messages. Calls within this process are never compressed.
    pub fn request_compression(&self) -> Compression {
        let was_compressed = &self.exchange.request_was_compressed;
        if was_compressed.load(Ordering::Relaxed) {
            self.exchange.details().compression
        } else {
            Compression::Identity
        }
    }

    /// Adds trailing metadata to the metadata of [`set_trailing_metadata`](ServicerContext::set_trailing_metadata). The order of
    /// the two calls does not matter: the added metadata is sent last. gRPC's `AddTrailingMetadata`.
    pub fn add_trailing_metadata(&self, metadata: Metadata) {
        self.exchange.add_trailing_metadata(metadata);
    }

    /// Returns the trailing metadata that has been set and added so far. Does not include the metadata of a [`Status`] that the
    /// method returns.
    pub fn trailing_metadata(&self) -> Metadata {
        self.exchange.trailing_metadata()
    }

    /// Sets the compression of the response's messages, in place of the server's default.
    /// [`AsRequest`](ResponseCompression::AsRequest) is the compression that the request announces. Messages are sent uncompressed
    /// to callers that do not accept the compression, and within this process.
    ///
    /// # Errors
    /// Returns INTERNAL if a message or initial metadata was already sent, because the initial metadata announces the compression.
    pub fn set_compression(&self, compression: impl Into<ResponseCompression>) -> Result<()> {
        let details = self.exchange.details();
        let chosen = compression.into().to(details.compression);
        let accepted = chosen.accepted_by(&details.metadata);
        if self.exchange.encoding.choose(accepted) {
            Ok(())
        } else {
            Err(Status::internal(
                "the compression of a response must be set before its first message and its initial metadata are sent",
            ))
        }
    }

    /// Sends the next message of the response uncompressed. Use it for a secret next to text that others can choose, or for a
    /// message that is known not to become shorter.
    ///
    /// This affects the message that the call sends next. The helper [`stream`](crate::stream()) may create some messages before
    /// they are sent, and then the first of these is affected. To choose single messages exactly, return a stream that creates each
    /// message when it is polled.
    pub fn disable_next_message_compression(&self) {
        self.exchange.encoding.skip_next();
    }

    /// Returns the properties that calls made within this call can inherit. By default, they inherit its deadline, and are
    /// cancelled with it.
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

    /// Attaches the interceptors' record of the call.
    pub(crate) fn recorded(self, record: Arc<Record>) -> ServicerContext {
        ServicerContext {
            record: Some(record),
            ..self
        }
    }

    fn set_initial_metadata(&self, metadata: Metadata, send: bool) -> Result<()> {
        let set = |metadata, send| {
            if self.exchange.set_initial_metadata(metadata, send) {
                return Ok(());
            }
            Err(Status::internal(
                "initial metadata was already sent: it is sent once, before the first message",
            ))
        };
        let Some(record) = &self.record else {
            return set(metadata, send);
        };
        set(metadata.clone(), false)?;
        record.add_initial_metadata(metadata);
        if send {
            record.show_head(&self.exchange, true)?;
            set(Metadata::new(), true)?;
        }
        Ok(())
    }

    pub(crate) fn record(&self) -> Option<&Arc<Record>> {
        self.record.as_ref()
    }

    /// Passes a request to the observers of requests.
    #[inline]
    pub(crate) fn show_request(&self, request: &mut dyn AnyMessage) -> Result<()> {
        match &self.record {
            Some(record) => record.request(self.exchange.details(), request),
            None => Ok(()),
        }
    }

    /// Passes a response to the observers of responses.
    #[inline]
    pub(crate) fn show_response(&self, response: &mut dyn AnyMessage) -> Result<()> {
        match &self.record {
            Some(record) => self.show_recorded_response(record, response),
            None => Ok(()),
        }
    }

    // Kept out of calls without interceptors.
    #[inline(never)]
    fn show_recorded_response(&self, record: &Record, response: &mut dyn AnyMessage) -> Result<()> {
        if record.responses.count() == 0 {
            record.show_head(&self.exchange, true)?;
        }
        record.response(self.exchange.details(), response)
    }

    /// Returns the path of the method, as received.
    pub(crate) fn path(&self) -> &[u8] {
        self.exchange.details().path.value()
    }

    /// Returns the metadata for modification. This context and its later clones see the changes.
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

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

/// The context of a call. It tells a servicer's method about the call, and sends metadata besides the response messages.
///
/// The connection also uses the call while the method runs, so all methods take `&self`. A clone refers to the same call, and may
/// be moved to another task.
///
/// # The end of a call
///
/// What a method returns is the status of its call. So there is nothing like gRPC Python's `abort`, `set_code` and `set_details`: the
/// method returns `Err(Status::new(code, message))`, or a stream gives it as its last item. Python's `code()` and `details()` are in the
/// [`Status`], which [`add_done_callback`](ServicerContext::add_done_callback) and interceptors see.
///
/// A call may also end around its method: its caller cancels it, its deadline passes, the connection is lost, or
/// [`cancel`](ServicerContext::cancel) is called. Then the future or the stream of the method is dropped where it waits. No code of the
/// method runs any more, except that its variables are dropped. Python's `finally` is a [`Drop`], and its `except CancelledError` is
/// a done callback. What has to go on is a task of its own. The guide has [a table](crate::manual::coming_from_grpc_python) of all this.
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

    /// Returns the number of attempts that the caller has made before this one, by its retry or hedging policy:
    /// `grpc-previous-rpc-attempts`. It is 0 for a first attempt.
    pub fn previous_rpc_attempts(&self) -> u32 {
        let mut fields = self.exchange.details().metadata.all_fields();
        fields
            .find(|field| field.name() == wire::PREVIOUS_RPC_ATTEMPTS)
            .and_then(|field| std::str::from_utf8(field.value()).ok())
            .and_then(|attempts| attempts.parse().ok())
            .unwrap_or(0)
    }

    /// Returns the host that the caller addressed, HTTP/2's `:authority`. It is empty if the caller sent none.
    pub fn authority(&self) -> &str {
        self.exchange
            .details()
            .authority
            .as_ref()
            .and_then(|authority| std::str::from_utf8(authority.value()).ok())
            .unwrap_or_default()
    }

    /// Returns the other end of the connection. It is displayed as its address, such as `ipv4:127.0.0.1:5000`. gRPC Python's
    /// `peer()` corresponds to [`Peer::as_str`].
    pub fn peer(&self) -> &Peer {
        &self.exchange.details().peer
    }

    /// Returns the verified identity of the client: its certificate, and the names in it. It is empty without TLS or local
    /// credentials. It also has the version of TLS and the server name that the client asked for.
    pub fn auth_context(&self) -> &AuthContext {
        self.peer().auth_context()
    }

    /// Returns the names in the client's certificate: the subject's alternative names or, if there are none, its common name.
    /// There are none if the client presented no certificate. gRPC Python's `context.peer_identities()`.
    pub fn peer_identities(&self) -> impl Iterator<Item = &str> {
        self.auth_context().peer_identities()
    }

    /// Returns the property of [`auth_context`](ServicerContext::auth_context) whose values
    /// [`peer_identities`](ServicerContext::peer_identities) returns.
    pub fn peer_identity_key(&self) -> Option<&'static str> {
        self.auth_context().peer_identity_key()
    }

    /// Returns the call's deadline, or `None` if the caller set no timeout.
    pub fn deadline(&self) -> Option<Instant> {
        self.exchange.details().deadline
    }

    /// Returns the time until the call's deadline. It is zero after the deadline, and `None` if the caller set no timeout.
    pub fn time_remaining(&self) -> Option<Duration> {
        self.deadline()
            .map(|deadline| deadline.saturating_duration_since(crate::base::clock::now()))
    }

    /// Returns whether the call is still active: it has not been cancelled, its deadline has not passed, and its method has not
    /// returned.
    pub fn is_active(&self) -> bool {
        self.exchange.over().is_none()
    }

    /// Ends the call with CANCELLED, from within its method or from another task. The future or the stream of the method is dropped where
    /// it waits next, and what it returns before does not matter. Responses that have not left yet may be lost; trailing metadata
    /// that is set already is sent. Does nothing if the call is over. gRPC Python's `context.cancel()`.
    pub fn cancel(&self) {
        let status = Status::cancelled("the server cancelled the call");
        self.exchange.finish(Bytes::new(), Err(status));
    }

    /// Returns a future that completes once the call is over, for whatever reason: cancelled, past its deadline, cut off, or
    /// ended by its method. The future owns everything it needs. Await it in another task, because the future of the method
    /// itself is dropped when the call is cancelled.
    pub fn cancelled(&self) -> impl Future<Output = ()> + Send + use<> {
        Watch::new(Arc::clone(&self.exchange))
    }

    /// Registers a function that is called with the call's status once the call is over: the method's result, CANCELLED, or
    /// DEADLINE_EXCEEDED. Returns `false` if the call is already over; then the function is not called. gRPC Python's
    /// `add_done_callback`.
    ///
    /// The function runs where the call ends, possibly in the task of its connection, so it must be quick. If it panics, the
    /// panic is logged.
    #[doc(alias = "add_callback")]
    pub fn add_done_callback(&self, callback: impl FnOnce(&Result<()>) + Send + 'static) -> bool {
        self.exchange.add_done_callback(Box::new(callback))
    }

    /// Returns values that belong to the call and are not sent. Interceptors use them to pass values to the handler.
    pub fn extensions(&self) -> &Extensions {
        self.exchange.extensions()
    }

    /// Adds initial metadata. It is sent with the first message, or earlier by
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
    /// Returns INTERNAL if initial metadata was already sent. It is sent once, with the first message at the latest.
    pub fn send_initial_metadata(&self, metadata: Metadata) -> Result<()> {
        self.set_initial_metadata(metadata, true)?;
        // The compression is sent with the metadata.
        self.exchange.encoding.fix();
        Ok(())
    }

    /// Sets the trailing metadata, which is sent with the call's status, OK or not. It replaces metadata that was set before.
    pub fn set_trailing_metadata(&self, metadata: Metadata) {
        self.exchange.set_trailing_metadata(metadata);
    }

    /// Returns the compression of the last request that was read. It is the caller's compression or none, because a caller may
    /// send single messages uncompressed. Calls within this process are never compressed.
    pub fn request_compression(&self) -> Compression {
        let was_compressed = &self.exchange.request_was_compressed;
        if was_compressed.load(Ordering::Relaxed) {
            self.exchange.details().compression
        } else {
            Compression::Identity
        }
    }

    /// Adds trailing metadata. It is sent after the metadata of
    /// [`set_trailing_metadata`](ServicerContext::set_trailing_metadata), whichever is called first. gRPC's
    /// `AddTrailingMetadata`.
    pub fn add_trailing_metadata(&self, metadata: Metadata) {
        self.exchange.add_trailing_metadata(metadata);
    }

    /// Returns the trailing metadata that is set so far, without the metadata of an error that the method returns.
    pub fn trailing_metadata(&self) -> Metadata {
        self.exchange.trailing_metadata()
    }

    /// Sets the compression of the response's messages, in place of the server's default. It applies to callers that accept it.
    /// Messages to other callers, and within this process, are not compressed.
    /// [`AsRequest`](ResponseCompression::AsRequest) is the compression that the request announces.
    ///
    /// # Errors
    /// Returns INTERNAL if a message or initial metadata was already sent, because they announce the compression.
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
    /// It applies to the next message that is sent. The helper [`stream`](crate::stream()) may create some messages ahead of
    /// that. To treat messages differently, return a stream that creates each message when it is polled.
    pub fn disable_next_message_compression(&self) {
        self.exchange.encoding.skip_next();
    }

    /// Returns the properties that calls made within this call can inherit. By default these are its deadline and its
    /// cancellation.
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

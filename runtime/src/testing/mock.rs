//! A mock service that answers each method with a closure.

use std::collections::BTreeMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::iter::Empty;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;

use crate::{
    Channel, Codec, GenericHandler, Handlers, Prost, RequestStream, Result, Server,
    ServicerContext, Status, StreamingCall, UnaryCall, stream,
};

/// A mock service, for tests of code that makes calls.
///
/// The test sets a closure for each method that it needs. Calls of other methods end with UNIMPLEMENTED.
///
/// A method is identified by the method of the stub, such as `EchoStub::say`, which also determines the types of the
/// messages. A closure takes the request or the requests, and the context, as the servicer's method does. It returns a
/// future or a stream. Calls work as over a connection, with encoded messages, metadata, deadlines and cancellation.
/// See [`Channel::in_process`].
///
/// ```
/// # use stubwright::{Channel, Prost, StreamingCall, UnaryCall};
/// # #[derive(Clone)]
/// # struct EchoStub(Channel);
/// # impl EchoStub {
/// #     fn new(channel: Channel) -> EchoStub { EchoStub(channel) }
/// #     fn say(&self, request: String) -> UnaryCall<String, String> {
/// #         self.0.unary_unary("/echo.Echo/Say", Prost, request)
/// #     }
/// #     fn repeat(&self, request: String) -> StreamingCall<String> {
/// #         self.0.unary_stream("/echo.Echo/Repeat", Prost, request)
/// #     }
/// # }
/// use stubwright::testing::Mock;
/// use stubwright::{Result, Status, stream};
///
/// /// The function under test.
/// async fn shout(stub: &EchoStub, text: &str) -> Result<String> {
///     Ok(stub.say(text.to_uppercase()).await? + "!")
/// }
///
/// # async fn test() -> Result<()> {
/// let stub = Mock::of(EchoStub::new)
///     .unary_unary(EchoStub::say, |request, _context| async move {
///         match request.as_str() {
///             "" => Err(Status::invalid_argument("nothing to say")),
///             _ => Ok(request),
///         }
///     })
///     .unary_stream(EchoStub::repeat, |request, _context| {
///         stream(async move |mut responses| {
///             responses.send(request).await;
///             Ok(())
///         })
///     })
///     .stub();
/// assert_eq!(shout(&stub, "hello").await?, "HELLO!");
/// assert_eq!(shout(&stub, "").await.unwrap_err().message(), "nothing to say");
/// # assert_eq!(stub.repeat("a".into()).message().await?.as_deref(), Some("a"));
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(test()).unwrap();
/// ```
///
/// In gRPC Python, use `grpc_testing` or `unittest.mock` for such tests.
pub struct Mock<S> {
    make: fn(Channel) -> S,
    /// The stub by which methods are identified. It never makes a call.
    stub: S,
    answers: BTreeMap<String, Answer>,
}

/// The answer to the calls of a method.
type Answer = Arc<dyn Fn(RequestStream<Bytes>, ServicerContext) -> Responses + Send + Sync>;

/// The responses of a call, encoded.
type Responses = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

impl<S> Mock<S> {
    /// Creates a mock without answers. `make` creates the stub of the service, as in
    /// `Mock::of(SquareServiceStub::new)`.
    #[must_use]
    pub fn of(make: fn(Channel) -> S) -> Mock<S> {
        Mock {
            make,
            stub: make(Channel::in_process(Handlers::default())),
            answers: BTreeMap::new(),
        }
    }

    /// Sets the answer of a method with one request and one response.
    #[must_use]
    pub fn unary_unary<Req, Res, Fut>(
        self,
        method: impl Fn(&S, Req) -> UnaryCall<Req, Res>,
        answer: impl Fn(Req, ServicerContext) -> Fut + Send + Sync + 'static,
    ) -> Mock<S>
    where
        Req: fmt::Debug + Default + Send + 'static,
        Res: fmt::Debug + Send + 'static,
        Prost: Codec<Req> + Codec<Res>,
        Fut: Future<Output = Result<Res>> + Send + 'static,
    {
        let name = method(&self.stub, Req::default()).method().to_owned();
        let answer = Arc::new(answer);
        self.on(name, move |requests, context| {
            let answer = Arc::clone(&answer);
            one(async move { answer(only(requests).await?, context).await })
        })
    }

    /// Sets the answer of a method with one request and a stream of responses.
    #[must_use]
    pub fn unary_stream<Req, Res, Str>(
        self,
        method: impl Fn(&S, Req) -> StreamingCall<Res>,
        answer: impl Fn(Req, ServicerContext) -> Str + Send + Sync + 'static,
    ) -> Mock<S>
    where
        Req: fmt::Debug + Default + Send + 'static,
        Res: fmt::Debug + Send + 'static,
        Prost: Codec<Req> + Codec<Res>,
        Str: Stream<Item = Result<Res>> + Send + 'static,
    {
        let name = method(&self.stub, Req::default()).method().to_owned();
        let answer = Arc::new(answer);
        self.on(name, move |requests, context| {
            let answer = Arc::clone(&answer);
            Box::pin(stream(async move |mut responses| {
                let mut given = Encoded(Box::pin(answer(only(requests).await?, context)));
                while let Some(response) = given.next().await {
                    responses.send(response?).await;
                }
                Ok(())
            }))
        })
    }

    /// Sets the answer of a method with a stream of requests and one response.
    #[must_use]
    pub fn stream_unary<Req, Res, Fut>(
        self,
        method: impl Fn(&S, Empty<Req>) -> UnaryCall<Req, Res>,
        answer: impl Fn(RequestStream<Req>, ServicerContext) -> Fut + Send + Sync + 'static,
    ) -> Mock<S>
    where
        Req: fmt::Debug + Default + Send + 'static,
        Res: fmt::Debug + Send + 'static,
        Prost: Codec<Req> + Codec<Res>,
        Fut: Future<Output = Result<Res>> + Send + 'static,
    {
        let name = method(&self.stub, std::iter::empty()).method().to_owned();
        self.on(name, move |requests, context| {
            one(answer(decoded(requests), context))
        })
    }

    /// Sets the answer of a method with a stream of requests and a stream of responses.
    #[must_use]
    pub fn stream_stream<Req, Res, Str>(
        self,
        method: impl Fn(&S, Empty<Req>) -> StreamingCall<Res>,
        answer: impl Fn(RequestStream<Req>, ServicerContext) -> Str + Send + Sync + 'static,
    ) -> Mock<S>
    where
        Req: fmt::Debug + Default + Send + 'static,
        Res: fmt::Debug + Send + 'static,
        Prost: Codec<Req> + Codec<Res>,
        Str: Stream<Item = Result<Res>> + Send + 'static,
    {
        let name = method(&self.stub, std::iter::empty()).method().to_owned();
        self.on(name, move |requests, context| {
            Box::pin(Encoded(Box::pin(answer(decoded(requests), context))))
        })
    }

    /// Returns a stub that calls the mock.
    #[must_use]
    pub fn stub(self) -> S {
        (self.make)(self.channel())
    }

    /// Returns a channel to the mock, for stubs of other types, such as blocking stubs.
    #[must_use]
    pub fn channel(self) -> Channel {
        let answers = self.answers;
        let mut server = Server::new();
        server.add_generic_handler(Answers(answers));
        server.in_process_channel()
    }

    fn on(
        mut self,
        method: String,
        answer: impl Fn(RequestStream<Bytes>, ServicerContext) -> Responses + Send + Sync + 'static,
    ) -> Mock<S> {
        self.answers.insert(method, Arc::new(answer));
        self
    }
}

impl<S> fmt::Debug for Mock<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.answers.keys()).finish()
    }
}

/// The closures of a mock, by method.
struct Answers(BTreeMap<String, Answer>);

impl GenericHandler for Answers {
    fn call(
        &self,
        requests: RequestStream<Bytes>,
        context: &ServicerContext,
    ) -> impl Stream<Item = Result<Bytes>> + Send {
        match self.0.get(context.method()) {
            Some(answer) => answer(requests, context.clone()),
            None => {
                let method = context.method();
                let status = Status::unimplemented(format!("the mock has no answer for {method}"));
                Box::pin(stream(async |_| Err(status)))
            }
        }
    }
}

/// Reads the only request of a call.
async fn only<Req>(mut requests: RequestStream<Bytes>) -> Result<Req>
where
    Prost: Codec<Req>,
{
    let request = requests.message().await?;
    let request = request.ok_or_else(|| Status::internal("the call has no request"))?;
    Prost::decode(crate::Encoded::from(&request))
}

/// Decodes a stream of requests.
fn decoded<Req: 'static>(requests: RequestStream<Bytes>) -> RequestStream<Req>
where
    Prost: Codec<Req>,
{
    RequestStream::from_stream(Decoded(requests, PhantomData))
}

/// Encodes the only response of a call.
fn one<Res: Send + 'static>(
    response: impl Future<Output = Result<Res>> + Send + 'static,
) -> Responses
where
    Prost: Codec<Res>,
{
    Box::pin(stream(async |mut responses| {
        let response = encoded(&response.await?);
        responses.send(response).await;
        Ok(())
    }))
}

fn encoded<Res>(response: &Res) -> Bytes
where
    Prost: Codec<Res>,
{
    let mut buffer = BytesMut::with_capacity(Prost::encoded_len(response));
    Prost::encode(response, &mut buffer);
    buffer.freeze()
}

struct Decoded<Req>(RequestStream<Bytes>, PhantomData<fn() -> Req>);

impl<Req> Stream for Decoded<Req>
where
    Prost: Codec<Req>,
{
    type Item = Result<Req>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Req>>> {
        let request = ready!(Pin::new(&mut self.0).poll_next(context));
        Poll::Ready(request.map(|request| Prost::decode(crate::Encoded::from(&request?))))
    }
}

struct Encoded<S>(Pin<Box<S>>);

impl<S: Stream<Item = Result<Res>>, Res> Encoded<S>
where
    Prost: Codec<Res>,
{
    async fn next(&mut self) -> Option<Result<Bytes>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

impl<S: Stream<Item = Result<Res>>, Res> Stream for Encoded<S>
where
    Prost: Codec<Res>,
{
    type Item = Result<Bytes>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes>>> {
        let response = ready!(self.0.as_mut().poll_next(context));
        Poll::Ready(response.map(|response| Ok(encoded(&response?))))
    }
}

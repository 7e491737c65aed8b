//! A servicer that does what each request says, and reports the course of its calls to the test.

use std::future::pending;

use stubwright::{
    Code, Compression, Metadata, RequestStream, ResponseCompression, Result, ServicerContext,
    Status, Stream, stream,
};
use tokio::sync::mpsc;

use crate::pb::probe::v1::{Action, ProbeServicer, Request, Response};

/// An event of a call.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// The handler was started.
    Started,
    /// The handler has moved its request stream to another task.
    GivenAway,
    /// The handler's future was dropped, before or after its end.
    Dropped,
    /// A request stream that was moved to another task has ended, with the code of its error if it failed.
    Ended(Option<Code>),
    /// The future of `ServicerContext::cancelled` completed in another task.
    Cancelled,
}

/// The servicer.
#[derive(Debug)]
pub struct Probe {
    events: mpsc::UnboundedSender<Event>,
}

impl Probe {
    /// Creates a servicer, and a receiver of its calls' events.
    pub fn new() -> (Probe, mpsc::UnboundedReceiver<Event>) {
        let (events, receiver) = mpsc::unbounded_channel();
        (Probe { events }, receiver)
    }

    /// Reports that a handler was started. The guard reports that it was dropped.
    fn started(&self) -> Guard<'_> {
        self.tell(Event::Started);
        Guard(self)
    }

    fn tell(&self, event: Event) {
        // A test that has ended does not receive events any more.
        drop(self.events.send(event));
    }

    /// Runs the action that follows the responses.
    async fn act(&self, request: &Request) -> Result<()> {
        match request.action() {
            Action::End => Ok(()),
            Action::Fail => {
                let code = u32::try_from(request.code).ok().and_then(Code::from_number);
                let code = code.unwrap_or(Code::Unknown);
                Err(Status::new(code, request.message.clone()).with_details(vec![8, 5]))
            }
            Action::Panic => panic!("the request asked for it"),
            Action::Hang | Action::GiveAway => pending().await,
        }
    }

    /// Reads a request stream, and waits for the call's end, in other tasks.
    fn give_away(&self, mut requests: RequestStream<Request>, context: &ServicerContext) {
        let events = self.events.clone();
        tokio::spawn(async move {
            let end = loop {
                match requests.message().await {
                    Ok(Some(_)) => {}
                    Ok(None) => break None,
                    Err(status) => break Some(status.code()),
                }
            };
            drop(events.send(Event::Ended(end)));
        });
        let (events, cancelled) = (self.events.clone(), context.cancelled());
        tokio::spawn(async move {
            cancelled.await;
            drop(events.send(Event::Cancelled));
        });
        self.tell(Event::GivenAway);
    }
}

struct Guard<'a>(&'a Probe);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.tell(Event::Dropped);
    }
}

/// Echoes the request's metadata before and after the messages. If asked, adds the caller and the method to the
/// trailing metadata.
fn echo_metadata(context: &ServicerContext) -> Result<()> {
    compress(context, "compress")?;
    let (mut initial, mut trailing) = (Metadata::new(), Metadata::new());
    for (key, value) in context.invocation_metadata().iter() {
        let Some(bytes) = value.to_bytes() else {
            continue;
        };
        let echoed = if key.starts_with("initial-") {
            initial.append(key, bytes)
        } else if key.starts_with("trailing-") {
            trailing.append(key, bytes)
        } else {
            continue;
        };
        echoed.map_err(|error| Status::internal(error.to_string()))?;
    }
    if context.invocation_metadata().contains_key("describe") {
        trailing.append("peer", context.peer().as_str())?;
        trailing.append("authority", context.authority())?;
        if let Some(left) = context.time_remaining() {
            trailing.append("seconds-left", left.as_secs().to_string())?;
        }
        if let Some(extension) = context.extensions().get::<String>() {
            trailing.append("extension", extension.as_str())?;
        }
    }
    context.set_trailing_metadata(trailing);
    if initial.is_empty() {
        return Ok(());
    }
    context.send_initial_metadata(initial)?;
    compress(context, "compress-late")
}

/// Compresses the responses as a pair of the metadata says.
fn compress(context: &ServicerContext, key: &str) -> Result<()> {
    if context.invocation_metadata().contains_key("skip") {
        context.disable_next_message_compression();
    }
    match context.invocation_metadata().get(key) {
        Some("deflate") => context.set_compression(Compression::Deflate),
        Some("gzip") => context.set_compression(Compression::Gzip),
        Some("zstd") => context.set_compression(Compression::Zstd),
        Some("identity") => context.set_compression(Compression::Identity),
        Some("as-request") => context.set_compression(ResponseCompression::AsRequest),
        _ => Ok(()),
    }
}

impl ProbeServicer for Probe {
    async fn unary(&self, request: Request, context: &ServicerContext) -> Result<Response> {
        let _guard = self.started();
        echo_metadata(context)?;
        self.act(&request).await?;
        Ok(Response {
            payload: request.payload,
            index: 0,
        })
    }

    fn server_stream(
        &self,
        request: Request,
        context: &ServicerContext,
    ) -> impl Stream<Item = Result<Response>> + Send {
        stream(async move |mut responses| {
            let _guard = self.started();
            echo_metadata(context)?;
            for index in 0..request.count {
                let payload = request.payload.clone();
                responses.send(Response { payload, index }).await;
            }
            self.act(&request).await
        })
    }

    async fn client_stream(
        &self,
        mut requests: RequestStream<Request>,
        context: &ServicerContext,
    ) -> Result<Response> {
        let _guard = self.started();
        echo_metadata(context)?;
        let (mut count, mut size) = (0, 0_u64);
        while let Some(request) = requests.message().await? {
            count += 1;
            size += request.payload.len() as u64;
            if request.action() == Action::GiveAway {
                self.give_away(requests, context);
                return pending().await;
            }
            self.act(&request).await?;
        }
        Ok(Response {
            payload: size.to_be_bytes().to_vec(),
            index: count,
        })
    }

    fn bidi(
        &self,
        mut requests: RequestStream<Request>,
        context: &ServicerContext,
    ) -> impl Stream<Item = Result<Response>> + Send {
        stream(async move |mut responses| {
            let _guard = self.started();
            echo_metadata(context)?;
            let mut index = 0;
            while let Some(request) = requests.message().await? {
                let payload = request.payload.clone();
                responses.send(Response { payload, index }).await;
                index += 1;
                self.act(&request).await?;
            }
            Ok(())
        })
    }
}

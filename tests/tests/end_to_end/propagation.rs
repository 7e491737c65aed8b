//! Calls that a servicer makes within its own call, and the properties that they inherit.

use std::time::Duration;

use futures_util::stream;
use stubwright::{Channel, Code, Metadata, Propagation, Result, Server, ServicerContext};
use stubwright_tests::pb::probe::v1::{
    Action, ProbeServicer, ProbeStub, Request, Response, add_probe_servicer_to_server,
    probe_handler,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::transports::{Link, within};

/// The propagation that a test asks for.
type Wanted = fn(Propagation) -> Propagation;

/// A servicer whose method starts a child call in a task, and then returns or hangs.
struct Front {
    back: ProbeStub,
    wanted: Wanted,
    news: UnboundedSender<News>,
}

/// An event of the child call.
enum News {
    /// The child is open. Requests sent to this sender go to it, and its metadata is attached.
    Open(UnboundedSender<Request>, Metadata),
    Answer(Result<Option<Response>>),
}

impl ProbeServicer for Front {
    async fn unary(&self, request: Request, context: &ServicerContext) -> Result<Response> {
        let (sender, mut requests) = unbounded_channel();
        let requests = stream::poll_fn(move |context| requests.poll_recv(context));
        let propagation = (self.wanted)(context.propagate());
        let child = self.back.bidi(requests).propagated(propagation);
        let mut child = child.metadata("initial-own", "2");
        let came = child.initial_metadata().await?.clone();
        drop(self.news.send(News::Open(sender, came)));
        let news = self.news.clone();
        tokio::spawn(async move {
            loop {
                let answer = child.message().await;
                let is_last = !matches!(answer, Ok(Some(_)));
                drop(news.send(News::Answer(answer)));
                if is_last {
                    return;
                }
            }
        });
        if request.action() == Action::Hang {
            std::future::pending::<()>().await;
        }
        Ok(Response::default())
    }
}

/// A front and a back server, one in-process and the other over TCP.
struct Fixture {
    stub: ProbeStub,
    news: UnboundedReceiver<News>,
    _front: Option<Server>,
    _back: Link,
}

impl Fixture {
    async fn both(wanted: Wanted) -> [Fixture; 2] {
        let back = Link::tcp().await;
        let (front, news) = front(&back, wanted);
        let one = Fixture {
            stub: ProbeStub::new(Channel::in_process(probe_handler(front))),
            news,
            _front: None,
            _back: back,
        };
        let back = Link::in_process();
        let (front, news) = self::front(&back, wanted);
        let mut server = Server::new();
        add_probe_servicer_to_server(front, &mut server);
        let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
        server.start().unwrap();
        let other = Fixture {
            stub: ProbeStub::new(Channel::insecure(address.to_string()).unwrap()),
            news,
            _front: Some(server),
            _back: back,
        };
        [one, other]
    }

    /// Waits until the child is open. Returns its sender and its metadata.
    async fn child(&mut self) -> (UnboundedSender<Request>, Metadata) {
        match within(self.news.recv()).await {
            Some(News::Open(sender, initial)) => (sender, initial),
            _ => panic!("the child is not open"),
        }
    }

    async fn answer(&mut self) -> Result<Option<Response>> {
        match within(self.news.recv()).await {
            Some(News::Answer(answer)) => answer,
            _ => panic!("the child has ended"),
        }
    }
}

fn front(back: &Link, wanted: Wanted) -> (Front, UnboundedReceiver<News>) {
    let (news, receiver) = unbounded_channel();
    let back = back.stub.clone();
    (Front { back, wanted, news }, receiver)
}

fn hanging() -> Request {
    Request {
        action: Action::Hang.into(),
        ..Request::default()
    }
}

#[tokio::test]
async fn a_child_ends_when_its_parent_is_cancelled() {
    for mut fixture in Fixture::both(|propagation| propagation).await {
        let stub = fixture.stub.clone();
        let parent = tokio::spawn(async move { stub.unary(hanging()).await });
        let (requests, _) = fixture.child().await;
        requests.send(Request::default()).unwrap();
        assert!(fixture.answer().await.unwrap().is_some());
        parent.abort();
        let error = fixture.answer().await.unwrap_err();
        assert_eq!(error.code(), Code::Cancelled, "{error}");
    }
}

#[tokio::test]
async fn a_child_ends_when_the_method_of_its_parent_returns() {
    for mut fixture in Fixture::both(|propagation| propagation).await {
        within(fixture.stub.unary(Request::default()))
            .await
            .unwrap();
        let (_requests, _) = fixture.child().await;
        let error = fixture.answer().await.unwrap_err();
        assert_eq!(error.code(), Code::Cancelled, "{error}");
    }
}

#[tokio::test]
async fn a_child_inherits_the_deadline_of_its_parent() {
    let deadline: Wanted = |propagation| propagation.cancellation(false);
    // The caller cancels the parent at its deadline too, and its cancellation may arrive first.
    let both: Wanted = |propagation| propagation;
    for (wanted, may_be_cancelled) in [(deadline, false), (both, true)] {
        for mut fixture in Fixture::both(wanted).await {
            let parent = fixture.stub.unary(hanging());
            let parent = parent.timeout(Duration::from_millis(300));
            let parent = tokio::spawn(std::future::IntoFuture::into_future(parent));
            let (_requests, _) = fixture.child().await;
            let error = fixture.answer().await.unwrap_err();
            let is_late = error.code() == Code::DeadlineExceeded;
            let is_cancelled = may_be_cancelled && error.code() == Code::Cancelled;
            assert!(is_late || is_cancelled, "{error}");
            let error = within(parent).await.unwrap().unwrap_err();
            assert_eq!(error.code(), Code::DeadlineExceeded, "{error}");
        }
    }
}

#[tokio::test]
async fn a_child_may_outlive_its_parent() {
    let wanted: Wanted = |propagation| propagation.cancellation(false).deadline(false);
    for mut fixture in Fixture::both(wanted).await {
        let parent = fixture.stub.unary(hanging());
        let parent = parent.timeout(Duration::from_millis(300));
        within(parent).await.unwrap_err();
        let (requests, _) = fixture.child().await;
        requests.send(Request::default()).unwrap();
        assert!(fixture.answer().await.unwrap().is_some());
        drop(requests);
        assert!(fixture.answer().await.unwrap().is_none());
    }
}

#[tokio::test]
async fn only_chosen_metadata_is_propagated() {
    let wanted: Wanted = |propagation| {
        propagation
            .metadata("initial-text")
            .metadata("initial-bytes-bin")
            .metadata("initial-missing")
            .metadata("user-agent")
            .metadata("grpc-timeout")
    };
    for mut fixture in Fixture::both(wanted).await {
        let parent = fixture.stub.unary(Request::default());
        let parent = parent
            .metadata("initial-text", "a")
            .metadata("initial-text", "b")
            .metadata("initial-bytes-bin", [0, 255])
            .metadata("initial-other", "c");
        within(parent).await.unwrap();
        let (_, came) = fixture.child().await;
        let texts: Vec<_> = came.get_all("initial-text").collect();
        assert_eq!(texts.len(), 2);
        assert_eq!(texts[1].as_str(), Some("b"));
        assert_eq!(
            came.get_bin("initial-bytes-bin").as_deref(),
            Some(&[0, 255][..])
        );
        assert_eq!(came.get("initial-own"), Some("2"));
        assert!(!came.contains_key("initial-other"));
    }
}

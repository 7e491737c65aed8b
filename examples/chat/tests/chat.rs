//! Tests of the conversation, in-process.

use std::pin::pin;
use std::time::Duration;

use async_stream::stream;
use chat::ChatServicer;
use chat::chat::{ChatMessage, ChatServiceServicer, ChatServiceStub, chat_service_handler};
use stubwright::testing::TestCall;
use stubwright::{Channel, Code, RequestStream, Status, Stream};

const SERVICER: ChatServicer = ChatServicer {
    thinks: Duration::from_millis(1),
};

fn message(msg: &str) -> ChatMessage {
    ChatMessage {
        user: "me".into(),
        msg: msg.into(),
    }
}

/// Returns the next item of a stream.
async fn next<T>(stream: &mut (impl Stream<Item = T> + Unpin)) -> Option<T> {
    std::future::poll_fn(|context| std::pin::Pin::new(&mut *stream).poll_next(context)).await
}

#[tokio::test]
async fn the_servicer_answers_each_message() {
    let call = TestCall::new();
    let requests = RequestStream::from_iter([message("ab"), message("")]);
    let mut answers = pin!(SERVICER.chat(requests, call.context()));
    for expected in ["ba", ""] {
        let answer = next(&mut answers).await.unwrap().unwrap();
        assert_eq!((&*answer.user, &*answer.msg), ("Server", expected));
    }
    assert!(next(&mut answers).await.is_none());
}

#[tokio::test]
async fn a_request_stream_that_is_cut_off_ends_the_answers() {
    let call = TestCall::new();
    let cut = Status::cancelled("the caller is gone");
    let requests = stream! {
        yield Ok(message("ab"));
        yield Err(cut);
    };
    let mut answers = pin!(SERVICER.chat(RequestStream::from_stream(requests), call.context()));
    assert!(next(&mut answers).await.unwrap().is_ok());
    let error = next(&mut answers).await.unwrap().unwrap_err();
    assert_eq!(error.code(), Code::Cancelled);
    assert!(next(&mut answers).await.is_none());
}

#[tokio::test]
async fn messages_and_replies_can_alternate() {
    let stub = ChatServiceStub::new(Channel::in_process(chat_service_handler(SERVICER)));
    let (say, mut said) = tokio::sync::mpsc::channel(1);
    let mut answers = stub.chat(stream! {
        while let Some(message) = said.recv().await {
            yield message;
        }
    });
    for (said, answered) in [("ab", "ba"), ("grün", "nürg")] {
        say.send(message(said)).await.unwrap();
        assert_eq!(answers.message().await.unwrap().unwrap().msg, answered);
    }
    drop(say);
    assert!(answers.message().await.unwrap().is_none());
}

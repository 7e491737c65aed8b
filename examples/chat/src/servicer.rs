//! The servicer.

use std::time::Duration;

use stubwright::{RequestStream, Result, ServicerContext, Stream, stream};

use crate::chat::{ChatMessage, ChatServiceServicer};

/// Answers each message with its text reversed.
#[derive(Debug)]
pub struct ChatServicer {
    /// Pause before each reply.
    pub thinks: Duration,
}

impl ChatServiceServicer for ChatServicer {
    fn chat(
        &self,
        mut requests: RequestStream<ChatMessage>,
        _context: &ServicerContext,
    ) -> impl Stream<Item = Result<ChatMessage>> + Send {
        stream(async move |mut responses| {
            while let Some(request) = requests.message().await? {
                tokio::time::sleep(self.thinks).await;
                let answer = ChatMessage {
                    user: "Server".into(),
                    msg: request.msg.chars().rev().collect(),
                };
                responses.send(answer).await;
            }
            Ok(())
        })
    }
}

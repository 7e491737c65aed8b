//! The servicer.

use stubwright::{Metadata, RequestStream, Result, ServicerContext, Status, Stream, stream};

use crate::squarerpc_service::{Message, SquareServiceServicer};

/// Squares numbers.
#[derive(Debug)]
pub struct Squares {
    answers: Answers,
    limit: u32,
}

/// The time at which `streamrangeSquare` sends its responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// A response after each request.
    Each,
    /// All responses after the last request.
    Collected,
}

impl Squares {
    /// Creates a servicer whose `rangeSquare` counts to at most 1,000,000.
    pub fn new(answers: Answers) -> Squares {
        Squares {
            answers,
            limit: 1_000_000,
        }
    }
}

impl SquareServiceServicer for Squares {
    async fn square(&self, request: Message, context: &ServicerContext) -> Result<Message> {
        return_request_id(context)?;
        Ok(squared(&request))
    }

    // A streaming method returns a stream. This one borrows the servicer and the context during the call.
    fn range_square(
        &self,
        request: Message,
        context: &ServicerContext,
    ) -> impl Stream<Item = Result<Message>> + Send {
        stream(async move |mut responses| {
            return_request_id(context)?;
            let last = self.last_number(request.message)?;
            for number in 0..=last {
                let square = f64::from(number) * f64::from(number);
                responses.send(Message { message: square }).await;
            }
            // Trailing metadata is sent after the last response.
            let mut trailing = Metadata::new();
            trailing.append("squares", (u64::from(last) + 1).to_string())?;
            context.set_trailing_metadata(trailing);
            Ok(())
        })
    }

    async fn sum_square(
        &self,
        mut requests: RequestStream<Message>,
        context: &ServicerContext,
    ) -> Result<Message> {
        return_request_id(context)?;
        let mut sum = 0.0;
        while let Some(request) = requests.message().await? {
            sum += squared(&request).message;
        }
        Ok(Message { message: sum })
    }

    fn streamrange_square(
        &self,
        mut requests: RequestStream<Message>,
        context: &ServicerContext,
    ) -> impl Stream<Item = Result<Message>> + Send {
        stream(async move |mut responses| {
            return_request_id(context)?;
            let mut collected = Vec::new();
            while let Some(request) = requests.message().await? {
                match self.answers {
                    Answers::Each => responses.send(squared(&request)).await,
                    Answers::Collected => collected.push(squared(&request)),
                }
            }
            for square in collected {
                responses.send(square).await;
            }
            Ok(())
        })
    }
}

impl Squares {
    /// Converts the argument of `rangeSquare` to an integer. An error is the status that the client sees.
    fn last_number(&self, number: f64) -> Result<u32> {
        if number.is_nan() || number < 0.0 {
            return Err(Status::invalid_argument(format!(
                "cannot count from 0 to {number}"
            )));
        }
        if number > f64::from(self.limit) {
            return Err(Status::out_of_range(format!(
                "cannot count to {number}, only to {}",
                self.limit
            )));
        }
        Ok(number as u32)
    }
}

fn squared(request: &Message) -> Message {
    Message {
        message: request.message * request.message,
    }
}

/// Returns the caller's `request-id` in the initial metadata, so that both sides can log it.
fn return_request_id(context: &ServicerContext) -> Result<()> {
    if let Some(id) = context.invocation_metadata().get("request-id") {
        let mut initial = Metadata::new();
        initial.append("request-id", id)?;
        context.send_initial_metadata(initial)?;
    }
    Ok(())
}

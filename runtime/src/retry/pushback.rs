//! Pushback: a server's instruction about retries.

use std::time::Duration;

use crate::base::Outcome;

/// The key of the pushback in the server's trailers.
const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// A server's instruction about retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushback {
    Unsaid,
    After(Duration),
    Never,
}

impl Pushback {
    pub(crate) fn of(outcome: &Outcome) -> Pushback {
        let mut pairs = outcome.trailing.iter();
        let Some((_, value)) = pairs.find(|(key, _)| *key == PUSHBACK) else {
            return Pushback::Unsaid;
        };
        // A negative number, or text that is not a number, forbids retries.
        match value.as_str().and_then(|text| text.parse::<u32>().ok()) {
            Some(milliseconds) => Pushback::After(Duration::from_millis(milliseconds.into())),
            None => Pushback::Never,
        }
    }
}

//! What a server says of when to try again.

use std::time::Duration;

use crate::base::Outcome;

/// The key by which a server says in its trailers when to try again.
const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// What a server says of when to try again.
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
        // What is negative, or no number, says no.
        match value.as_str().and_then(|text| text.parse::<u32>().ok()) {
            Some(milliseconds) => Pushback::After(Duration::from_millis(milliseconds.into())),
            None => Pushback::Never,
        }
    }
}

//! The program's own part, which knows no gRPC.

use std::time::Duration;

use tokio::sync::Semaphore;

/// Pings targets, some at a time; a few more wait, and the rest is turned away.
#[derive(Debug)]
pub struct Handler {
    /// A place for each ping, running or waiting.
    places: Semaphore,
    /// A turn for each that runs.
    turns: Semaphore,
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub enum PingError {
    /// All places are taken.
    Overloaded,
    /// A delay that is none.
    NegativeDelay,
}

impl Handler {
    /// A handler that runs so many pings at a time, while so many others may wait.
    pub fn new(running: usize, waiting: usize) -> Handler {
        Handler {
            places: Semaphore::new(running + waiting),
            turns: Semaphore::new(running),
        }
    }

    /// Pings a target that takes `delay` milliseconds to answer. A future that is dropped gives its place back.
    ///
    /// # Errors
    /// See [`PingError`].
    pub async fn ping(&self, target: &str, delay: i32) -> Result<String, PingError> {
        let delay = u64::try_from(delay).map_err(|_| PingError::NegativeDelay)?;
        let _place = self
            .places
            .try_acquire()
            .map_err(|_| PingError::Overloaded)?;
        // Nobody closes the semaphore.
        let _turn = self.turns.acquire().await;
        tokio::time::sleep(Duration::from_millis(delay)).await;
        Ok(format!("{target} answered after {delay} ms"))
    }
}

//! The program's logic, independent of gRPC.

use std::time::Duration;

use tokio::sync::Semaphore;

/// Pings targets. A limited number of pings run at a time, a limited number wait, and the others are refused.
#[derive(Debug)]
pub struct Handler {
    /// One permit for each ping that runs or waits.
    places: Semaphore,
    /// One permit for each ping that runs.
    turns: Semaphore,
}

/// The reason why a ping failed.
#[derive(Debug, PartialEq, Eq)]
pub enum PingError {
    /// All permits are taken.
    Overloaded,
    /// The delay is negative.
    NegativeDelay,
}

impl Handler {
    /// Creates a handler that runs up to `running` pings at a time, while up to `waiting` others wait.
    pub fn new(running: usize, waiting: usize) -> Handler {
        Handler {
            places: Semaphore::new(running + waiting),
            turns: Semaphore::new(running),
        }
    }

    /// Pings a target that takes `delay` milliseconds to answer. Dropping the future returns its permits.
    ///
    /// # Errors
    /// See [`PingError`].
    pub async fn ping(&self, target: &str, delay: i32) -> Result<String, PingError> {
        let delay = u64::try_from(delay).map_err(|_| PingError::NegativeDelay)?;
        let _place = self
            .places
            .try_acquire()
            .map_err(|_| PingError::Overloaded)?;
        // The semaphore is never closed.
        let _turn = self.turns.acquire().await;
        tokio::time::sleep(Duration::from_millis(delay)).await;
        Ok(format!("{target} answered after {delay} ms"))
    }
}

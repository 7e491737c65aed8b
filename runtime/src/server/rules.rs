//! The rules for the calls of a method.

use std::time::{Duration, Instant};

use super::response_compression::ResponseCompression;
use crate::call::MessageLimits;

/// The rules for the calls of a method.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) limits: MessageLimits,
    pub(crate) timeout: Option<Duration>,
    pub(crate) compression: ResponseCompression,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            limits: MessageLimits::new(
                crate::base::framing::MAX_RECEIVE_MESSAGE_LENGTH,
                usize::MAX,
            ),
            timeout: None,
            compression: ResponseCompression::default(),
        }
    }
}

impl Rules {
    /// Returns the deadline of a call that begins at `now`, given its caller's deadline.
    #[inline]
    pub(crate) fn deadline(&self, now: Instant, callers: Option<Instant>) -> Option<Instant> {
        let Some(timeout) = self.timeout else {
            return callers;
        };
        // A time that the clock cannot represent means no deadline.
        let own = now.checked_add(timeout);
        callers.into_iter().chain(own).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earlier_deadline_counts() {
        let now = Instant::now();
        let after = |seconds| Some(now + Duration::from_secs(seconds));
        let rules = |timeout| Rules {
            timeout,
            ..Rules::default()
        };
        let ten = rules(Some(Duration::from_secs(10)));
        assert_eq!(ten.deadline(now, None), after(10));
        assert_eq!(ten.deadline(now, after(5)), after(5));
        assert_eq!(ten.deadline(now, after(15)), after(10));
        assert_eq!(rules(None).deadline(now, after(15)), after(15));
        assert_eq!(rules(None).deadline(now, None), None);
        assert_eq!(rules(Some(Duration::MAX)).deadline(now, after(1)), after(1));
    }
}

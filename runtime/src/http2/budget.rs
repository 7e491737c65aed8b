//! The budget of a peer for frames that cost this side something.

use std::time::Instant;

use super::config::Allowance;

/// A token bucket that refills with time and with good behavior.
#[derive(Debug)]
pub(super) struct Budget {
    allowance: Allowance,
    /// The remaining tokens in thousandths, so that half a token and the tokens of a millisecond are whole numbers.
    left: u64,
    refilled: Instant,
}

/// One token.
pub(super) const WHOLE: u64 = 1_000;
/// Half a token.
pub(super) const HALF: u64 = WHOLE / 2;

/// The error of a budget that is exhausted.
#[derive(Debug)]
pub(super) struct Spent;

impl Budget {
    pub(super) fn new(allowance: Allowance, now: Instant) -> Budget {
        Budget {
            allowance,
            left: u64::from(allowance.burst) * WHOLE,
            refilled: now,
        }
    }

    /// Takes tokens for something that costs. Time that runs backwards refills nothing.
    pub(super) fn draw(&mut self, cost: u64, now: Instant) -> Result<(), Spent> {
        let elapsed = now.saturating_duration_since(self.refilled).as_millis();
        if elapsed > 0 {
            let elapsed = u64::try_from(elapsed).unwrap_or(u64::MAX);
            self.earn(elapsed.saturating_mul(u64::from(self.allowance.per_second)));
            self.refilled = now;
        }
        self.left = self.left.checked_sub(cost).ok_or(Spent)?;
        Ok(())
    }

    /// Adds tokens for something that only honest peers do, up to the burst.
    pub(super) fn earn(&mut self, tokens: u64) {
        let full = u64::from(self.allowance.burst) * WHOLE;
        self.left = self.left.saturating_add(tokens).min(full.max(self.left));
    }

    /// Raises the remaining tokens to at least `tokens`, even if that exceeds the burst.
    pub(super) fn raise(&mut self, tokens: u64) {
        self.left = self.left.max(tokens);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ALLOWANCE: Allowance = Allowance {
        burst: 3,
        per_second: 10,
    };

    fn spend(budget: &mut Budget, now: Instant) -> usize {
        std::iter::from_fn(|| budget.draw(WHOLE, now).ok()).count()
    }

    #[test]
    fn refills_with_time_up_to_the_burst() {
        let start = super::super::tests::start();
        let mut budget = Budget::new(ALLOWANCE, start);
        assert_eq!(spend(&mut budget, start), 3);
        assert_eq!(spend(&mut budget, start + Duration::from_millis(99)), 0);
        assert_eq!(spend(&mut budget, start + Duration::from_millis(200)), 2);
        assert_eq!(spend(&mut budget, start + Duration::from_secs(60)), 3);
        assert_eq!(spend(&mut budget, start), 0);
    }

    #[test]
    fn earns_up_to_the_burst() {
        let start = super::super::tests::start();
        let mut budget = Budget::new(ALLOWANCE, start);
        budget.earn(WHOLE);
        assert_eq!(spend(&mut budget, start), 3);
        budget.earn(WHOLE);
        assert_eq!(spend(&mut budget, start), 1);
        assert!(budget.draw(HALF, start).is_err());
    }

    #[test]
    fn is_raised_above_the_burst_and_not_lowered_to_it() {
        let start = super::super::tests::start();
        let mut budget = Budget::new(ALLOWANCE, start);
        budget.raise(10 * WHOLE);
        budget.raise(5 * WHOLE);
        budget.earn(WHOLE);
        assert_eq!(spend(&mut budget, start), 10);
        budget.raise(WHOLE);
        assert_eq!(spend(&mut budget, start), 1);
    }
}

//! An estimate of the bandwidth-delay product by PING, which determines how large a receive window must be.
//!
//! While a probe is outstanding, the DATA of one stream is counted. The bytes that arrive within one round trip are those that
//! the peer can have in transit. If they nearly fill the window, the window limits the peer, and is doubled. If doubling does not
//! make the peer faster, the window was not the limit, and is not doubled again. If this side is the slower one, the peer fills
//! any window, and short messages would wait behind everything that it has sent.
//!
//! A window belongs to one stream, so only that stream's DATA is counted. Many streams together may once deliver more than a
//! single one ever does.

use std::time::{Duration, Instant};

use super::StreamId;

/// The payload of a PING that measures.
pub(super) const PROBE: [u8; 8] = *b"measure!";

/// The pause after a measurement that changes nothing. It doubles with each further such measurement.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest pause. Without a pause, a peer on the same machine would respond to ten thousand probes a second, and may consider
/// so many to be abuse.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A window is doubled again only if the last time has made the peer faster by this factor.
const GAIN: f64 = 1.25;

/// Estimates the number of bytes that a peer can have in transit.
#[derive(Debug)]
pub(super) struct Estimator {
    /// The maximum window of a stream. An estimator that has reached it does not measure any more.
    limit: u32,
    /// The window that follows from the measurements so far.
    window: u32,
    probe: Option<Probe>,
    /// The time of the last probe's response, after which measuring pauses for `pause`.
    answered: Option<Instant>,
    pause: Duration,
    /// The highest rate of a stream so far, in bytes per second.
    rate: f64,
}

#[derive(Debug)]
struct Probe {
    /// The stream whose DATA is counted.
    stream: StreamId,
    sent: Instant,
    bytes: u64,
}

impl Estimator {
    pub(super) fn new(window: u32, limit: u32) -> Estimator {
        Estimator {
            limit: limit.max(window),
            window,
            probe: None,
            answered: None,
            pause: Duration::ZERO,
            rate: 0.0,
        }
    }

    /// Returns the window of a stream.
    pub(super) fn window(&self) -> u32 {
        self.window
    }

    /// Starts a measurement for a stream that uses its window. Returns whether a probe must be sent now.
    pub(super) fn begin(&mut self, stream: StreamId, now: Instant) -> bool {
        let rests = self
            .answered
            .is_some_and(|answered| now.saturating_duration_since(answered) < self.pause);
        if self.probe.is_some() || rests || self.window >= self.limit {
            return false;
        }
        self.probe = Some(Probe {
            stream,
            sent: now,
            bytes: 0,
        });
        true
    }

    /// Counts DATA of a stream.
    pub(super) fn count(&mut self, stream: StreamId, bytes: usize) {
        if let Some(probe) = self.probe.as_mut().filter(|probe| probe.stream == stream) {
            probe.bytes = probe.bytes.saturating_add(bytes as u64);
        }
    }

    /// Ends the measurement when the probe's response arrives. The window may have grown afterwards.
    pub(super) fn answered(&mut self, now: Instant) {
        let Some(probe) = self.probe.take() else {
            return;
        };
        let took = now.saturating_duration_since(probe.sent);
        let rate = probe.bytes as f64 / took.as_secs_f64().max(1e-6);
        let fills = probe.bytes.saturating_mul(3) >= u64::from(self.window) * 2;
        if fills && rate > self.rate * GAIN {
            self.window = self.window.saturating_mul(2).min(self.limit);
            self.pause = Duration::ZERO;
        } else {
            self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        }
        self.answered = Some(now);
        self.rate = self.rate.max(rate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http2::tests::start;

    const MS: Duration = Duration::from_millis(1);

    fn round(estimator: &mut Estimator, at: u32, bytes: usize) {
        assert!(estimator.begin(1, start() + at * MS));
        estimator.count(1, bytes);
        estimator.answered(start() + at * MS + 20 * MS);
    }

    #[test]
    fn a_window_that_is_filled_grows_to_its_limit() {
        let mut estimator = Estimator::new(65_536, 1 << 20);
        let mut windows = vec![estimator.window()];
        for turn in 0..10 {
            if estimator.window() == 1 << 20 {
                break;
            }
            let window = estimator.window() as usize;
            round(&mut estimator, turn * 100, window);
            windows.push(estimator.window());
        }
        assert_eq!(windows, [65_536, 131_072, 262_144, 524_288, 1 << 20]);
        assert!(
            !estimator.begin(1, start() + 2_000 * MS),
            "nothing is left to measure"
        );
    }

    #[test]
    fn row_82_a_window_that_makes_nothing_faster_stays() {
        let mut estimator = Estimator::new(65_536, 1 << 20);
        // The peer fills any window, and this side consumes a megabyte per second.
        for turn in 0..100 {
            let bytes = 16 * estimator.window();
            assert!(estimator.begin(1, start() + turn * 10_000 * MS));
            estimator.count(1, bytes as usize);
            estimator.answered(start() + turn * 10_000 * MS + bytes / 1_000 * MS);
        }
        assert_eq!(estimator.window(), 131_072);
    }

    #[test]
    fn row_49_what_comes_on_other_streams_does_not_count() {
        let mut estimator = Estimator::new(65_536, 1 << 20);
        assert!(estimator.begin(1, start()));
        estimator.count(1, 65_536);
        for stream in 2..300 {
            estimator.count(stream, 65_536);
        }
        estimator.answered(start() + 20 * MS);
        assert_eq!(estimator.window(), 131_072);
        // Twice as much is faster, although it is less than all streams together.
        round(&mut estimator, 100, 131_072);
        assert_eq!(estimator.window(), 262_144);
    }

    #[test]
    fn a_window_that_is_not_filled_stays() {
        let mut estimator = Estimator::new(65_536, 1 << 20);
        for turn in 0..10 {
            round(&mut estimator, turn * 2_000, 20_000);
        }
        assert_eq!(estimator.window(), 65_536);
    }

    #[test]
    fn measures_that_change_nothing_become_rare() {
        let mut estimator = Estimator::new(65_536, 1 << 20);
        let mut probes = 0;
        for at in 0..10_000 {
            if estimator.begin(1, start() + at * MS) {
                probes += 1;
                estimator.count(1, 20_000);
                estimator.answered(start() + at * MS);
            }
        }
        // There are seven until the pause is a second, and then one per second.
        assert_eq!(probes, 16);
    }

    #[test]
    fn a_window_that_grows_is_measured_again_at_once() {
        let mut estimator = Estimator::new(65_536, 1 << 20);
        round(&mut estimator, 0, 65_536);
        assert_eq!(estimator.window(), 131_072);
        assert!(estimator.begin(1, start() + 20 * MS));
    }

    #[test]
    fn one_probe_is_on_its_way_at_a_time() {
        let mut estimator = Estimator::new(65_536, 1 << 20);
        assert!(estimator.begin(1, start()));
        assert!(!estimator.begin(1, start()));
        estimator.answered(start() + MS);
        estimator.answered(start() + MS);
        assert!(!estimator.begin(1, start() + 2 * MS));
        assert!(estimator.begin(1, start() + 20 * MS));
    }
}

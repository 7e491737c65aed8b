//! The rules of outlier detection (gRFC A50), without a clock and without randomness of their own: the caller passes both.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use super::config::{Criteria, OutlierDetection};
use crate::Status;
use crate::call::listener::{AttemptEnd, CallListener};

/// Counts of the calls to a server that have ended since the last sweep.
#[derive(Debug, Default)]
pub(crate) struct CallCounts {
    good: AtomicU32,
    bad: AtomicU32,
}

/// The calls and ejections of a server.
#[derive(Debug, Default)]
pub(crate) struct Record {
    counts: Arc<CallCounts>,
    ejection: Option<Ejection>,
    /// The number of ejections in a row.
    multiplier: u32,
}

#[derive(Debug)]
struct Ejection {
    began: Instant,
    why: Status,
}

impl CallListener for CallCounts {
    /// Counts the call, unless its caller has given it up.
    fn call_ended(&self, end: &AttemptEnd<'_>) {
        if let Some(result) = end.result() {
            self.count(result.is_ok());
        }
    }
}

impl CallCounts {
    /// Counts a call that has succeeded or failed.
    pub(crate) fn count(&self, is_good: bool) {
        let counter = if is_good { &self.good } else { &self.bad };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn take(&self) -> Calls {
        Calls {
            good: self.good.swap(0, Ordering::Relaxed),
            bad: self.bad.swap(0, Ordering::Relaxed),
        }
    }
}

impl Record {
    /// Returns the counts, which listen to the server's calls.
    pub(crate) fn counts(&self) -> Arc<CallCounts> {
        Arc::clone(&self.counts)
    }

    /// Returns why the server is ejected, if it is.
    pub(crate) fn ejection(&self) -> Option<&Status> {
        self.ejection.as_ref().map(|ejection| &ejection.why)
    }

    fn eject(&mut self, now: Instant, calls: Calls) {
        self.multiplier = self.multiplier.saturating_add(1);
        let Calls { good, bad } = calls;
        self.ejection = Some(Ejection {
            began: now,
            why: Status::unavailable(format!(
                "the server is ejected for a while as an outlier: {bad} of {} calls had failed",
                u64::from(good) + u64::from(bad)
            )),
        });
    }

    /// Ends the ejection when its time is over. Without an ejection, past ones count less.
    fn forgive(&mut self, config: &OutlierDetection, now: Instant) {
        let Some(ejection) = &self.ejection else {
            self.multiplier = self.multiplier.saturating_sub(1);
            return;
        };
        let most = config.max_ejection_time.max(config.base_ejection_time);
        let time = config.base_ejection_time.saturating_mul(self.multiplier);
        if now.saturating_duration_since(ejection.began) > time.min(most) {
            self.ejection = None;
        }
    }
}

/// Ejects servers by the ends of their calls in the last interval, and ends ejections. `lot` draws a number below 100.
pub(crate) fn sweep(
    config: &OutlierDetection,
    records: &mut [&mut Record],
    now: Instant,
    mut lot: impl FnMut() -> u32,
) {
    let calls: Vec<Calls> = records.iter().map(|record| record.counts.take()).collect();
    let mut eject = |criteria: &Criteria, is_outlier: &dyn Fn(Calls) -> bool| {
        for (place, &calls) in calls.iter().enumerate() {
            if is_enough_ejected(records, config.max_ejection_percent) {
                return;
            }
            let Some(record) = records.get_mut(place) else {
                return;
            };
            let counts = record.ejection.is_none() && calls.has_volume(criteria);
            if counts && is_outlier(calls) && lot() < criteria.enforcement_percentage {
                record.eject(now, calls);
            }
        }
    };
    if let Some(rule) = &config.success_rate {
        if let Some(rates) = considered(&calls, &rule.criteria) {
            let (mean, deviation) = distribution(&rates);
            let least = mean - deviation * f64::from(rule.stdev_factor) / 1000.0;
            eject(&rule.criteria, &|calls| calls.success_rate() < least);
        }
    }
    if let Some(rule) = &config.failure_percentage {
        if considered(&calls, &rule.criteria).is_some() {
            let most = f64::from(rule.threshold);
            eject(&rule.criteria, &|calls| {
                100.0 - 100.0 * calls.success_rate() > most
            });
        }
    }
    for record in records {
        record.forgive(config, now);
    }
}

fn is_enough_ejected(records: &[&mut Record], max_percent: u32) -> bool {
    let ejected = records.iter().filter(|one| one.ejection.is_some()).count();
    100 * ejected >= records.len() * max_percent as usize
}

/// Counts of the calls to a server that ended in an interval.
#[derive(Clone, Copy, Debug)]
struct Calls {
    good: u32,
    bad: u32,
}

impl Calls {
    fn has_volume(self, criteria: &Criteria) -> bool {
        let total = u64::from(self.good) + u64::from(self.bad);
        total > 0 && total >= u64::from(criteria.request_volume)
    }

    fn success_rate(self) -> f64 {
        f64::from(self.good) / (f64::from(self.good) + f64::from(self.bad))
    }
}

/// Returns the success rates of the servers with enough calls, if there are enough such servers.
fn considered(calls: &[Calls], criteria: &Criteria) -> Option<Vec<f64>> {
    let enough = calls.iter().filter(|calls| calls.has_volume(criteria));
    let rates: Vec<f64> = enough.map(|calls| calls.success_rate()).collect();
    let is_enough = !rates.is_empty() && rates.len() >= criteria.minimum_hosts as usize;
    is_enough.then_some(rates)
}

/// Returns the mean and the standard deviation of numbers.
fn distribution(numbers: &[f64]) -> (f64, f64) {
    let count = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / count;
    let squares = numbers.iter().map(|number| (number - mean).powi(2));
    (mean, (squares.sum::<f64>() / count).sqrt())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::config::{FailurePercentageEjection, SuccessRateEjection};
    use super::*;
    use crate::LoadBalancing;

    const SECOND: Duration = Duration::from_secs(1);

    fn criteria(minimum_hosts: u32, request_volume: u32) -> Criteria {
        Criteria {
            enforcement_percentage: 100,
            minimum_hosts,
            request_volume,
        }
    }

    fn config() -> OutlierDetection {
        OutlierDetection {
            interval: 10 * SECOND,
            base_ejection_time: 30 * SECOND,
            max_ejection_time: 300 * SECOND,
            max_ejection_percent: 10,
            success_rate: None,
            failure_percentage: None,
            child: LoadBalancing::round_robin(),
        }
    }

    fn by_failures(threshold: u32, criteria: Criteria) -> OutlierDetection {
        OutlierDetection {
            failure_percentage: Some(FailurePercentageEjection {
                threshold,
                criteria,
            }),
            ..config()
        }
    }

    fn by_success(stdev_factor: u32, criteria: Criteria) -> OutlierDetection {
        OutlierDetection {
            success_rate: Some(SuccessRateEjection {
                stdev_factor,
                criteria,
            }),
            ..config()
        }
    }

    struct Servers(Vec<Record>);

    impl Servers {
        fn new(count: usize) -> Servers {
            Servers((0..count).map(|_| Record::default()).collect())
        }

        /// Sweeps after these numbers of good and bad calls to each server. Returns the places of the servers that are ejected then.
        fn sweep(
            &mut self,
            config: &OutlierDetection,
            calls: &[(u32, u32)],
            now: Instant,
            lot: u32,
        ) -> Vec<usize> {
            for (record, &(good, bad)) in self.0.iter().zip(calls) {
                (0..good).for_each(|_| record.counts.count(true));
                (0..bad).for_each(|_| record.counts.count(false));
            }
            let mut records: Vec<_> = self.0.iter_mut().collect();
            sweep(config, &mut records, now, || lot);
            let all = self.0.iter().enumerate();
            all.filter(|(_, record)| record.ejection().is_some())
                .map(|(place, _)| place)
                .collect()
        }
    }

    fn once(config: &OutlierDetection, calls: &[(u32, u32)]) -> Vec<usize> {
        Servers::new(calls.len()).sweep(config, calls, Instant::now(), 0)
    }

    #[test]
    fn a_server_that_fails_more_often_than_the_threshold_is_ejected() {
        let config = by_failures(50, criteria(2, 10));
        assert_eq!(once(&config, &[(10, 0), (4, 6), (10, 0)]), [1]);
        // Not at the threshold, with too few calls, or among too few servers that have enough.
        assert!(once(&config, &[(10, 0), (5, 5), (10, 0)]).is_empty());
        assert!(once(&config, &[(10, 0), (0, 9), (10, 0)]).is_empty());
        assert!(once(&config, &[(9, 0), (0, 10), (9, 0)]).is_empty());
        assert!(once(&config, &[(0, 0); 3]).is_empty());
        // Without rules no server is ejected.
        assert!(once(&super::tests::config(), &[(0, 100); 9]).is_empty());
        let all = by_failures(50, criteria(0, 0));
        assert!(once(&all, &[(0, 0); 3]).is_empty());
    }

    #[test]
    fn a_server_that_succeeds_much_less_often_than_the_others_is_ejected() {
        let config = by_success(1000, criteria(3, 10));
        // The mean is 0.8, the standard deviation 0.4.
        let calls = [(10, 0), (10, 0), (0, 10), (10, 0), (10, 0)];
        assert_eq!(once(&config, &calls), [2]);
        let lenient = by_success(2500, criteria(3, 10));
        assert!(once(&lenient, &calls).is_empty());
        // If all servers fail often, none of them is an outlier.
        assert!(once(&config, &[(1, 9); 5]).is_empty());
        // A server without traffic does not count.
        assert!(once(&config, &[(10, 0), (0, 10), (0, 0)]).is_empty());
    }

    #[test]
    fn no_more_are_ejected_than_may_be_and_one_always_may() {
        let calls = [(0, 10); 5];
        let mut config = by_failures(50, criteria(2, 10));
        assert_eq!(once(&config, &calls), [0]);
        config.max_ejection_percent = 40;
        assert_eq!(once(&config, &calls), [0, 1]);
        config.max_ejection_percent = 41;
        assert_eq!(once(&config, &calls), [0, 1, 2]);
        config.max_ejection_percent = 0;
        assert!(once(&config, &calls).is_empty());
    }

    #[test]
    fn it_is_enforced_by_lot() {
        let mut config = by_failures(50, criteria(2, 10));
        let rule = config.failure_percentage.as_mut().unwrap();
        rule.criteria.enforcement_percentage = 30;
        let now = Instant::now();
        for (lot, ejected) in [(29, 1), (30, 0), (99, 0)] {
            let calls = [(10, 0), (0, 10)];
            let swept = Servers::new(2).sweep(&config, &calls, now, lot);
            assert_eq!(swept.len(), ejected, "{lot}");
        }
    }

    #[test]
    fn ejections_last_longer_each_time_and_are_forgotten_in_time() {
        let config = OutlierDetection {
            max_ejection_time: 70 * SECOND,
            ..by_failures(50, criteria(2, 10))
        };
        let mut servers = Servers::new(2);
        let mut now = Instant::now();
        let bad = [(10, 0), (0, 10)];
        let good = [(10, 0), (10, 0)];
        // 30 seconds, 60, and then the maximum.
        for time in [30, 60, 70, 70] {
            assert_eq!(servers.sweep(&config, &bad, now, 0), [1]);
            assert_eq!(servers.sweep(&config, &[], now + time * SECOND, 0), [1]);
            now += time * SECOND + SECOND;
            assert!(servers.sweep(&config, &[], now, 0).is_empty());
        }
        // Each interval without an ejection reduces the multiplier by one.
        for _ in 0..3 {
            now += config.interval;
            assert!(servers.sweep(&config, &good, now, 0).is_empty());
        }
        assert_eq!(servers.0[1].multiplier, 1);
        assert_eq!(servers.sweep(&config, &bad, now, 0), [1]);
        assert!(servers.sweep(&config, &[], now + 61 * SECOND, 0).is_empty());
    }

    #[test]
    fn the_reason_is_told() {
        let config = by_failures(50, criteria(1, 10));
        let mut servers = Servers::new(1);
        servers.sweep(&config, &[(3, 9)], Instant::now(), 0);
        let said = "the server is ejected for a while as an outlier: 9 of 12 calls had failed";
        assert_eq!(servers.0[0].ejection().unwrap().message(), said);
    }
}

//! Cases of many calls, in sequence or several at a time.

use std::cell::Cell;
use std::fmt::Write;
use std::result::Result;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::expect::{success, zeros};
use super::service::{LARGE_REQUEST, LARGE_RESPONSE, Service, payload, size};
use super::target::number;
use super::{Failure, Outcome, Target};
use crate::interop::Flags;
use crate::pb::grpc::testing::SimpleRequest;

/// Number of calls, and their limits.
#[derive(Clone, Debug)]
pub(super) struct Soak {
    iterations: usize,
    max_failures: usize,
    /// Latency above which a call counts as failed.
    max_latency: Duration,
    /// Time after which no call begins.
    overall_timeout: Duration,
    /// Time between the beginnings of two calls of one worker.
    min_interval: Duration,
    request_size: usize,
    response_size: usize,
    /// Number of concurrent calls.
    workers: usize,
}

impl Soak {
    /// Reads the flags. The defaults are those of the other languages' clients.
    pub(super) fn from_flags(flags: &Flags) -> Result<Soak, Failure> {
        let milliseconds = |name, default| number(flags, name, default).map(Duration::from_millis);
        let soak = Soak {
            iterations: number(flags, "soak_iterations", 10)?,
            max_failures: number(flags, "soak_max_failures", 0)?,
            max_latency: milliseconds("soak_per_iteration_max_acceptable_latency_ms", 1000)?,
            overall_timeout: number(flags, "soak_overall_timeout_seconds", 10)
                .map(Duration::from_secs)?,
            min_interval: milliseconds("soak_min_time_ms_between_rpcs", 0)?,
            request_size: number(flags, "soak_request_size", LARGE_REQUEST)?,
            response_size: number(flags, "soak_response_size", LARGE_RESPONSE)?,
            workers: number(flags, "soak_num_threads", 1)?,
        };
        if soak.iterations == 0 || soak.workers == 0 {
            return Err("--soak_iterations and --soak_num_threads are at least 1".into());
        }
        Ok(soak)
    }
}

pub(super) async fn rpc_soak(target: &Target) -> Outcome {
    let service = target.service()?;
    soak(target, Some(&service)).await
}

pub(super) async fn channel_soak(target: &Target) -> Outcome {
    soak(target, None).await
}

/// Result of one call.
struct Iteration {
    latency: Duration,
    result: Outcome,
}

/// Makes the calls and checks their results. Without a `service`, each call has a channel of its own.
async fn soak(target: &Target, service: Option<&Service>) -> Outcome {
    let soak = &target.soak;
    let begin = Instant::now();
    let left = Cell::new(soak.iterations);
    let worker = async || {
        let mut done = Vec::new();
        while left.get() > 0 && begin.elapsed() < soak.overall_timeout {
            left.set(left.get() - 1);
            let started = Instant::now();
            let result = match service {
                Some(service) => call(soak, service).await,
                None => match target.service() {
                    Ok(service) => call(soak, &service).await,
                    Err(failure) => Err(failure),
                },
            };
            let latency = started.elapsed();
            done.push(Iteration { latency, result });
            tokio::time::sleep(soak.min_interval.saturating_sub(latency)).await;
        }
        done
    };
    let done = join_all((0..soak.workers).map(|_| worker())).await;
    judge(soak, done.into_iter().flatten().collect(), begin.elapsed())
}

/// Makes one call. It has no deadline, so that its latency is known even when it is late.
async fn call(soak: &Soak, service: &Service) -> Outcome {
    let request = SimpleRequest {
        response_size: size(soak.response_size),
        payload: payload(soak.request_size),
        ..SimpleRequest::default()
    };
    let response = success("the call", service.unary_call(request).await)?;
    zeros("the response", response.payload, soak.response_size)
}

fn judge(soak: &Soak, done: Vec<Iteration>, elapsed: Duration) -> Outcome {
    let mut bad = Vec::new();
    for (number, iteration) in (1..).zip(&done) {
        let latency = iteration.latency;
        match &iteration.result {
            Err(failure) => bad.push(format!("iteration {number}, after {latency:?}: {failure}")),
            Ok(()) if latency > soak.max_latency => bad.push(format!(
                "iteration {number}: expected at most {:?}, took {latency:?}",
                soak.max_latency
            )),
            Ok(()) => {}
        }
    }
    let mut latencies: Vec<_> = done.iter().map(|iteration| iteration.latency).collect();
    latencies.sort_unstable();
    let at = |percent: usize| {
        latencies.get((latencies.len() * percent / 100).min(latencies.len().saturating_sub(1)))
    };
    let mut report = format!(
        "{} of {} iterations in {elapsed:?}, {} failed or too slow (at most {} may be); median {:?}, 90% {:?}, worst {:?}",
        done.len(),
        soak.iterations,
        bad.len(),
        soak.max_failures,
        at(50).copied().unwrap_or_default(),
        at(90).copied().unwrap_or_default(),
        at(100).copied().unwrap_or_default(),
    );
    if done.len() == soak.iterations && bad.len() <= soak.max_failures {
        println!("{report}");
        return Ok(());
    }
    for line in bad {
        write!(report, "\n{line}")?;
    }
    Err(report.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(flags: &[&str], done: Vec<(u64, bool)>) -> Result<(), String> {
        let known = ["soak_iterations", "soak_max_failures"];
        let arguments = flags.iter().map(|flag| (*flag).to_owned());
        let soak = Soak::from_flags(&Flags::parse(arguments, &known).unwrap()).unwrap();
        let done = done.into_iter().map(|(latency, good)| Iteration {
            latency: Duration::from_millis(latency),
            result: if good { Ok(()) } else { Err("no".into()) },
        });
        judge(&soak, done.collect(), Duration::ZERO).map_err(|failure| failure.to_string())
    }

    #[test]
    fn all_calls_must_be_made_and_few_may_fail() {
        assert_eq!(judged(&["--soak_iterations=2"], vec![(1, true); 2]), Ok(()));
        let failure = judged(&["--soak_iterations=3"], vec![(1, true); 2]).unwrap_err();
        assert!(failure.starts_with("2 of 3 iterations"), "{failure}");

        let done = vec![(1, true), (1500, true), (1, false)];
        let flags = ["--soak_iterations=3", "--soak_max_failures=2"];
        assert_eq!(judged(&flags, done.clone()), Ok(()));
        let flags = ["--soak_iterations=3", "--soak_max_failures=1"];
        let failure = judged(&flags, done).unwrap_err();
        assert!(
            failure.contains("iteration 2: expected at most 1s"),
            "{failure}"
        );
        assert!(failure.contains("iteration 3, after 1ms: no"), "{failure}");
    }
}

//! Outlier detection (gRFC A50): servers whose calls fail too often have no calls for a while.

use std::time::Duration;

use stubwright::ChannelConnectivity::{Connecting, Idle, Ready, TransientFailure};
use stubwright::{Channel, Code, Result, ServiceConfig};
use stubwright_tests::pb::probe::v1::Response;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::connectivity::{call, call_with, outcome};
use crate::script::{Peer, Script, assert_states, within};
use crate::several::{Names, attempts};

const SECOND: Duration = Duration::from_secs(1);
const OK: &str = "0";
const INTERNAL: &str = "13";

/// Returns a config that checks every ten seconds, and ejects a server if more than half of its calls fail. It needs
/// two servers with two calls each.
fn config(max_percent: u32, policy: &str) -> ServiceConfig {
    let config = r#"{"loadBalancingConfig": [{"outlier_detection_experimental": {
        "interval": "10s",
        "baseEjectionTime": "30s",
        "maxEjectionPercent": PERCENT,
        "failurePercentageEjection": {"threshold": 50, "minimumHosts": 2, "requestVolume": 2},
        "childPolicy": [{"POLICY": {}}]
    }}]}"#;
    let config = config.replace("PERCENT", &max_percent.to_string());
    ServiceConfig::from_json(&config.replace("POLICY", policy)).unwrap()
}

fn new(names: &[&str], max_percent: u32) -> (Channel, Script) {
    let builder = Channel::builder()
        .resolver(Names::new(names))
        .service_config(config(max_percent, "round_robin"));
    Script::new(builder)
}

fn calls(channel: &Channel, count: usize) -> Vec<JoinHandle<Result<Response>>> {
    (0..count).map(|_| call(channel)).collect()
}

/// Ends `count` calls with this status.
async fn end(peer: &mut Peer, count: usize, code: &str) {
    for _ in 0..count {
        let stream = peer.request().await;
        peer.fail(stream, false, code, &[]).await;
    }
}

async fn all(calls: Vec<JoinHandle<Result<Response>>>) -> Vec<Code> {
    let mut codes = Vec::new();
    for call in calls {
        codes.push(
            outcome(call)
                .await
                .map_or_else(|error| error.code(), |_| Code::Ok),
        );
    }
    codes.sort_unstable_by_key(|code| code.number());
    codes
}

async fn connect<const N: usize>(channel: &Channel, script: &mut Script) -> [Peer; N] {
    channel.state(true);
    let mut peers = attempts::<N>(script).await.map(|attempt| attempt.accept());
    for peer in &mut peers {
        peer.greet().await;
    }
    sleep(Duration::from_millis(1)).await;
    peers
}

#[tokio::test(start_paused = true)]
async fn a_server_that_fails_too_often_has_no_calls_for_a_while() {
    let (channel, mut script) = new(&["a:1", "b:1", "c:1"], 10);
    let mut states = channel.subscribe();
    let [mut a, mut b, mut c] = connect(&channel, &mut script).await;
    let first = calls(&channel, 6);
    tokio::join!(
        end(&mut a, 2, INTERNAL),
        // One failure of two is not more than half.
        async {
            end(&mut b, 1, INTERNAL).await;
            end(&mut b, 1, OK).await;
        },
        end(&mut c, 2, OK)
    );
    drop(all(first).await);
    sleep(10 * SECOND).await;
    let second = calls(&channel, 6);
    tokio::join!(end(&mut b, 3, OK), end(&mut c, 3, OK));
    drop(all(second).await);
    // The first check after thirty seconds. The connection is still open.
    sleep(39 * SECOND).await;
    let third = calls(&channel, 2);
    tokio::join!(end(&mut b, 1, OK), end(&mut c, 1, OK));
    drop(all(third).await);
    sleep(SECOND).await;
    let fourth = calls(&channel, 3);
    tokio::join!(end(&mut a, 1, OK), end(&mut b, 1, OK), end(&mut c, 1, OK));
    drop(all(fourth).await);
    assert!(script.is_quiet());
    assert_states(&mut states, &[Idle, Connecting, Ready]).await;
    assert_eq!(channel.state(false), Ready);
}

#[tokio::test(start_paused = true)]
async fn when_all_are_ejected_calls_fail_and_say_why() {
    let (channel, mut script) = new(&["a:1", "b:1"], 100);
    let mut states = channel.subscribe();
    let [mut a, mut b] = connect(&channel, &mut script).await;
    let first = calls(&channel, 4);
    tokio::join!(end(&mut a, 2, INTERNAL), end(&mut b, 2, INTERNAL));
    drop(all(first).await);
    assert_states(&mut states, &[Idle, Connecting, Ready, TransientFailure]).await;
    let error = outcome(call(&channel)).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert!(error.message().contains("2 of 2 calls"), "{error}");
    let waits = call_with(&channel, |call| call.wait_for_ready(true));
    assert_states(&mut states, &[Ready]).await;
    within(async {
        tokio::select! {
            () = end(&mut a, 1, OK) => {}
            () = end(&mut b, 1, OK) => {}
        }
    })
    .await;
    outcome(waits).await.unwrap_err();
}

/// Calls that the caller drops do not count. Calls that exceed their deadline do.
#[tokio::test(start_paused = true)]
async fn calls_that_were_given_up_do_not_count_and_those_that_took_too_long_do() {
    for (deadline, ejected) in [(false, false), (true, true)] {
        let (channel, mut script) = new(&["a:1", "b:1"], 10);
        let [mut a, mut b] = connect(&channel, &mut script).await;
        let slow: Vec<_> = (0..4)
            .map(|_| {
                call_with(
                    &channel,
                    if deadline {
                        |call| call.timeout(SECOND)
                    } else {
                        |call| call
                    },
                )
            })
            .collect();
        end(&mut b, 2, OK).await;
        for _ in 0..2 {
            a.request().await;
        }
        if deadline {
            let codes = all(slow).await;
            assert_eq!(codes.first(), Some(&Code::DeadlineExceeded));
        } else {
            slow.iter().for_each(JoinHandle::abort);
        }
        sleep(11 * SECOND).await;
        let next = calls(&channel, 2);
        if ejected {
            end(&mut b, 2, OK).await;
        } else {
            tokio::join!(end(&mut a, 1, OK), end(&mut b, 1, OK));
        }
        drop(all(next).await);
    }
}

#[tokio::test(start_paused = true)]
async fn with_pick_first_no_server_is_ejected() {
    let builder = Channel::builder()
        .resolver(Names::new(&["a:1"]))
        .service_config(config(100, "pick_first"));
    let (channel, mut script) = Script::new(builder);
    let [mut a] = connect(&channel, &mut script).await;
    let first = calls(&channel, 9);
    end(&mut a, 9, INTERNAL).await;
    drop(all(first).await);
    sleep(60 * SECOND).await;
    let last = calls(&channel, 1);
    end(&mut a, 1, INTERNAL).await;
    assert_eq!(all(last).await, [Code::Internal]);
}

/// An idle channel makes no checks and forgets its counts.
#[tokio::test(start_paused = true)]
async fn an_idle_channel_starts_over() {
    let builder = Channel::builder()
        .resolver(Names::new(&["a:1", "b:1"]))
        .service_config(config(100, "round_robin"))
        .idle_timeout(25 * SECOND);
    let (channel, mut script) = Script::new(builder);
    let mut states = channel.subscribe();
    let [mut a, mut b] = connect(&channel, &mut script).await;
    let first = calls(&channel, 4);
    tokio::join!(end(&mut a, 2, INTERNAL), end(&mut b, 2, INTERNAL));
    drop(all(first).await);
    assert_states(
        &mut states,
        &[Idle, Connecting, Ready, TransientFailure, Idle],
    )
    .await;
    let [mut a, mut b] = connect(&channel, &mut script).await;
    let second = calls(&channel, 2);
    tokio::join!(end(&mut a, 1, OK), end(&mut b, 1, OK));
    drop(all(second).await);
    assert_states(&mut states, &[Connecting, Ready]).await;
}

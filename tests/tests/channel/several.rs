//! Targets with several addresses: resolving, connecting and balancing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stubwright::ChannelConnectivity::{Connecting, Idle, Ready, TransientFailure};
use stubwright::{
    Address, Channel, Code, LoadBalancing, Resolution, Resolver, ResolverFuture, Result, Server,
    Status,
};
use stubwright_tests::Probe;
use stubwright_tests::pb::probe::v1::{ProbeStub, Request, add_probe_servicer_to_server};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::connectivity::{call, outcome};
use crate::script::{Attempt, Script, assert_states, within};

const HEAD_START: Duration = Duration::from_millis(250);

/// Addresses that a test sets.
#[derive(Clone, Default)]
pub struct Names {
    now: Arc<Mutex<Option<Vec<String>>>>,
    changed: Arc<Notify>,
    asked: Arc<Mutex<Vec<Instant>>>,
}

impl Names {
    pub fn new(names: &[&str]) -> Names {
        let new = Names::default();
        new.set(names);
        new
    }

    fn set(&self, names: &[&str]) {
        *self.now.lock().unwrap() = Some(names.iter().map(|&name| name.to_owned()).collect());
    }

    fn announce(&self, names: &[&str]) {
        self.set(names);
        self.changed.notify_one();
    }

    fn times_asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Resolver for Names {
    fn resolve(&self) -> ResolverFuture<'_, Result<Resolution>> {
        Box::pin(async {
            self.asked.lock().unwrap().push(Instant::now());
            let names = self.now.lock().unwrap().clone();
            let names = names.ok_or_else(|| Status::not_found("who is that?"))?;
            let addresses = names.iter().map(Address::new).collect::<Result<Vec<_>>>()?;
            Ok(Resolution::new(addresses))
        })
    }

    fn changed(&self) -> ResolverFuture<'_, ()> {
        Box::pin(self.changed.notified())
    }
}

fn new(names: &Names, policy: LoadBalancing) -> (Channel, Script) {
    Script::new(
        Channel::builder()
            .resolver(names.clone())
            .load_balancing(policy),
    )
}

pub async fn attempts<const N: usize>(script: &mut Script) -> [Attempt; N] {
    let mut attempts = Vec::new();
    for _ in 0..N {
        attempts.push(script.attempt().await);
    }
    attempts.try_into().ok().unwrap()
}

#[tokio::test(start_paused = true)]
async fn addresses_are_tried_one_after_the_other() {
    let names = Names::new(&["a:1", "b:1", "c:1"]);
    let (channel, mut script) = new(&names, LoadBalancing::pick_first());
    let began = Instant::now();
    channel.state(true);
    let first = script.attempt().await;
    assert_eq!((&*first.address, began.elapsed()), ("a:1", Duration::ZERO));
    // The second attempt begins when the first has had its head start.
    let second = script.attempt().await;
    assert_eq!(second.address, "b:1");
    assert!((HEAD_START..HEAD_START * 2).contains(&began.elapsed()));
    // The third attempt begins when one has failed.
    let began = Instant::now();
    first.refuse();
    let third = script.attempt().await;
    assert_eq!((&*third.address, began.elapsed()), ("c:1", Duration::ZERO));
    // The first attempt that reaches a server wins.
    let mut peer = second.accept();
    peer.greet().await;
    within(channel.ready()).await.unwrap();
    assert!(third.is_given_up());
    let call = call(&channel);
    peer.answer().await;
    outcome(call).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn when_all_addresses_fail_the_error_has_the_reason_of_each() {
    let names = Names::new(&["a:1", "b:1"]);
    let (channel, mut script) = new(&names, LoadBalancing::pick_first());
    let call = call(&channel);
    for _ in 0..2 {
        script.attempt().await.refuse();
    }
    let error = outcome(call).await.unwrap_err();
    let said = "cannot connect to server.test:1: a:1: nobody is here; b:1: nobody is here";
    assert_eq!(error.message(), said);
}

#[tokio::test(start_paused = true)]
async fn names_that_cannot_be_resolved_are_tried_again() {
    let names = Names::default();
    let (channel, mut script) = new(&names, LoadBalancing::pick_first());
    let mut states = channel.subscribe();
    let fails = call(&channel);
    let error = outcome(fails).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    let said = "cannot resolve server.test:1: who is that?";
    assert_eq!(error.message(), said);
    assert_states(&mut states, &[Idle, Connecting, TransientFailure]).await;
    names.set(&["a:1"]);
    let waits = tokio::spawn({
        let stub = ProbeStub::new(channel.clone());
        stub.unary(Request::default())
            .wait_for_ready(true)
            .into_future()
    });
    script.serve().await.answer().await;
    within(waits).await.unwrap().unwrap();
    assert_states(&mut states, &[Connecting, Ready]).await;
    assert_eq!(names.times_asked(), 2);
    // An empty list of addresses is an error too.
    names.set(&[]);
    let (channel, _script) = new(&names, LoadBalancing::pick_first());
    let error = outcome(call(&channel)).await.unwrap_err();
    assert!(error.message().contains("there is no address"), "{error}");
    names.set(&["unix:"]);
    let (channel, _script) = new(&names, LoadBalancing::pick_first());
    let error = outcome(call(&channel)).await.unwrap_err();
    assert!(
        error
            .message()
            .contains("\"unix:\": unix: must be followed"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn names_are_resolved_again_when_a_server_is_lost_but_not_too_often() {
    let names = Names::new(&["a:1"]);
    let (channel, mut script) = new(&names, LoadBalancing::pick_first());
    channel.state(true);
    let peer = script.serve().await;
    within(channel.ready()).await.unwrap();
    sleep(Duration::from_secs(60)).await;
    names.set(&["b:1"]);
    drop(peer);
    // The name is resolved at once, because the last time was long ago.
    sleep(Duration::from_secs(1)).await;
    assert_eq!(names.times_asked(), 2);
    channel.state(true);
    let attempt = script.attempt().await;
    assert_eq!(attempt.address, "b:1");
    names.set(&["c:1"]);
    attempt.refuse();
    while script.attempt().await.address != "c:1" {}
    let asked = names.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[2] - asked[1], Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn addresses_that_change_are_followed() {
    let names = Names::new(&["a:1"]);
    let (channel, mut script) = new(&names, LoadBalancing::pick_first());
    channel.state(true);
    let mut a = script.serve().await;
    within(channel.ready()).await.unwrap();
    let open = call(&channel);
    let stream = a.request().await;
    names.announce(&["b:1", "a:1"]);
    sleep(Duration::from_secs(1)).await;
    // The current server is still in the list.
    assert!(script.is_quiet());
    names.announce(&["b:1"]);
    let attempt = script.attempt().await;
    assert_eq!(attempt.address, "b:1");
    attempt.accept().greet().await;
    // Open calls on the old connection complete.
    a.respond(stream).await;
    outcome(open).await.unwrap();
    a.ended().await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_channel_resolves_again_when_it_is_used() {
    let names = Names::new(&["a:1"]);
    let (channel, mut script) = Script::new(
        Channel::builder()
            .resolver(names.clone())
            .idle_timeout(Duration::from_secs(10)),
    );
    channel.state(true);
    let given_up = script.attempt().await;
    sleep(Duration::from_secs(11)).await;
    assert_eq!(channel.state(true), Idle);
    assert!(given_up.is_given_up());
    let mut a = script.serve().await;
    within(channel.ready()).await.unwrap();
    assert_eq!(names.times_asked(), 2);
    names.announce(&["b:1"]);
    assert_eq!(script.attempt().await.address, "b:1");
    a.ended().await;
}

/// An idle channel does not go on resolving a name that is gone.
#[tokio::test(start_paused = true)]
async fn an_idle_channel_does_not_resolve_a_lost_name() {
    let names = Names::new(&["a:1"]);
    let (channel, mut script) = new(&names, LoadBalancing::pick_first());
    channel.state(true);
    let peer = script.serve().await;
    within(channel.ready()).await.unwrap();
    sleep(Duration::from_secs(60)).await;
    *names.now.lock().unwrap() = None;
    drop(peer);
    sleep(Duration::from_secs(1000)).await;
    assert_eq!(names.times_asked(), 2);
    // The known addresses are still used.
    channel.state(true);
    assert_eq!(script.attempt().await.address, "a:1");
}

#[tokio::test(start_paused = true)]
async fn round_robin_goes_to_all_servers_in_turn() {
    let names = Names::new(&["a:1", "b:1", "c:1", "b:1"]);
    let (channel, mut script) = new(&names, LoadBalancing::round_robin());
    let mut states = channel.subscribe();
    channel.state(true);
    let [a, b, c] = attempts(&mut script).await;
    assert_states(&mut states, &[Idle, Connecting]).await;
    a.refuse();
    let mut b = b.accept();
    b.greet().await;
    assert_states(&mut states, &[Ready]).await;
    let mut c = c.accept();
    c.greet().await;
    sleep(Duration::from_millis(1)).await;
    for _ in 0..3 {
        let calls = [call(&channel), call(&channel)];
        tokio::join!(b.answer(), c.answer());
        for call in calls {
            outcome(call).await.unwrap();
        }
    }
    // A lost server is reconnected at once. The others take its calls meanwhile.
    drop(b);
    let again = [script.attempt().await, script.attempt().await];
    assert_eq!(again.map(|attempt| attempt.address), ["b:1", "a:1"]);
    for _ in 0..2 {
        let call = call(&channel);
        c.answer().await;
        outcome(call).await.unwrap();
    }
    assert_eq!(channel.state(false), Ready);
}

#[tokio::test(start_paused = true)]
async fn round_robin_fails_calls_at_once_while_all_servers_are_down() {
    let names = Names::new(&["a:1", "b:1"]);
    let (channel, mut script) = new(&names, LoadBalancing::round_robin());
    let mut states = channel.subscribe();
    channel.state(true);
    for attempt in attempts::<2>(&mut script).await {
        attempt.refuse();
    }
    assert_states(&mut states, &[Idle, Connecting, TransientFailure]).await;
    // Calls do not wait for attempts in progress.
    let [a, b] = attempts(&mut script).await;
    let error = outcome(call(&channel)).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    a.refuse();
    b.accept().greet().await;
    assert_states(&mut states, &[Ready]).await;
}

#[tokio::test(start_paused = true)]
async fn servers_come_and_go() {
    let names = Names::new(&["a:1", "b:1"]);
    let (channel, mut script) = new(&names, LoadBalancing::round_robin());
    channel.state(true);
    let [a, b] = attempts(&mut script).await;
    let (mut a, mut b) = (a.accept(), b.accept());
    tokio::join!(a.greet(), b.greet());
    names.announce(&["b:1", "c:1"]);
    let c = script.attempt().await;
    assert_eq!(c.address, "c:1");
    let mut c = c.accept();
    c.greet().await;
    a.ended().await;
    sleep(Duration::from_millis(1)).await;
    let calls = [call(&channel), call(&channel)];
    tokio::join!(b.answer(), c.answer());
    for call in calls {
        outcome(call).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn least_request_prefers_the_server_with_fewer_open_calls() {
    let names = Names::new(&["a:1", "b:1"]);
    let (channel, mut script) = new(&names, LoadBalancing::least_request(2).unwrap());
    channel.state(true);
    let [a, b] = attempts(&mut script).await;
    let mut peers = [a.accept(), b.accept()];
    for peer in &mut peers {
        peer.greet().await;
    }
    sleep(Duration::from_millis(1)).await;
    // No call is answered, so open calls pile up. They are even, apart from draws that pick one server twice.
    let calls: Vec<_> = (0..100).map(|_| call(&channel)).collect();
    sleep(Duration::from_millis(1)).await;
    let mut open = Vec::new();
    for peer in &mut peers {
        let mut count = 0_u32;
        while tokio::time::timeout(Duration::from_millis(1), peer.request())
            .await
            .is_ok()
        {
            count += 1;
        }
        open.push(count);
    }
    assert_eq!(open[0] + open[1], 100);
    assert!(open[0].abs_diff(open[1]) <= 20, "{open:?}");
    drop(calls);
}

/// Three real servers, resolved by the system.
#[tokio::test]
async fn calls_are_spread_over_real_servers() {
    let mut servers = Vec::new();
    let mut addresses = Vec::new();
    let mut events = Vec::new();
    for _ in 0..3 {
        let (probe, happened) = Probe::new();
        let mut server = Server::new();
        add_probe_servicer_to_server(probe, &mut server);
        let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
        server.start().unwrap();
        servers.push(server);
        addresses.push(address.to_string());
        events.push(happened);
    }
    let channel = Channel::builder()
        .load_balancing(LoadBalancing::round_robin())
        .build_insecure(format!("ipv4:{}", addresses.join(",")))
        .unwrap();
    let stub = ProbeStub::new(channel);
    let mut served = BTreeMap::new();
    // It is random which servers are connected when the first calls start.
    while served.len() < 3 {
        within(stub.unary(Request::default())).await.unwrap();
        for (place, events) in events.iter_mut().enumerate() {
            while events.try_recv().is_ok() {
                *served.entry(place).or_insert(0) += 1;
            }
        }
    }
    let port = addresses[0].rsplit_once(':').unwrap().1;
    let channel = Channel::insecure(format!("dns:///localhost:{port}")).unwrap();
    within(ProbeStub::new(channel).unary(Request::default()))
        .await
        .unwrap();
}

/// A server whose idle connection was closed is reconnected for a call, even if the other servers fail.
#[tokio::test(start_paused = true)]
async fn a_server_that_was_not_used_is_there_when_the_others_fail() {
    let names = Names::new(&["a:1", "b:1"]);
    let (channel, mut script) = Script::new(
        Channel::builder()
            .resolver(names.clone())
            .load_balancing(LoadBalancing::round_robin())
            .idle_timeout(Duration::from_secs(10)),
    );
    channel.state(true);
    let [a, b] = attempts(&mut script).await;
    let mut unused = a.accept();
    unused.greet().await;
    sleep(Duration::from_secs(9)).await;
    b.refuse();
    // The connection to `a` is closed during the next attempt at `b`.
    let b = script.attempt().await;
    unused.ended().await;
    drop(unused);
    sleep(Duration::from_secs(1)).await;
    let call = call(&channel);
    let mut a = script.attempt().await.accept();
    a.greet().await;
    a.answer().await;
    outcome(call).await.unwrap();
    assert!(!b.is_given_up());
}

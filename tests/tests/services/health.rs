//! `grpc.health.v1`: the statuses of a server's services, and when they change.

use std::time::{Duration, Instant};

use stubwright::health::ServingStatus::{self, NotServing, ServiceUnknown, Serving};
use stubwright::health::v1::{
    HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthStub,
    add_health_servicer_to_server,
};
use stubwright::{Code, Server, StreamingCall};

use crate::{started, within};

fn of(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.to_owned(),
    }
}

async fn next(watch: &mut StreamingCall<HealthCheckResponse>) -> ServingStatus {
    let response = within(watch.message()).await.unwrap();
    response.expect("the watch should go on").status()
}

#[tokio::test]
async fn check_returns_the_statuses_that_were_set() {
    let mut server = Server::new();
    let health = server.add_health();
    let (_server, channel) = started(server).await;
    let stub = HealthStub::new(channel);
    let check = async |service: &str| {
        let response = within(stub.check(of(service))).await;
        response
            .map(|response| response.status())
            .map_err(|status| status.code())
    };
    assert_eq!(check("").await, Ok(Serving));
    assert_eq!(check("a.B").await, Err(Code::NotFound));
    health.set("a.B", NotServing);
    assert_eq!(check("a.B").await, Ok(NotServing));
    health.set("a.B", Serving);
    health.set("", NotServing);
    assert_eq!(check("a.B").await, Ok(Serving));
    assert_eq!(check("").await, Ok(NotServing));
}

#[tokio::test]
async fn list_has_every_status() {
    let mut server = Server::new();
    let health = server.add_health();
    // Adding the servicer again keeps the statuses.
    server.add_health().set("a.B", NotServing);
    health.set("a.C", Serving);
    let (_server, channel) = started(server).await;
    let listed = within(HealthStub::new(channel).list(HealthListRequest {})).await;
    let listed = listed.unwrap().statuses;
    let listed: Vec<(&str, ServingStatus)> = listed
        .iter()
        .map(|(service, response)| (service.as_str(), response.status()))
        .collect();
    assert_eq!(
        listed,
        [("", Serving), ("a.B", NotServing), ("a.C", Serving)]
    );
}

#[tokio::test]
async fn watch_reports_each_change_once() {
    let mut server = Server::new();
    let health = server.add_health();
    let (_server, channel) = started(server).await;
    let stub = HealthStub::new(channel);
    let mut watch = stub.watch(of("a.B"));
    let mut other = stub.watch(of(""));
    assert_eq!(next(&mut watch).await, ServiceUnknown);
    assert_eq!(next(&mut other).await, Serving);
    health.set("a.B", Serving);
    assert_eq!(next(&mut watch).await, Serving);
    // The same status again is not a change, and neither is another service's status.
    health.set("a.B", Serving);
    health.set("a.C", NotServing);
    health.set("a.B", NotServing);
    assert_eq!(next(&mut watch).await, NotServing);
    health.set("", NotServing);
    assert_eq!(next(&mut other).await, NotServing);
}

#[tokio::test]
async fn a_graceful_shutdown_is_final() {
    let mut server = Server::new();
    let health = server.add_health();
    health.set("a.B", Serving);
    let (_server, channel) = started(server).await;
    let stub = HealthStub::new(channel);
    let mut watch = stub.watch(of("a.B"));
    assert_eq!(next(&mut watch).await, Serving);
    health.enter_graceful_shutdown();
    health.set("a.B", Serving);
    assert_eq!(next(&mut watch).await, NotServing);
    let status = within(stub.check(of(""))).await.unwrap().status();
    assert_eq!(status, NotServing);
}

/// A second server may report the statuses on a port of its own, for example without TLS.
#[tokio::test]
async fn two_servers_report_the_same_statuses() {
    let mut server = Server::new();
    let health = server.add_health();
    let mut probes = Server::new();
    add_health_servicer_to_server(health.clone(), &mut probes);
    let (_server, channel) = started(server).await;
    let (_probes, of_probes) = started(probes).await;
    health.set("a.B", Serving);
    for status in [Serving, NotServing] {
        for channel in [&channel, &of_probes] {
            let stub = HealthStub::new(channel.clone());
            for service in ["", "a.B"] {
                let reported = within(stub.check(of(service))).await.unwrap();
                assert_eq!(reported.status(), status);
            }
        }
        health.enter_graceful_shutdown();
    }
}

#[tokio::test]
async fn watches_see_a_stop_and_do_not_delay_it() {
    let mut server = Server::new();
    let _ = server.add_health();
    let (server, channel) = started(server).await;
    let stub = HealthStub::new(channel);
    let mut watch = stub.watch(of(""));
    assert_eq!(next(&mut watch).await, Serving);
    let grace = Duration::from_secs(60);
    let before = Instant::now();
    let (_, seen) = tokio::join!(server.stop(grace), async {
        let seen = next(&mut watch).await;
        (seen, within(watch.message()).await.unwrap_err().code())
    });
    assert_eq!(seen, (NotServing, Code::Unavailable));
    assert!(before.elapsed() < grace);
}

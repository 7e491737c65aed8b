//! The configs of calls that resolvers return beside addresses.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use stubwright::balancing::CallInfo;
use stubwright::{
    Address, CallConfig, Channel, Code, ConfigSelector, Resolution, Resolver, ResolverFuture,
    Result, ServiceConfig, Status,
};
use tokio::time::sleep;

use crate::policies::{ask, serve};

/// Gives this, after a while.
struct After(Duration, Resolution);

impl Resolver for After {
    fn resolve(&self) -> ResolverFuture<'_, Result<Resolution>> {
        Box::pin(async {
            sleep(self.0).await;
            Ok(self.1.clone())
        })
    }
}

const SOON: Duration = Duration::from_millis(20);

fn channel(resolver: impl Resolver) -> Channel {
    let channel = Channel::builder().resolver(resolver);
    channel.build_insecure("localhost").unwrap()
}

/// Retries calls that fail as the server is asked to have them fail.
const RETRIES: &str = r#"{
    "methodConfig": [{
        "name": [{"service": "names.Names"}],
        "retryPolicy": {
            "maxAttempts": 3, "initialBackoff": "0.001s", "maxBackoff": "0.001s", "backoffMultiplier": 1,
            "retryableStatusCodes": ["ABORTED"]
        }
    }]
}"#;

/// Makes a call that fails. Returns how often it was made.
async fn attempts(channel: &Channel) -> u32 {
    let channel = channel.with_metadata("fail", "yes");
    let mut call = channel.unary_unary::<(), String, _>("/names.Names/Who", stubwright::Prost, ());
    assert_eq!((&mut call).await.unwrap_err().code(), Code::Aborted);
    1 + call.end().unwrap().previous_rpc_attempts
}

#[tokio::test]
async fn the_service_config_of_a_resolver_holds_from_the_first_call_on() {
    let (_server, address) = serve("a").await;
    let config = ServiceConfig::from_json_strict(RETRIES).unwrap();
    let found = Resolution::new([address]).with_service_config(config);
    let channel = channel(After(SOON, found));
    assert_eq!(attempts(&channel).await, 3);
    assert_eq!(attempts(&channel).await, 3);
    assert_eq!(ask(&channel).await.unwrap(), "a");
}

/// Chooses retries for some calls, and refuses others.
#[derive(Clone, Default)]
struct Choosing(Arc<Mutex<Vec<String>>>);

impl ConfigSelector for Choosing {
    fn select(&self, call: &CallInfo<'_>) -> Result<CallConfig> {
        self.0.lock().unwrap().push(call.method().to_owned());
        match call.metadata().get("choose") {
            Some("retries") => {
                let config = ServiceConfig::from_json_strict(RETRIES)?;
                Ok(CallConfig::new().with_service_config(config))
            }
            Some(_) => Err(Status::permission_denied("not for you")),
            None => Ok(CallConfig::new()),
        }
    }
}

#[tokio::test]
async fn a_config_selector_is_asked_once_a_call() {
    let (_server, address) = serve("a").await;
    let selector = Choosing::default();
    let found = Resolution::new([address]).with_config_selector(selector.clone());
    let channel = channel(After(SOON, found));
    let retried = channel.with_metadata("choose", "retries");
    assert_eq!(attempts(&retried).await, 3);
    assert_eq!(attempts(&retried).await, 3);
    assert_eq!(attempts(&channel).await, 1);
    let refused = ask(&channel.with_metadata("choose", "nothing")).await;
    assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(*selector.0.lock().unwrap(), ["/names.Names/Who"; 4]);
}

/// Finds nothing, ever.
struct Never;

impl Resolver for Never {
    fn resolve(&self) -> ResolverFuture<'_, Result<Resolution>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_names_ends_at_its_deadline_or_with_its_channel() {
    let late = channel(Never).with_timeout(SOON);
    let error = ask(&late).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    let closed = channel(Never);
    let waiting = tokio::spawn({
        let closed = closed.clone();
        async move { ask(&closed).await }
    });
    sleep(SOON).await;
    closed.close();
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!(error.code(), Code::Cancelled);
}

#[tokio::test]
async fn names_that_cannot_be_resolved_fail_the_first_call() {
    struct Unknown;
    impl Resolver for Unknown {
        fn resolve(&self) -> ResolverFuture<'_, Result<Resolution>> {
            Box::pin(async { Err(Status::not_found("who is that?")) })
        }
    }
    let error = ask(&channel(Unknown)).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert!(error.message().contains("who is that?"), "{error}");
}

#[test]
fn invalid_addresses_are_refused() {
    for text in ["", "a:b:c", "http://a", "unix:"] {
        let error = Address::new(text).unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument, "{text}");
    }
    let address = Address::new("a").unwrap();
    assert_eq!(address.to_string(), "a:443");
    assert!(address.with_authority("a b").is_err());
}

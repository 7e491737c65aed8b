//! The client: a channel to all servers, and calls that any of them may answer.

use std::collections::BTreeMap;
use std::time::Duration;

use stubwright::{Channel, Result, ServiceConfig, Status};
use tokio::task::{JoinHandle, JoinSet};

use crate::replicas::v1::{ReplicasStub, WhoAreYouRequest, WhoAreYouResponse};

/// Balances calls, and retries failed ones.
const CONFIG: &str = r#"{
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [{
        "name": [{"service": "replicas.v1.Replicas"}],
        "timeout": "10s",
        "waitForReady": true,
        "retryPolicy": {
            "maxAttempts": 4,
            "initialBackoff": "0.05s",
            "maxBackoff": "1s",
            "backoffMultiplier": 2,
            "retryableStatusCodes": ["UNAVAILABLE"]
        }
    }]
}"#;

/// Number of concurrent calls.
const AT_A_TIME: usize = 20;

/// Number of responses of each server.
pub type Answers = BTreeMap<String, usize>;

#[derive(Clone)]
pub struct Client {
    stub: ReplicasStub,
}

impl Client {
    /// Creates a client of the servers at these addresses.
    pub fn new(addresses: &[&str]) -> Result<Client> {
        let channel = Channel::builder()
            .service_config(ServiceConfig::from_json_strict(CONFIG)?)
            // A server that was killed is tried again soon and often.
            .initial_reconnect_backoff(Duration::from_millis(100))
            .max_reconnect_backoff(Duration::from_secs(1))
            .build_insecure(format!("ipv4:{}", addresses.join(",")))?;
        Ok(Client {
            stub: ReplicasStub::new(channel),
        })
    }

    /// Makes `count` calls. Returns the error of the first call that fails.
    pub async fn call(&self, count: usize) -> Result<Answers> {
        let mut answers = Answers::new();
        let mut calls = JoinSet::new();
        for number in 0..count {
            calls.spawn(self.stub.who_are_you(WhoAreYouRequest {}).into_future());
            if number + 1 >= AT_A_TIME {
                note(&mut calls, &mut answers).await?;
            }
        }
        while !calls.is_empty() {
            note(&mut calls, &mut answers).await?;
        }
        Ok(answers)
    }

    /// Makes `count` calls in a task of its own.
    pub fn start(&self, count: usize) -> JoinHandle<Result<Answers>> {
        let client = self.clone();
        tokio::spawn(async move { client.call(count).await })
    }

    /// Makes calls until all of these servers have answered.
    pub async fn until(&self, names: &[&str]) -> Result<()> {
        let mut missing = names.to_vec();
        while !missing.is_empty() {
            let answer = self.stub.who_are_you(WhoAreYouRequest {}).await?;
            missing.retain(|name| *name != answer.name);
        }
        Ok(())
    }
}

/// Waits for one of the calls, and counts the server that answered.
async fn note(calls: &mut JoinSet<Result<WhoAreYouResponse>>, answers: &mut Answers) -> Result<()> {
    if let Some(answered) = calls.join_next().await {
        let answered = answered.map_err(|error| Status::internal(error.to_string()))?;
        *answers.entry(answered?.name).or_default() += 1;
    }
    Ok(())
}

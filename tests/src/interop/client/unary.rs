//! Cases of one request and one response.

use std::collections::BTreeSet;

use futures_util::future::try_join_all;

use super::expect::{equal, success, zeros};
use super::service::{LARGE_RESPONSE, Service, large_request};
use super::{Failure, Outcome, Target};
use crate::pb::grpc::testing::SimpleRequest;

pub(super) async fn empty_unary(target: &Target) -> Outcome {
    success("the call", target.service()?.empty_call().await).map(drop)
}

pub(super) async fn large_unary(target: &Target) -> Outcome {
    large(&target.service()?).await
}

/// Makes a thousand calls at a time over one channel. The description has only a title for this case.
pub(super) async fn concurrent_large_unary(target: &Target) -> Outcome {
    let service = target.service()?;
    try_join_all((0..1000).map(|_| large(&service))).await?;
    Ok(())
}

async fn large(service: &Service) -> Outcome {
    let response = success("the call", service.unary_call(large_request()).await)?;
    zeros("the response", response.payload, LARGE_RESPONSE)
}

/// Makes as many calls as the other languages' clients.
pub(super) async fn pick_first_unary(target: &Target) -> Outcome {
    let service = target.service()?;
    let mut servers = BTreeSet::new();
    for _ in 0..100 {
        let request = SimpleRequest {
            response_size: 1,
            fill_server_id: true,
            ..SimpleRequest::default()
        };
        let response = success("the call", service.unary_call(request).await)?;
        if response.server_id.is_empty() {
            return Err(Failure::from("expected the name of the server, got none"));
        }
        servers.insert(response.server_id);
    }
    equal("the number of servers with calls", servers.len(), 1)
}

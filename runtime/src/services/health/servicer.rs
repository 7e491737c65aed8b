//! The statuses of a server, and the servicer that tells them.

use std::collections::BTreeMap;
use std::fmt;

use tokio::sync::watch;

use super::ServingStatus;
use super::v1::{
    HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse, HealthServicer,
    health_handler,
};
use crate::{Handlers, Result, ServicerContext, Status, Stream, stream};

/// Sets what a server says of its services. [`Server::add_health`](crate::Server::add_health) returns it; clones set the same.
///
/// The service `""` is the server as a whole, which is SERVING from the start. Every other service is unknown until its
/// status is set: `Check` answers NOT_FOUND, and `Watch` says SERVICE_UNKNOWN until there is one. gRPC Python's
/// `HealthServicer`.
#[derive(Clone)]
pub struct Health(watch::Sender<Statuses>);

#[derive(Debug)]
struct Statuses {
    by_service: BTreeMap<String, ServingStatus>,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Serving,
    /// Nothing is SERVING any more.
    ShuttingDown,
    /// And nothing follows.
    Stopped,
}

impl Health {
    /// Sets the status of a service, given by its full name as in `package.Service`, or of the server as a whole, given by
    /// `""`. Clients that watch it are told. After [`enter_graceful_shutdown`](Health::enter_graceful_shutdown) it does
    /// nothing.
    pub fn set(&self, service: impl Into<String>, status: ServingStatus) {
        self.0.send_if_modified(|statuses| {
            statuses.phase == Phase::Serving
                && statuses.by_service.insert(service.into(), status) != Some(status)
        });
    }

    /// Sets every status to NOT_SERVING for good, so that clients go elsewhere while the server still serves; to be called
    /// some time before [`Server::stop`](crate::Server::stop), which does the same and ends the watches too.
    pub fn enter_graceful_shutdown(&self) {
        self.advance(Phase::ShuttingDown);
    }

    pub(crate) fn new() -> Health {
        Health(watch::Sender::new(Statuses {
            by_service: BTreeMap::from([(String::new(), ServingStatus::Serving)]),
            phase: Phase::Serving,
        }))
    }

    pub(crate) fn handlers(&self) -> Handlers {
        health_handler(self.clone())
    }

    /// Everything is NOT_SERVING, and watches end: they would last as long as the grace of a stop.
    pub(crate) fn stop(&self) {
        self.advance(Phase::Stopped);
    }

    fn advance(&self, phase: Phase) {
        self.0.send_modify(|statuses| {
            statuses.phase = statuses.phase.max(phase);
            for status in statuses.by_service.values_mut() {
                *status = ServingStatus::NotServing;
            }
        });
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Health").field(&*self.0.borrow()).finish()
    }
}

impl HealthServicer for Health {
    async fn check(
        &self,
        request: HealthCheckRequest,
        _context: &ServicerContext,
    ) -> Result<HealthCheckResponse> {
        let status = self.0.borrow().by_service.get(&request.service).copied();
        let unknown = || Status::not_found(format!("unknown service {:?}", request.service));
        status.map(response).ok_or_else(unknown)
    }

    async fn list(
        &self,
        _request: HealthListRequest,
        _context: &ServicerContext,
    ) -> Result<HealthListResponse> {
        let statuses = self.0.borrow();
        let statuses = statuses.by_service.iter();
        Ok(HealthListResponse {
            statuses: statuses
                .map(|(service, status)| (service.clone(), response(*status)))
                .collect(),
        })
    }

    fn watch(
        &self,
        request: HealthCheckRequest,
        _context: &ServicerContext,
    ) -> impl Stream<Item = Result<HealthCheckResponse>> + Send {
        stream(async move |mut responses| {
            let mut changes = self.0.subscribe();
            let mut told = None;
            loop {
                let (status, phase) = {
                    let statuses = changes.borrow_and_update();
                    let status = statuses.by_service.get(&request.service).copied();
                    (
                        status.unwrap_or(ServingStatus::ServiceUnknown),
                        statuses.phase,
                    )
                };
                if told.replace(status) != Some(status) {
                    responses.send(response(status)).await;
                }
                if phase == Phase::Stopped {
                    return Err(Status::unavailable("the server is stopping"));
                }
                // The sender is here, in the servicer.
                drop(changes.changed().await);
            }
        })
    }
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse {
        status: status.into(),
    }
}

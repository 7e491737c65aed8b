//! The statuses of a server's services, and the servicer that reports them.

use std::collections::BTreeMap;
use std::fmt;

use tokio::sync::watch;

use super::ServingStatus;
use super::v1::{
    HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse, HealthServicer,
    health_handler,
};
use crate::{Handlers, Result, ServicerContext, Status, Stream, stream};

/// A handle that sets the statuses that a server reports for its services. [`Server::add_health`](crate::Server::add_health)
/// returns it. Clones share the statuses.
///
/// The name `""` stands for the server as a whole, whose status is SERVING from the start. Every other service has no status until
/// [`set`](Health::set) gives it one. Without a status, `Check` fails with NOT_FOUND, and `Watch` reports SERVICE_UNKNOWN. gRPC
/// Python's `HealthServicer`.
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
    /// All statuses are NOT_SERVING for good.
    ShuttingDown,
    /// Watches have ended too.
    Stopped,
}

impl Health {
    /// Sets the status of a service, or of the server as a whole. `service` is a full name, `package.Service`, or `""` for the
    /// server. Clients that watch the service are notified. Does nothing after
    /// [`enter_graceful_shutdown`](Health::enter_graceful_shutdown) or [`Server::stop`](crate::Server::stop).
    pub fn set(&self, service: impl Into<String>, status: ServingStatus) {
        self.0.send_if_modified(|statuses| {
            statuses.phase == Phase::Serving
                && statuses.by_service.insert(service.into(), status) != Some(status)
        });
    }

    /// Sets every status to NOT_SERVING for good. Clients then use other servers, while this server still accepts calls. Call this
    /// some time before [`Server::stop`](crate::Server::stop), which also sets the statuses, and ends the `Watch` calls of clients.
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

    /// Sets every status to NOT_SERVING and ends the watches, which would otherwise last for the whole grace of a stop.
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
            let mut last_sent = None;
            loop {
                let (status, phase) = {
                    let statuses = changes.borrow_and_update();
                    let status = statuses.by_service.get(&request.service).copied();
                    (
                        status.unwrap_or(ServingStatus::ServiceUnknown),
                        statuses.phase,
                    )
                };
                if last_sent.replace(status) != Some(status) {
                    responses.send(response(status)).await;
                }
                if phase == Phase::Stopped {
                    return Err(Status::unavailable("the server is stopping"));
                }
                // The sender is in `self`, so this does not fail.
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

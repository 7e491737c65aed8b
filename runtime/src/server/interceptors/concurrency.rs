//! An interceptor that limits the concurrent calls of each method.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::helpers::offload::Counted;
use crate::server::{ServerCall, ServerInterceptor};
use crate::{Result, Status};

/// Limits the number of concurrent calls of each method. Calls over the limit are not queued: they fail at once with
/// RESOURCE_EXHAUSTED. To limit the calls of all methods together, use
/// [`ServerBuilder::max_concurrent_rpcs`](crate::ServerBuilder::max_concurrent_rpcs).
///
/// ```
/// use stubwright::{Server, interceptors::MethodConcurrency};
///
/// let limit = MethodConcurrency::new(100).method("/files.Files/Index", 2);
/// let server = Server::builder().interceptor(limit).build();
/// # drop(server);
/// ```
#[derive(Clone, Debug)]
pub struct MethodConcurrency {
    limit: usize,
    limits: HashMap<String, usize>,
    /// The number of active calls of each method that has any.
    at_work: Arc<Mutex<HashMap<String, usize>>>,
}

impl MethodConcurrency {
    /// Creates an interceptor that limits each method to `calls` concurrent calls.
    pub fn new(calls: usize) -> MethodConcurrency {
        MethodConcurrency {
            limit: calls,
            limits: HashMap::new(),
            at_work: Arc::default(),
        }
    }

    /// Limits one method, `/package.Service/Method`, to `calls` concurrent calls, in place of the limit for all
    /// methods.
    #[must_use]
    pub fn method(mut self, method: impl Into<String>, calls: usize) -> MethodConcurrency {
        self.limits.insert(method.into(), calls);
        self
    }

    fn begin(&self, method: &str) -> Result<AtWork> {
        let limit = self.limits.get(method).copied().unwrap_or(self.limit);
        let mut at_work = calls(&self.at_work);
        let before = at_work.get(method).copied().unwrap_or_default();
        if before >= limit {
            return Err(Status::resource_exhausted(format!(
                "{method} already has its maximum of {limit} concurrent calls"
            )));
        }
        at_work.insert(method.to_owned(), before + 1);
        Ok(AtWork {
            method: method.to_owned(),
            at_work: Arc::clone(&self.at_work),
        })
    }
}

impl ServerInterceptor for MethodConcurrency {
    async fn intercept(&self, mut call: ServerCall) -> Result<()> {
        let at_work = self.begin(call.context().method())?;
        Counted::new(at_work, call.proceed()).await.result
    }
}

/// An active call. Dropping it ends the call.
struct AtWork {
    method: String,
    at_work: Arc<Mutex<HashMap<String, usize>>>,
}

impl Drop for AtWork {
    fn drop(&mut self) {
        let mut at_work = calls(&self.at_work);
        if let Some(count) = at_work.get_mut(&self.method) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                // Remove it: with a generic handler, clients can invent any number of names.
                at_work.remove(&self.method);
            }
        }
    }
}

fn calls(at_work: &Mutex<HashMap<String, usize>>) -> MutexGuard<'_, HashMap<String, usize>> {
    at_work.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_method_has_its_own_limit() {
        let limit = MethodConcurrency::new(2).method("/a.B/C", 1);
        let one = limit.begin("/a.B/C").unwrap();
        assert!(limit.begin("/a.B/C").is_err());
        let others = [
            limit.begin("/a.B/D").unwrap(),
            limit.begin("/a.B/D").unwrap(),
        ];
        assert!(limit.begin("/a.B/D").is_err());
        drop((one, others));
        assert!(calls(&limit.at_work).is_empty());
        assert!(limit.begin("/a.B/C").is_ok());
    }
}

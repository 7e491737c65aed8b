//! Options for the calls of single methods and services.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use super::interceptor::{ServerInterceptor, ServerInterceptors};
use super::response_compression::ResponseCompression;
use super::rules::Rules;

/// Options for the calls of one method or of one service. [`ServerBuilder::method_options`](crate::ServerBuilder::method_options)
/// takes them.
///
/// If an option is not set for a method, the option of its service applies. If it is not set for the service either, the option of
/// the server applies.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct MethodOptions {
    max_receive_message_length: Option<usize>,
    max_message_memory: Option<NonZeroUsize>,
    max_send_message_length: Option<usize>,
    timeout: Option<Duration>,
    compression: Option<ResponseCompression>,
    interceptors: ServerInterceptors,
}

impl MethodOptions {
    /// Creates options of which none is set.
    pub fn new() -> MethodOptions {
        MethodOptions::default()
    }

    /// Sets the maximum size of a request, in bytes, before and after decompression. A larger request ends its call with
    /// RESOURCE_EXHAUSTED. See [`ServerBuilder::max_receive_message_length`](crate::ServerBuilder::max_receive_message_length).
    pub fn max_receive_message_length(mut self, bytes: usize) -> MethodOptions {
        self.max_receive_message_length = Some(bytes);
        self
    }

    /// Sets the maximum memory of a decoded request, in bytes. A request that needs more ends its call with RESOURCE_EXHAUSTED. See
    /// [`ServerBuilder::max_message_memory`](crate::ServerBuilder::max_message_memory).
    pub fn max_message_memory(mut self, bytes: usize) -> MethodOptions {
        self.max_message_memory = Some(NonZeroUsize::new(bytes).unwrap_or(NonZeroUsize::MIN));
        self
    }

    /// Sets the maximum size of a response, in bytes, before compression. A larger response ends its call with
    /// RESOURCE_EXHAUSTED. See [`ServerBuilder::max_send_message_length`](crate::ServerBuilder::max_send_message_length).
    pub fn max_send_message_length(mut self, bytes: usize) -> MethodOptions {
        self.max_send_message_length = Some(bytes);
        self
    }

    /// Sets the maximum duration of a call, even if its client allows more. A call that takes longer ends with DEADLINE_EXCEEDED.
    /// See [`ServerBuilder::timeout`](crate::ServerBuilder::timeout).
    pub fn timeout(mut self, timeout: Duration) -> MethodOptions {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the compression of responses to clients that accept it. See
    /// [`ServerBuilder::compression`](crate::ServerBuilder::compression).
    pub fn compression(mut self, compression: impl Into<ResponseCompression>) -> MethodOptions {
        self.compression = Some(compression.into());
        self
    }

    /// Adds an interceptor around the handlers of the method or service. Interceptors that were added before it are outside of it.
    /// A call first passes the interceptors of the server, then those of the service, and then those of the method. Interceptors of
    /// a service also run for calls of methods that the service does not have.
    ///
    /// ```
    /// use stubwright::{MethodOptions, Server, ServerCall, Status};
    ///
    /// let administrators = |mut call: ServerCall| async move {
    ///     match call.metadata().get("role") {
    ///         Some("administrator") => call.proceed().await.result,
    ///         _ => Err(Status::permission_denied("only administrators may do this")),
    ///     }
    /// };
    /// let server = Server::builder()
    ///     .method_options("files.Administration", MethodOptions::new().interceptor(administrators))
    ///     .build();
    /// # drop(server);
    /// ```
    pub fn interceptor(mut self, interceptor: impl ServerInterceptor) -> MethodOptions {
        self.interceptors.push(interceptor);
        self
    }

    /// Returns the rules for these calls, in place of `rules` where an option is set.
    fn over(&self, mut rules: Rules) -> Rules {
        let MethodOptions {
            max_receive_message_length,
            max_message_memory,
            max_send_message_length,
            timeout,
            compression,
            // Interceptors are put around the handler when it is registered.
            interceptors: _,
        } = self;
        rules.limits.request = max_receive_message_length.unwrap_or(rules.limits.request);
        rules.limits.request_memory = max_message_memory.or(rules.limits.request_memory);
        rules.limits.response = max_send_message_length.unwrap_or(rules.limits.response);
        rules.timeout = timeout.or(rules.timeout);
        rules.compression = compression.unwrap_or(rules.compression);
        rules
    }
}

/// The options of methods and services by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct NamedOptions(BTreeMap<String, MethodOptions>);

impl NamedOptions {
    /// Sets the options of `package.Service`, or of `/package.Service/Method`, in which the first slash is optional.
    pub(crate) fn insert(&mut self, name: &str, options: MethodOptions) {
        let name = name.strip_prefix('/').unwrap_or(name);
        self.0.insert(name.to_owned(), options);
    }

    /// Returns the rules for the method `/package.Service/Method`: the server's, overridden by its service's options and then its
    /// own.
    pub(crate) fn rules(&self, path: &str, servers: Rules) -> Rules {
        self.of(path)
            .fold(servers, |rules, options| options.over(rules))
    }

    /// Returns the interceptors around the method `/package.Service/Method`: the server's, its service's and then its own.
    pub(crate) fn interceptors(
        &self,
        path: &str,
        servers: &ServerInterceptors,
    ) -> ServerInterceptors {
        self.of(path).fold(servers.clone(), |outer, options| {
            outer.with(&options.interceptors)
        })
    }

    /// Returns whether a method or a service has interceptors of its own.
    pub(crate) fn have_interceptors(&self) -> bool {
        self.0
            .values()
            .any(|options| !options.interceptors.is_empty())
    }

    /// Returns the options of a method's service, and then the method's own.
    fn of(&self, path: &str) -> impl Iterator<Item = &MethodOptions> {
        let method = path.strip_prefix('/').unwrap_or(path);
        let (service, _) = method.rsplit_once('/').unwrap_or((method, ""));
        [service, method]
            .into_iter()
            .filter_map(|name| self.0.get(name))
    }

    /// Returns the names that are neither a method nor a service of `paths`.
    pub(crate) fn unknown<'a>(&'a self, paths: &[&str]) -> Vec<&'a str> {
        let names = |name: &str, path: &str| {
            let method = path.strip_prefix('/').unwrap_or(path);
            method == name
                || method
                    .rsplit_once('/')
                    .is_some_and(|(service, _)| service == name)
        };
        let is_known = |name: &str| paths.iter().any(|path| names(name, path));
        self.0
            .keys()
            .map(String::as_str)
            .filter(|name| !is_known(name))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_before_its_service_and_that_before_the_server() {
        let mut named = NamedOptions::default();
        let options = MethodOptions::new().max_receive_message_length(1);
        named.insert("a.B", options.max_send_message_length(2));
        named.insert("/a.B/C", MethodOptions::new().max_receive_message_length(3));
        let limits = |path| {
            let limits = named.rules(path, Rules::default()).limits;
            (limits.request, limits.response)
        };
        assert_eq!(limits("/a.B/C"), (3, 2));
        assert_eq!(limits("/a.B/D"), (1, 2));
        assert_eq!(limits("/a.E/C"), (4 << 20, usize::MAX));
    }

    #[test]
    fn a_name_is_known_by_a_method_or_its_service() {
        let mut named = NamedOptions::default();
        for name in ["a.B", "/a.B/C", "a.B/C", "a.B/D", "a", "C", "/a.B"] {
            named.insert(name, MethodOptions::new());
        }
        assert_eq!(named.unknown(&["/a.B/C"]), ["C", "a", "a.B/D"]);
    }
}

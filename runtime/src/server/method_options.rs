//! What holds for the calls of a method: the server's options, and those of its service and its own in their place.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::Compression;
use crate::call::MessageLimits;

/// Options for the calls of one method or of one service, in the place of the server's:
/// [`ServerBuilder::method_options`](crate::ServerBuilder::method_options) takes them. What is not set is as the server, or
/// for a method its service, has it.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct MethodOptions {
    max_receive_message_length: Option<usize>,
    max_send_message_length: Option<usize>,
    timeout: Option<Duration>,
    compression: Option<Compression>,
}

impl MethodOptions {
    /// Options of which none is set.
    pub fn new() -> MethodOptions {
        MethodOptions::default()
    }

    /// The largest request that is taken from a client, in bytes, before and after decompression; a larger one ends its call
    /// with RESOURCE_EXHAUSTED. As [`ServerBuilder::max_receive_message_length`](crate::ServerBuilder::max_receive_message_length).
    pub fn max_receive_message_length(mut self, bytes: usize) -> MethodOptions {
        self.max_receive_message_length = Some(bytes);
        self
    }

    /// The largest response that is sent, in bytes, before compression; a larger one ends its call with RESOURCE_EXHAUSTED. As
    /// [`ServerBuilder::max_send_message_length`](crate::ServerBuilder::max_send_message_length).
    pub fn max_send_message_length(mut self, bytes: usize) -> MethodOptions {
        self.max_send_message_length = Some(bytes);
        self
    }

    /// The time that a call may take, whatever its client allows it; then it ends with DEADLINE_EXCEEDED. As
    /// [`ServerBuilder::timeout`](crate::ServerBuilder::timeout).
    pub fn timeout(mut self, timeout: Duration) -> MethodOptions {
        self.timeout = Some(timeout);
        self
    }

    /// How responses are compressed. As [`ServerBuilder::compression`](crate::ServerBuilder::compression).
    pub fn compression(mut self, compression: Compression) -> MethodOptions {
        self.compression = Some(compression);
        self
    }
}

/// What holds for the calls of a method.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) limits: MessageLimits,
    pub(crate) timeout: Option<Duration>,
    pub(crate) compression: Compression,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            limits: MessageLimits {
                request: crate::base::framing::MAX_RECEIVE_MESSAGE_LENGTH,
                response: usize::MAX,
            },
            timeout: None,
            compression: Compression::Identity,
        }
    }
}

impl Rules {
    /// When a call is over that begins now, and that its caller gives this time.
    #[inline]
    pub(crate) fn deadline(&self, now: Instant, callers: Option<Instant>) -> Option<Instant> {
        let Some(timeout) = self.timeout else {
            return callers;
        };
        // A time too far off for the clock is no deadline.
        let own = now.checked_add(timeout);
        callers.into_iter().chain(own).min()
    }

    fn with(mut self, options: &MethodOptions) -> Rules {
        let MethodOptions {
            max_receive_message_length,
            max_send_message_length,
            timeout,
            compression,
        } = options;
        self.limits.request = max_receive_message_length.unwrap_or(self.limits.request);
        self.limits.response = max_send_message_length.unwrap_or(self.limits.response);
        self.timeout = timeout.or(self.timeout);
        self.compression = compression.unwrap_or(self.compression);
        self
    }
}

/// The options of methods and services, by their names.
#[derive(Clone, Debug, Default)]
pub(crate) struct NamedOptions(BTreeMap<String, MethodOptions>);

impl NamedOptions {
    /// Sets the options of `package.Service`, or of `/package.Service/Method` with or without the first slash.
    pub(crate) fn insert(&mut self, name: &str, options: MethodOptions) {
        let name = name.strip_prefix('/').unwrap_or(name);
        self.0.insert(name.to_owned(), options);
    }

    /// What holds for the method `/package.Service/Method`: the server's rules, with its service's options and its own in
    /// their place.
    pub(crate) fn rules(&self, path: &str, servers: Rules) -> Rules {
        let method = path.strip_prefix('/').unwrap_or(path);
        let (service, _) = method.rsplit_once('/').unwrap_or((method, ""));
        [service, method]
            .into_iter()
            .filter_map(|name| self.0.get(name))
            .fold(servers, Rules::with)
    }

    /// The names that are those of no method and no service of `paths`.
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

    #[test]
    fn the_earlier_deadline_counts() {
        let now = Instant::now();
        let after = |seconds| Some(now + Duration::from_secs(seconds));
        let rules = |timeout| Rules {
            timeout,
            ..Rules::default()
        };
        let ten = rules(Some(Duration::from_secs(10)));
        assert_eq!(ten.deadline(now, None), after(10));
        assert_eq!(ten.deadline(now, after(5)), after(5));
        assert_eq!(ten.deadline(now, after(15)), after(10));
        assert_eq!(rules(None).deadline(now, after(15)), after(15));
        assert_eq!(rules(None).deadline(now, None), None);
        assert_eq!(rules(Some(Duration::MAX)).deadline(now, after(1)), after(1));
    }
}

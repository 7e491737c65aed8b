//! The defaults of a channel for its calls.

use super::interceptor::ClientInterceptors;
use super::options::Options;

/// The interceptors and options that a handle of a channel adds to the calls made through it.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallDefaults {
    pub(crate) interceptors: ClientInterceptors,
    /// The options of calls that don't set their own.
    pub(crate) options: Options,
}

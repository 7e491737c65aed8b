//! Pickers, which choose a server for each call.

use std::fmt;

use super::subchannel::ReadySubchannel;
use crate::call::CallDetails;
use crate::call::attributes::Attributes;
use crate::{Metadata, Status};

/// Chooses a server for each call. A [`Policy`](crate::balancing::Policy) gives the channel a new picker whenever something has
/// changed.
pub trait Picker: Send + Sync {
    /// Chooses a server for a call. The channel calls this method once for each attempt at a call. While the call waits, the
    /// channel calls it again after changes. The channel is locked meanwhile, so a picker must not block, and must not use the
    /// channel.
    fn pick(&self, call: &CallInfo<'_>) -> Pick;
}

/// The decision about a call. A decision is also a picker, which decides the same for all calls.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Pick {
    /// The call goes to this server. If all connections to it are full, the call waits.
    Subchannel(ReadySubchannel),
    /// The call waits until there is another picker.
    Queue,
    /// The call fails with this status. If `wait_for_ready` is set for the call, it waits until there is another picker instead.
    Fail(Status),
    /// The call fails with this status, even if `wait_for_ready` is set for the call, and is not retried.
    Drop(Status),
}

impl Picker for Pick {
    fn pick(&self, _call: &CallInfo<'_>) -> Pick {
        self.clone()
    }
}

/// A call for which a server is chosen.
#[derive(Clone, Copy)]
pub struct CallInfo<'a>(&'a CallDetails);

impl<'a> CallInfo<'a> {
    pub(crate) fn new(details: &'a CallDetails) -> CallInfo<'a> {
        CallInfo(details)
    }

    /// Returns the path of the method: `/package.Service/Method`.
    pub fn method(&self) -> &'a str {
        self.0.method()
    }

    /// Returns the metadata that is sent with the call.
    pub fn metadata(&self) -> &'a Metadata {
        &self.0.metadata
    }

    /// Returns the values that a [`ConfigSelector`](crate::ConfigSelector) has chosen for the call.
    pub fn attributes(&self) -> &'a Attributes {
        &self.0.attributes
    }
}

impl fmt::Debug for CallInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallInfo")
            .field("method", &self.method())
            .finish_non_exhaustive()
    }
}

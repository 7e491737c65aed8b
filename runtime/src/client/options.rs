//! The options of one call.

use std::time::{Duration, Instant};

use super::compress_if::CompressIf;
use crate::base::header::Header;
#[cfg(feature = "server")]
use crate::call::Propagation;
use crate::call::credentials::{Authorizer, CallCredentials};
use crate::{Compression, Metadata, Status};

/// What a call is made with, beside its messages.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallOptions {
    pub(crate) timeout: Option<Duration>,
    pub(crate) metadata: Metadata,
    pub(crate) authority: Option<Header>,
    pub(crate) credentials: Option<Authorizer>,
    /// In the place of the channel's, as what follows.
    pub(crate) wait_for_ready: Option<bool>,
    pub(crate) compression: Option<Compression>,
    /// Which requests are compressed; without it all are.
    pub(crate) compress_if: Option<CompressIf>,
    pub(crate) max_send_message_length: Option<usize>,
    pub(crate) max_receive_message_length: Option<usize>,
    /// What is taken over from the call within which this one is made.
    #[cfg(feature = "server")]
    pub(crate) propagation: Option<Box<Propagation>>,
    /// The first option that cannot be: the call fails with it when it is started.
    pub(crate) invalid: Option<Status>,
}

impl CallOptions {
    /// When a call that starts now is over.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        // A time too far off for the clock is no deadline.
        let own = self
            .timeout
            .and_then(|timeout| crate::base::clock::now().checked_add(timeout));
        #[cfg(feature = "server")]
        if let Some(propagation) = &self.propagation {
            return propagation.bound(own);
        }
        own
    }

    /// Takes what the channel says where the call says nothing.
    pub(crate) fn default_to(&mut self, defaults: &CallOptions) {
        self.timeout = self.timeout.or(defaults.timeout);
        self.metadata.default_to(&defaults.metadata);
        let own = self.authority.take();
        self.authority = own.or_else(|| defaults.authority.clone());
        if let Some(first) = defaults.credentials.clone() {
            self.credentials = Some(match self.credentials.take() {
                Some(own) => own.behind(Some(first)),
                None => first,
            });
        }
        self.wait_for_ready = self.wait_for_ready.or(defaults.wait_for_ready);
        self.compression = self.compression.or(defaults.compression);
        self.max_send_message_length = self
            .max_send_message_length
            .or(defaults.max_send_message_length);
        self.max_receive_message_length = self
            .max_receive_message_length
            .or(defaults.max_receive_message_length);
        if let Some(status) = &defaults.invalid {
            self.invalid(status.clone());
        }
    }

    pub(crate) fn add_credentials(&mut self, credentials: impl CallCredentials) {
        let credentials = Authorizer::new(credentials);
        self.credentials = Some(credentials.behind(self.credentials.take()));
    }

    pub(crate) fn add_metadata(&mut self, key: &str, value: &[u8]) {
        if let Err(error) = self.metadata.append(key, value) {
            self.invalid(Status::invalid_argument(error.to_string()).with_source(error));
        }
    }

    #[cfg(feature = "server")]
    pub(crate) fn propagate(&mut self, propagation: Propagation) {
        self.metadata.extend(propagation.pairs().clone());
        self.propagation = Some(Box::new(propagation));
    }

    pub(crate) fn set_authority(&mut self, authority: &str) {
        match crate::channel::resolve::target::authority(authority) {
            Ok(authority) => self.authority = Some(authority),
            Err(status) => self.invalid(status),
        }
    }

    fn invalid(&mut self, status: Status) {
        self.invalid.get_or_insert(status);
    }
}

/// The options that both kinds of calls have.
macro_rules! call_options {
    () => {
        /// The time that the whole call may take, from its start, in the place of the channel's default, which is as long as it
        /// takes. The server is told, and both sides end the call with DEADLINE_EXCEEDED when the time is over. A shorter one in
        /// the channel's service config counts. gRPC's `timeout`, or deadline.
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.options().timeout = Some(timeout);
            self
        }

        /// Adds a pair to the metadata that is sent with the call. The value of a key that ends in `-bin` may be any
        /// bytes, that of another key printable ASCII. A pair that cannot be sent fails the call with INVALID_ARGUMENT. By default there
        /// are the channel's pairs, none of which has a key that the call gives. gRPC's `metadata`.
        pub fn metadata(mut self, key: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
            self.options().add_metadata(key.as_ref(), value.as_ref());
            self
        }

        /// What the call proves itself with, behind what its channel has. It is sent only where others cannot read it: over a
        /// connection without encryption the call ends with UNAUTHENTICATED, unless the channel's credentials are
        /// [local](crate::ChannelCredentials::local). By default there are none. gRPC's `credentials`.
        pub fn credentials(mut self, credentials: impl crate::CallCredentials) -> Self {
            self.options().add_credentials(credentials);
            self
        }

        /// Whether the call waits while no server can be reached, until its deadline, in the place of the channel's default,
        /// which is `false`: the call fails at once with UNAVAILABLE and the cause. gRPC's `wait_for_ready`.
        pub fn wait_for_ready(mut self, wait_for_ready: bool) -> Self {
            self.options().wait_for_ready = Some(wait_for_ready);
            self
        }

        /// Makes the call a child of the one that a servicer serves: it ends with that call and has no more time, and the
        /// metadata goes with it that was chosen. Calls are independent of each other without it, but for one thing: what a
        /// servicer's method waits for is dropped with the method.
        #[cfg(feature = "server")]
        pub fn propagated(mut self, propagation: crate::Propagation) -> Self {
            self.options().propagate(propagation);
            self
        }

        /// The largest request that is sent, in bytes, before compression, in the place of the channel's limit, which is none
        /// by default. A larger one ends the call with RESOURCE_EXHAUSTED. gRPC's `grpc.max_send_message_length`.
        pub fn max_send_message_length(mut self, bytes: usize) -> Self {
            self.options().max_send_message_length = Some(bytes);
            self
        }

        /// The largest response that is taken, in bytes, before and after decompression, in the place of the channel's limit,
        /// which is 4 MiB by default. A larger one ends the call with RESOURCE_EXHAUSTED. gRPC's
        /// `grpc.max_receive_message_length`.
        pub fn max_receive_message_length(mut self, bytes: usize) -> Self {
            self.options().max_receive_message_length = Some(bytes);
            self
        }

        /// The host that the call is for, HTTP/2's `:authority`, in the place of the channel's: a proxy that routes by
        /// host finds the backend by it. Over TLS the server's certificate has to be for that host too, else the call fails
        /// with UNAVAILABLE. gRPC's per-call authority (gRFC A81).
        pub fn authority(mut self, authority: impl AsRef<str>) -> Self {
            self.options().set_authority(authority.as_ref());
            self
        }

        /// How the requests of this call are compressed, in the place of the channel's default, which is not at all. A server that
        /// cannot read it answers UNIMPLEMENTED. Responses come as the server chooses. Calls within this process compress nothing.
        /// gRPC's `compression`.
        pub fn compression(mut self, compression: crate::Compression) -> Self {
            self.options().compression = Some(compression);
            self
        }

        /// Which requests are compressed, if those of this call are: the others go as they are, as what is compressed already, or
        /// secret beside what an attacker chooses, had better. By default all are that become shorter. gRPC core's
        /// `GRPC_WRITE_NO_COMPRESS`; on the server's side it is
        /// `ServicerContext::disable_next_message_compression`.
        pub fn compress_if(
            mut self,
            wanted: impl Fn(&Req) -> bool + Send + Sync + 'static,
        ) -> Self {
            self.options().compress_if = Some(crate::client::CompressIf::new(wanted));
            self
        }
    };
}

pub(crate) use call_options;

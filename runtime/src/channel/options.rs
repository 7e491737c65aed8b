//! What all calls and connections of a channel share.

use std::time::Duration;

use super::balance::load_balancing::LoadBalancing;
use super::connect::backoff::BackoffConfig;
use super::connect::connector::Connector;
use super::resolve::service_config::ServiceConfig;
use crate::base::header::Header;
use crate::transport::{KeepaliveConfig, LifetimeConfig, UpkeepConfig};
use crate::{Compression, http2};

/// What all calls and connections of a channel share.
#[derive(Clone, Debug)]
pub(crate) struct ChannelOptions {
    pub(crate) user_agent: Header,
    pub(crate) max_send_message_length: usize,
    pub(crate) service_config: Option<ServiceConfig>,
    pub(crate) per_rpc_retry_buffer_size: usize,
    pub(crate) retry_buffer_size: usize,
    pub(crate) load_balancing: LoadBalancing,
    pub(crate) max_connections_per_subchannel: usize,
    pub(crate) wait_for_ready: bool,
    pub(crate) max_receive_message_length: usize,
    pub(crate) compression: Compression,
    pub(crate) connector: Connector,
    /// How long an attempt to connect may take.
    pub(crate) min_connect_timeout: Duration,
    pub(crate) backoff: BackoffConfig,
    pub(crate) http2: http2::Config,
    pub(crate) upkeep: UpkeepConfig,
}

impl Default for ChannelOptions {
    fn default() -> ChannelOptions {
        ChannelOptions {
            user_agent: Header::from_static("user-agent", LIBRARY),
            max_send_message_length: usize::MAX,
            service_config: None,
            per_rpc_retry_buffer_size: PER_RPC_RETRY_BUFFER,
            retry_buffer_size: 1 << 20,
            load_balancing: LoadBalancing::default(),
            max_connections_per_subchannel: 4,
            wait_for_ready: false,
            max_receive_message_length: crate::base::framing::MAX_RECEIVE_MESSAGE_LENGTH,
            compression: Compression::Identity,
            connector: Connector::default(),
            min_connect_timeout: Duration::from_secs(20),
            backoff: BackoffConfig::default(),
            http2: http2::Config::default(),
            upkeep: UpkeepConfig {
                keepalive: KeepaliveConfig {
                    time: None,
                    timeout: Duration::from_secs(20),
                    without_calls: false,
                },
                lifetime: LifetimeConfig {
                    max_idle: Some(Duration::from_secs(30 * 60)),
                    ..LifetimeConfig::default()
                },
                write_timeout: Duration::from_secs(20),
            },
        }
    }
}

impl ChannelOptions {
    /// How long the channel keeps up what nobody wants; `None` for ever.
    pub(crate) fn idle_timeout(&self) -> Option<Duration> {
        // A connection knows best when its last call has ended.
        self.upkeep.lifetime.max_idle
    }
}

/// How much of its request a call keeps unless an option says otherwise, in bytes.
pub(crate) const PER_RPC_RETRY_BUFFER: usize = 256 << 10;

/// What servers are told of the library.
pub(crate) const LIBRARY: &str = concat!("grpc-rust-stubwright/", env!("CARGO_PKG_VERSION"));

//! The options of a channel's connections.

use std::sync::Arc;
use std::time::Duration;

use super::balance::load_balancing::LoadBalancing;
use super::connect::connector::Connector;
use super::resolve::service_config::ServiceConfig;
use crate::base::backoff::BackoffConfig;
use crate::base::header::Header;
use crate::call::retry_buffer::Budget;
use crate::http2;
use crate::transport::{KeepaliveConfig, LifetimeConfig, UpkeepConfig};

/// The flow-control window of a connection: the bytes of DATA that may be in transit to a client, for all its calls together. A
/// server's default is smaller, because a small call must wait behind the data in transit of large ones. On a client all calls
/// are the program's own. With half of this window, echoes of a megabyte took a quarter longer.
const CONNECTION_WINDOW: u32 = 4 << 20;

/// The options of a channel's connections.
#[derive(Clone, Debug)]
pub(crate) struct ChannelOptions {
    pub(crate) user_agent: Header,
    pub(crate) service_config: Option<ServiceConfig>,
    /// The limits of retry buffers.
    pub(crate) retry_buffer: Arc<Budget>,
    pub(crate) load_balancing: LoadBalancing,
    pub(crate) max_connections_per_subchannel: usize,
    pub(crate) connector: Connector,
    /// The timeout of an attempt to connect.
    pub(crate) min_connect_timeout: Duration,
    pub(crate) backoff: BackoffConfig,
    pub(crate) http2: http2::Config,
    pub(crate) upkeep: UpkeepConfig,
}

impl Default for ChannelOptions {
    fn default() -> ChannelOptions {
        ChannelOptions {
            user_agent: Header::from_static("user-agent", LIBRARY),
            service_config: None,
            retry_buffer: Arc::default(),
            load_balancing: LoadBalancing::default(),
            max_connections_per_subchannel: 4,
            connector: Connector::default(),
            min_connect_timeout: Duration::from_secs(20),
            backoff: BackoffConfig::default(),
            http2: http2::Config {
                connection_window: CONNECTION_WINDOW,
                ..http2::Config::default()
            },
            upkeep: UpkeepConfig {
                keepalive: KeepaliveConfig {
                    time: None,
                    timeout: Duration::from_secs(20),
                    without_calls: false,
                },
                tcp_keepalive: None,
                lifetime: LifetimeConfig {
                    max_idle: Some(Duration::from_secs(30 * 60)),
                    ..LifetimeConfig::default()
                },
                write_timeout: Duration::from_secs(20),
            },
        }
    }
}

/// The part of the `user-agent` that names this library.
pub(crate) const LIBRARY: &str = concat!("grpc-rust-stubwright/", env!("CARGO_PKG_VERSION"));

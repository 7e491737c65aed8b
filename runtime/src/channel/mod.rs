//! The channel below the calls: it turns a target into connections, and finds a connection for each call. Nothing here
//! knows about messages, the options of calls or interceptors.

pub(crate) mod balance;
pub(crate) mod config;
pub(crate) mod connect;
pub(crate) mod core;
pub(crate) mod event;
pub(crate) mod manager;
pub(crate) mod options;
pub(crate) mod resolve;
pub(crate) mod subchannels;
pub(crate) mod waiting;

pub use self::balance::load_balancing::LoadBalancing;
pub use self::connect::credentials::ChannelCredentials;
pub use self::resolve::address::{Address, Locality};
pub use self::resolve::resolver::{
    CallConfig, ConfigSelector, Resolution, Resolver, ResolverFuture,
};
pub use self::resolve::service_config::ServiceConfig;

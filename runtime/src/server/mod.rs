//! The server: contexts of calls, dispatch and execution of handlers, and the connections that calls arrive on.

mod admission;
mod by_name;
mod connection;
mod connections;
mod context;
mod credentials;
mod dispatch;
mod generic;
mod handlers;
#[cfg(feature = "client")]
mod in_process;
mod inline_polling;
mod interceptor;
pub mod interceptors;
mod listener;
mod method_options;
mod options;
mod path_hash;
mod port_error;
mod ports;
mod request_stream;
mod response_compression;
mod responses;
mod rules;
#[allow(
    clippy::module_inception,
    reason = "the file is named for its type, as the others are"
)]
mod server;
mod servicer_call;
mod slots;
mod start;
mod task;
#[cfg(unix)]
mod unix;

pub use context::ServicerContext;
pub use credentials::ServerCredentials;
pub use generic::GenericHandler;
pub use handlers::{Handlers, HandlersBuilder};
pub use inline_polling::InlinePolling;
pub use interceptor::{ServerCall, ServerInterceptor};
pub use listener::Listener;
pub use method_options::MethodOptions;
pub use options::ServerBuilder;
pub use port_error::PortError;
pub use request_stream::RequestStream;
pub use response_compression::ResponseCompression;
pub use server::Server;
pub use servicer_call::ServicerCall;
pub use start::HandlerFuture;

pub(crate) use dispatch::MethodTable;
#[cfg(feature = "client")]
pub(crate) use in_process::InProcessCalls;
pub(crate) use rules::Rules;
pub(crate) use task::{HandlerTask, Running};

//! The server under test, as the flags of the client describe it.

use std::fs;
use std::pin::Pin;
use std::result::Result;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use stubwright::{Channel, ChannelBuilder, ChannelCredentials, ServiceConfig};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::Failure;
use super::service::Service;
use super::soak::Soak;
use crate::interop::Flags;

/// Names of all flags of the other languages' clients. Flags for accounts in the cloud are accepted and ignored.
pub const FLAGS: &[&str] = &[
    "server_host",
    "server_port",
    "server_host_override",
    "test_case",
    "use_tls",
    "use_test_ca",
    "ca_file",
    "additional_metadata",
    "service_config_json",
    "soak_iterations",
    "soak_max_failures",
    "soak_per_iteration_max_acceptable_latency_ms",
    "soak_overall_timeout_seconds",
    "soak_min_time_ms_between_rpcs",
    "soak_request_size",
    "soak_response_size",
    "soak_num_threads",
    "default_service_account",
    "oauth_scope",
    "service_account_key_file",
];

/// A server under test, and how to connect to it.
#[derive(Debug)]
pub struct Target {
    address: String,
    /// Overrides the server's name in `:authority` and TLS.
    host: Option<String>,
    credentials: Option<ChannelCredentials>,
    service_config: Option<ServiceConfig>,
    metadata: Vec<(String, String)>,
    pub(super) soak: Soak,
}

impl Target {
    /// Reads the flags.
    ///
    /// # Errors
    /// Returns an error if a flag has an invalid value or a file cannot be read.
    pub fn from_flags(flags: &Flags) -> Result<Target, Failure> {
        let port: u16 = number(flags, "server_port", 8080)?;
        let host = flags.get("server_host").unwrap_or("localhost");
        let config = flags.get("service_config_json");
        Ok(Target {
            address: format!("{host}:{port}"),
            host: flags.get("server_host_override").map(str::to_owned),
            credentials: credentials(flags)?,
            service_config: config.map(ServiceConfig::from_json).transpose()?,
            metadata: metadata(flags.get("additional_metadata").unwrap_or_default())?,
            soak: Soak::from_flags(flags)?,
        })
    }

    /// Returns the service over a channel of its own.
    pub(super) fn service(&self) -> Result<Service, Failure> {
        self.connect(Channel::builder())
    }

    /// Returns the service, and a counter of the bytes received from it.
    pub(super) fn counted_service(&self) -> Result<(Service, Received), Failure> {
        let received = Received::default();
        let counter = received.clone();
        let builder = Channel::builder().connector(move |address| {
            let received = counter.clone();
            async move {
                let socket = TcpStream::connect(address).await?;
                Ok(Counted { socket, received })
            }
        });
        Ok((self.connect(builder)?, received))
    }

    fn connect(&self, mut builder: ChannelBuilder) -> Result<Service, Failure> {
        if let Some(config) = &self.service_config {
            builder = builder.service_config(config.clone());
        }
        let channel = match (&self.credentials, &self.host) {
            (Some(credentials), _) => builder.build_secure(&self.address, credentials.clone())?,
            (None, Some(host)) => builder.authority(host).build_insecure(&self.address)?,
            (None, None) => builder.build_insecure(&self.address)?,
        };
        Ok(Service::new(channel, self.metadata.clone()))
    }
}

/// Returns the value of a flag that is a number.
pub(super) fn number<T: FromStr>(flags: &Flags, name: &str, default: T) -> Result<T, Failure> {
    let Some(value) = flags.get(name) else {
        return Ok(default);
    };
    value
        .parse()
        .map_err(|_| format!("--{name} must be a number, not {value:?}").into())
}

fn credentials(flags: &Flags) -> Result<Option<ChannelCredentials>, Failure> {
    if !flags.is_set("use_tls")? {
        return Ok(None);
    }
    let mut credentials = ChannelCredentials::tls();
    match (flags.is_set("use_test_ca")?, flags.get("ca_file")) {
        (false, None) => {}
        (true, None) => {
            return Err("--use_test_ca needs --ca_file, the authority's certificate".into());
        }
        (_, Some(file)) => {
            let pem = fs::read(file).map_err(|error| format!("{file}: {error}"))?;
            credentials = credentials.root_certificates(pem)?;
        }
    }
    if let Some(host) = flags.get("server_host_override") {
        credentials = credentials.server_name(host);
    }
    Ok(Some(credentials))
}

/// Parses `key:value;key:value`.
fn metadata(text: &str) -> Result<Vec<(String, String)>, Failure> {
    let pairs = text.split(';').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| match pair.split_once(':') {
            Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
            None => Err(
                format!("--additional_metadata must be key:value;key:value, not {pair:?}").into(),
            ),
        })
        .collect()
}

/// Counts received bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Received(Arc<AtomicU64>);

impl Received {
    /// Returns the number of bytes received since the last call.
    pub(super) fn take(&self) -> u64 {
        self.0.swap(0, Ordering::Relaxed)
    }
}

/// A socket that counts the bytes that it reads.
struct Counted {
    socket: TcpStream,
    received: Received,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(context, buffer))?;
        let read = buffer.filled().len() - before;
        self.received.0.fetch_add(read as u64, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, buffer)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(line: &str) -> Result<Target, String> {
        let arguments = line.split_whitespace().map(str::to_owned);
        let flags = Flags::parse(arguments, FLAGS)?;
        Target::from_flags(&flags).map_err(|failure| failure.to_string())
    }

    #[test]
    fn flags_describe_the_server() {
        assert_eq!(target("").unwrap().address, "localhost:8080");
        let line = "--server_host=127.0.0.1 --server_port=5 --server_host_override=a.test \
                    --additional_metadata=one:1;two:a:b --default_service_account=nobody";
        let target = target(line).unwrap();
        assert_eq!(target.address, "127.0.0.1:5");
        assert_eq!(target.host.as_deref(), Some("a.test"));
        let pairs = [("one", "1"), ("two", "a:b")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(target.metadata, pairs);
        assert!(target.credentials.is_none());
    }

    #[test]
    fn invalid_flags_are_named() {
        for (line, words) in [
            ("--server_port=http", "--server_port must be a number"),
            ("--use_tls --use_test_ca", "--ca_file"),
            ("--use_tls --ca_file=/no/such", "/no/such: "),
            ("--additional_metadata=a", "key:value"),
            ("--service_config_json={\"x\":}", "service config: "),
            ("--soak_iterations=0", "--soak_iterations"),
        ] {
            let failure = target(line).unwrap_err();
            assert!(failure.contains(words), "{line}: {failure}");
        }
    }
}

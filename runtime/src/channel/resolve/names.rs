//! From a name to addresses.

use std::fmt;
use std::future::{Future, pending};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use tokio::net::lookup_host;

use crate::Result;
use crate::channel::connect::address::Address;

/// Finds the addresses of a channel's servers: for [`ChannelBuilder::resolver`](crate::ChannelBuilder::resolver). gRPC's
/// "name resolver".
///
/// ```
/// use stubwright::{Resolver, Result};
///
/// /// Servers that a file lists, one `host:port` a line.
/// struct Listed(&'static str);
///
/// impl Resolver for Listed {
///     async fn resolve(&self) -> Result<Vec<String>> {
///         let list = std::fs::read_to_string(self.0).map_err(|error| {
///             stubwright::Status::unavailable(error.to_string())
///         })?;
///         Ok(list.lines().map(str::to_owned).collect())
///     }
/// }
/// ```
pub trait Resolver: Send + Sync + 'static {
    /// The addresses as they are now, the best first, each `host:port`, `unix:path` or `unix-abstract:name`. Asked when the channel begins to
    /// connect, and again when a connection is lost or cannot be made. An error is the cause that calls fail with, by
    /// UNAVAILABLE, unless addresses are known from before; it is then tried again, with gRPC's back-off. No address at all
    /// is an error too.
    fn resolve(&self) -> impl Future<Output = Result<Vec<String>>> + Send;

    /// Ready when the addresses have changed and [`Resolver::resolve`] is to be asked again; the default never is. Waited for
    /// once at a time, after each answer.
    fn changed(&self) -> impl Future<Output = ()> + Send {
        pending()
    }
}

/// A resolver of whatever type.
pub(crate) trait AnyResolver: Send + Sync {
    fn resolve(&self) -> Boxed<'_, Result<Vec<String>>>;

    fn changed(&self) -> Boxed<'_, ()>;
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl<R: Resolver> AnyResolver for R {
    fn resolve(&self) -> Boxed<'_, Result<Vec<String>>> {
        Box::pin(Resolver::resolve(self))
    }

    fn changed(&self) -> Boxed<'_, ()> {
        Box::pin(Resolver::changed(self))
    }
}

/// Where the addresses of a channel come from.
#[derive(Clone)]
pub(crate) enum Names {
    /// They are known.
    Known(Arc<[Address]>),
    /// The system finds them: `host:port`.
    Dns(Arc<str>),
    /// The user finds them.
    Custom(Arc<dyn AnyResolver>),
}

impl Names {
    /// The addresses as they are now; an error says why there are none.
    pub(crate) async fn resolve(&self) -> Result<Arc<[Address]>, String> {
        let addresses = match self {
            Names::Known(addresses) => return Ok(Arc::clone(addresses)),
            Names::Dns(name) => {
                let found = lookup_host(&**name)
                    .await
                    .map_err(|error| error.to_string())?;
                let texts = interleave(found.collect());
                texts
                    .iter()
                    .map(|address| Address::from(*address))
                    .collect()
            }
            Names::Custom(resolver) => {
                let found = resolver
                    .resolve()
                    .await
                    .map_err(|status| status.message().to_owned())?;
                let read = |address: &String| {
                    Address::parse(address).map_err(|why| format!("address {address:?}: {why}"))
                };
                found.iter().map(read).collect::<Result<Arc<[_]>, _>>()?
            }
        };
        if addresses.is_empty() {
            return Err("there is no address".to_owned());
        }
        Ok(addresses)
    }

    /// Ready when the addresses are to be resolved again, whatever comes of those that are known.
    pub(crate) async fn changed(&self) {
        match self {
            Names::Known(_) | Names::Dns(_) => pending().await,
            Names::Custom(resolver) => resolver.changed().await,
        }
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Names::Known(addresses) => f.debug_tuple("Known").field(addresses).finish(),
            Names::Dns(name) => f.debug_tuple("Dns").field(name).finish(),
            Names::Custom(_) => f.write_str("Custom"),
        }
    }
}

/// Lets the families of addresses alternate, beginning with that of the first (RFC 8305, 4).
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (one, other): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == first);
    let mut other = other.into_iter();
    let mut mixed = Vec::new();
    for address in one {
        mixed.push(address);
        mixed.extend(other.next());
    }
    mixed.extend(other);
    mixed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_alternate() {
        let read = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let found = read(&["[::1]:1", "[::2]:1", "[::3]:1", "10.0.0.1:1", "10.0.0.2:1"]);
        let mixed = read(&["[::1]:1", "10.0.0.1:1", "[::2]:1", "10.0.0.2:1", "[::3]:1"]);
        assert_eq!(interleave(found), mixed);
        let found = read(&["10.0.0.1:1", "[::1]:1", "[::2]:1"]);
        assert_eq!(interleave(found.clone()), found);
        assert!(interleave(Vec::new()).is_empty());
    }
}

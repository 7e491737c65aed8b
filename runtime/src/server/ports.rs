//! Binding of several addresses of this machine on one port.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;

use crate::base::log;

/// The number of free ports that are tried if a port is free on one address but not on another.
const TRIES: usize = 16;

/// Binds all of these addresses that can be bound, on one port, and logs the others. Port 0 means a port that is free on all of
/// them. Fails if no address can be bound.
pub(super) async fn bind(addresses: &[SocketAddr]) -> io::Result<Vec<TcpListener>> {
    bind_by(addresses, bind_one).await
}

/// Binds addresses like [`bind`]. The argument `bind` binds one address, and returns the listener and its port.
async fn bind_by<L>(
    addresses: &[SocketAddr],
    bind: impl AsyncFn(SocketAddr) -> io::Result<(L, u16)>,
) -> io::Result<Vec<L>> {
    let takes_any = addresses.iter().any(|address| address.port() == 0);
    // Keep them, so that the system does not offer the same ports again.
    let mut tried = Vec::new();
    for _ in 1..TRIES {
        let bound = Bound::new(addresses, &bind).await;
        if !takes_any || !bound.is_in_use_elsewhere() {
            return bound.finish();
        }
        tried.push(bound);
    }
    Bound::new(addresses, &bind).await.finish()
}

/// The result of binding several addresses.
struct Bound<L> {
    listeners: Vec<L>,
    failed: Vec<(SocketAddr, io::Error)>,
}

impl<L> Bound<L> {
    /// Binds each address once. If the port is 0, all use the port of the first.
    async fn new(
        addresses: &[SocketAddr],
        bind: &impl AsyncFn(SocketAddr) -> io::Result<(L, u16)>,
    ) -> Bound<L> {
        let mut bound = Bound {
            listeners: Vec::new(),
            failed: Vec::new(),
        };
        let mut common = None;
        for (place, &address) in addresses.iter().enumerate() {
            if addresses.iter().take(place).any(|other| *other == address) {
                continue;
            }
            let mut address = address;
            if let (0, Some(port)) = (address.port(), common) {
                address.set_port(port);
            }
            match bind(address).await {
                Ok((listener, port)) => {
                    common.get_or_insert(port);
                    bound.listeners.push(listener);
                }
                Err(error) => bound.failed.push((address, error)),
            }
        }
        bound
    }

    /// Returns whether the port of one address is in use on another.
    fn is_in_use_elsewhere(&self) -> bool {
        let is_in_use = |(_, error): &(_, io::Error)| error.kind() == io::ErrorKind::AddrInUse;
        !self.listeners.is_empty() && self.failed.iter().any(is_in_use)
    }

    /// Returns the listeners, if there are any. One is enough, as in other gRPC servers: a name may have an address of a family
    /// that this machine does not support.
    fn finish(mut self) -> io::Result<Vec<L>> {
        if self.listeners.is_empty() {
            return Err(match self.failed.pop() {
                Some((_, error)) => error,
                None => io::Error::new(io::ErrorKind::NotFound, "there is no address to bind"),
            });
        }
        for (address, error) in &self.failed {
            log::not_bound(address, error);
        }
        Ok(self.listeners)
    }
}

/// Binds one address. On a machine without IPv6, `[::]` becomes `0.0.0.0`.
async fn bind_one(address: SocketAddr) -> io::Result<(TcpListener, u16)> {
    let listener = match TcpListener::bind(address).await {
        Err(error) if is_without_ipv6(address, &error) => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await?
        }
        bound => bound?,
    };
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}

fn is_without_ipv6(address: SocketAddr, error: &io::Error) -> bool {
    let is_of_the_port = matches!(
        error.kind(),
        io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied
    );
    address.ip() == Ipv6Addr::UNSPECIFIED && !is_of_the_port
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn block_on(future: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(future);
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    /// A system that offers the ports 1, 2, 3 and so on, some of which are in use on the second address.
    async fn simulated(used: &[u16], addresses: &[SocketAddr]) -> io::Result<Vec<SocketAddr>> {
        let offered = Cell::new(0);
        let bind = async |mut address: SocketAddr| {
            if address.port() == 0 {
                offered.set(offered.get() + 1);
                address.set_port(offered.get());
            }
            let is_used = address.ip() == SECOND && used.contains(&address.port());
            let is_foreign = !address.ip().is_loopback();
            match (is_used, is_foreign) {
                (true, _) => Err(io::ErrorKind::AddrInUse.into()),
                (_, true) => Err(io::ErrorKind::AddrNotAvailable.into()),
                _ => Ok((address, address.port())),
            }
        };
        bind_by(addresses, bind).await
    }

    const SECOND: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

    #[test]
    fn row_79_a_free_port_is_free_on_all_addresses() {
        block_on(async {
            let both = [address("127.0.0.1:0"), address("127.0.0.2:0")];
            let bound = simulated(&[1, 2, 3], &both).await.unwrap();
            assert_eq!(bound, [address("127.0.0.1:4"), address("127.0.0.2:4")]);
            // A given port is bound where it is free. So is port 0 if no port is free on both.
            let fixed = [address("127.0.0.1:2"), address("127.0.0.2:2")];
            assert_eq!(simulated(&[2], &fixed).await.unwrap(), fixed[..1]);
            let used: Vec<u16> = (1..1000).collect();
            assert_eq!(simulated(&used, &both).await.unwrap().len(), 1);
        });
    }

    #[test]
    fn row_79_one_address_is_enough_and_none_is_an_error() {
        block_on(async {
            let foreign = address("192.0.2.1:0");
            let addresses = [foreign, address("127.0.0.1:0"), address("127.0.0.1:0")];
            let bound = simulated(&[], &addresses).await.unwrap();
            // Port 1 was offered to the foreign address.
            assert_eq!(bound, [address("127.0.0.1:2")]);
            let error = simulated(&[], &[foreign]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
            let error = simulated(&[], &[]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::NotFound);
        });
    }

    #[test]
    fn row_79_sockets_are_bound_on_one_port() {
        block_on(async {
            let both = [address("127.0.0.1:0"), address("127.0.0.2:0")];
            let bound = bind(&both).await.unwrap();
            let addresses = bound.iter().map(|one| one.local_addr().unwrap());
            let addresses: Vec<_> = addresses.collect();
            let port = addresses[0].port();
            assert!(port > 0);
            assert_eq!(addresses, both.map(|one| SocketAddr::new(one.ip(), port)));
        });
    }

    #[test]
    fn without_ipv6_there_is_ipv4() {
        let unsupported = io::Error::from(io::ErrorKind::Unsupported);
        let in_use = io::Error::from(io::ErrorKind::AddrInUse);
        assert!(is_without_ipv6(address("[::]:1"), &unsupported));
        assert!(!is_without_ipv6(address("[::]:1"), &in_use));
        assert!(!is_without_ipv6(address("[::1]:1"), &unsupported));
    }
}

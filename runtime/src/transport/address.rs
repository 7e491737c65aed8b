//! Addresses in the form `host:port`. Some parts may be left out, as gRPC allows.
//!
//! Channels' targets, the addresses of a resolver, and the addresses that a server binds are all parsed here.

#[cfg(feature = "client")]
use std::borrow::Cow;
use std::io;
#[cfg(feature = "client")]
use std::net::IpAddr;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};

use tokio::net::lookup_host;

/// A host and an optional port. The host is a name, an IPv4 address, or an IPv6 address with an optional zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HostPort<'a> {
    /// The host, without brackets and zone.
    host: &'a str,
    /// The network interface of an IPv6 address, by its name or its number (RFC 4007, 11).
    zone: Option<&'a str>,
    port: Option<u16>,
}

impl<'a> HostPort<'a> {
    /// Parses `host`, `host:port`, `[ipv6]`, `[ipv6]:port` or a plain IPv6 address.
    ///
    /// # Errors
    /// Returns a text that explains what is wrong, if the text has none of these forms.
    pub(crate) fn parse(text: &'a str) -> Result<HostPort<'a>, String> {
        if let Some((scheme, rest)) = text.split_once("://") {
            return Err(wrong_scheme(scheme, rest));
        }
        if let Some(inner) = text.strip_prefix('[') {
            let (address, rest) = inner
                .split_once(']')
                .ok_or("the closing ] of an IPv6 address is missing")?;
            let port = match rest.strip_prefix(':') {
                Some(port) => Some(port_number(port)?),
                None if rest.is_empty() => None,
                None => return Err("only :port may follow the brackets".to_owned()),
            };
            return HostPort::of_ipv6(address, port)
                .ok_or_else(|| format!("{address:?} in brackets is not an IPv6 address"));
        }
        if text.matches(':').count() > 1 {
            return HostPort::of_ipv6(text, None).ok_or_else(|| {
                "an IPv6 address with a port must be in brackets, and other schemes are unknown"
                    .to_owned()
            });
        }
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, Some(port_number(port)?)),
            None => (text, None),
        };
        if host.is_empty() {
            return Err("the host is missing".to_owned());
        }
        Ok(HostPort {
            host,
            zone: None,
            port,
        })
    }

    /// Returns whether the address has a port.
    #[cfg(feature = "server")]
    pub(crate) fn has_port(&self) -> bool {
        self.port.is_some()
    }

    /// Returns the host as an IP address, or `None` if it is a name.
    #[cfg(feature = "client")]
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// Returns the address as an authority (RFC 9113, 8.3.1). It has a port only if one was given. It has no zone, because zones
    /// only have a meaning on this machine (RFC 6874, 4).
    #[cfg(feature = "client")]
    pub(crate) fn authority(&self) -> String {
        let host = self.bracketed(false);
        match self.port {
            Some(port) => format!("{host}:{port}"),
            None => host.into_owned(),
        }
    }

    /// Returns the address with a port, which is `default` if none was given.
    #[cfg(feature = "client")]
    pub(crate) fn with_port(&self, default: u16) -> String {
        format!("{}:{}", self.bracketed(true), self.port.unwrap_or(default))
    }

    /// Resolves the host by the system's resolver. Returns its addresses, best first, with port 0 if none was given.
    pub(crate) async fn look_up(&self) -> io::Result<Vec<SocketAddr>> {
        let port = self.port.unwrap_or_default();
        if let (Ok(address), Some(zone)) = (self.host.parse::<Ipv6Addr>(), self.zone) {
            let scope = scope_id(zone).await?;
            return Ok(vec![SocketAddrV6::new(address, port, 0, scope).into()]);
        }
        Ok(lookup_host((self.host, port)).await?.collect())
    }

    fn of_ipv6(text: &'a str, port: Option<u16>) -> Option<HostPort<'a>> {
        let (host, zone) = match text.split_once('%') {
            // In a URI the percent sign is encoded (RFC 6874, 2).
            Some((host, zone)) => match zone.strip_prefix("25") {
                Some(decoded) if !decoded.is_empty() => (host, Some(decoded)),
                _ => (host, Some(zone)),
            },
            None => (text, None),
        };
        let is_zone =
            |zone: &str| !zone.is_empty() && zone.bytes().all(|byte| byte.is_ascii_graphic());
        let is_good = host.parse::<Ipv6Addr>().is_ok() && zone.is_none_or(is_zone);
        is_good.then_some(HostPort { host, zone, port })
    }

    #[cfg(feature = "client")]
    fn bracketed(&self, with_zone: bool) -> Cow<'a, str> {
        match self.zone {
            Some(zone) if with_zone => Cow::Owned(format!("[{}%{zone}]", self.host)),
            _ if self.host.contains(':') => Cow::Owned(format!("[{}]", self.host)),
            _ => Cow::Borrowed(self.host),
        }
    }
}

fn port_number(port: &str) -> Result<u16, String> {
    let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let number = is_number.then(|| port.parse().ok()).flatten();
    number.ok_or_else(|| "the port is not a number up to 65535".to_owned())
}

/// Explains what to write instead of a URL.
fn wrong_scheme(scheme: &str, rest: &str) -> String {
    let host = rest.split('/').next().unwrap_or_default();
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "grpc" => format!("leave out {scheme}:// and write only {host}"),
        "https" | "grpcs" => format!(
            "leave out {scheme}:// and write only {host}: credentials decide whether connections use TLS, not the \
             address"
        ),
        _ => format!("unknown scheme {scheme}"),
    }
}

/// Returns the number of a zone (RFC 4007, 6), which is usually given as the name of a network interface.
async fn scope_id(zone: &str) -> io::Result<u32> {
    if let Ok(number) = zone.parse() {
        return Ok(number);
    }
    // The system's resolver knows the names of interfaces, but only accepts them with link-local addresses.
    let found = lookup_host((format!("fe80::1%{zone}"), 0)).await;
    let mut found = found.map_err(|error| {
        let why = format!("there is no network interface {zone:?} ({error})");
        io::Error::new(io::ErrorKind::NotFound, why)
    })?;
    match found.next() {
        Some(SocketAddr::V6(address)) if address.scope_id() > 0 => Ok(address.scope_id()),
        _ => Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("there is no network interface {zone:?}"),
        )),
    }
}

/// Resolves a name with its port. The families of the returned addresses alternate.
#[cfg(feature = "client")]
pub(crate) async fn look_up_families(name: &str) -> io::Result<Vec<SocketAddr>> {
    Ok(interleave(lookup_host(name).await?.collect()))
}

/// Sorts addresses so that their families alternate, beginning with that of the first (RFC 8305, 4).
#[cfg(feature = "client")]
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

/// Returns the host of an authority, without its port.
#[cfg(feature = "client")]
pub(crate) fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(all(test, feature = "client"))]
mod tests {
    use super::*;

    fn block_on(future: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(future);
    }

    #[test]
    fn hosts_and_ports_are_read() {
        for (text, connected, authority) in [
            ("localhost:5000", "localhost:5000", "localhost:5000"),
            ("localhost", "localhost:443", "localhost"),
            ("a.b.c.:0", "a.b.c.:0", "a.b.c.:0"),
            ("127.0.0.1", "127.0.0.1:443", "127.0.0.1"),
            ("[::1]:65535", "[::1]:65535", "[::1]:65535"),
            ("[::1]", "[::1]:443", "[::1]"),
            ("2001:db8::1", "[2001:db8::1]:443", "[2001:db8::1]"),
            ("[fe80::1%eth0]:5", "[fe80::1%eth0]:5", "[fe80::1]:5"),
            ("[fe80::1%25eth0]:5", "[fe80::1%eth0]:5", "[fe80::1]:5"),
            ("[fe80::1%25]:5", "[fe80::1%25]:5", "[fe80::1]:5"),
            ("fe80::1%2", "[fe80::1%2]:443", "[fe80::1]"),
        ] {
            let read = HostPort::parse(text).unwrap();
            assert_eq!(read.with_port(443), connected, "{text}");
            assert_eq!(read.authority(), authority, "{text}");
            assert_eq!(HostPort::parse(connected).unwrap().with_port(1), connected);
        }
    }

    #[test]
    fn errors_name_invalid_addresses() {
        for (text, said) in [
            ("", "the host is missing"),
            (":5000", "the host is missing"),
            ("localhost:", "the port is not a number"),
            ("localhost:65536", "the port is not a number"),
            ("localhost:+1", "the port is not a number"),
            ("a:b:1", "must be in brackets"),
            ("[a]:1", "is not an IPv6 address"),
            ("[::1%]:1", "is not an IPv6 address"),
            ("[::1", "closing ]"),
            ("[::1]1", "may follow the brackets"),
            (
                "http://localhost:5000/",
                "leave out http:// and write only localhost:5000",
            ),
            (
                "HTTPS://localhost",
                "leave out HTTPS:// and write only localhost: credentials",
            ),
            ("tcp://localhost:1", "unknown scheme tcp"),
        ] {
            let error = HostPort::parse(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn zones_have_names_and_numbers() {
        block_on(async {
            let look_up = async |text: &str| HostPort::parse(text).unwrap().look_up().await;
            let found = look_up("[fe80::1%7]:5").await.unwrap();
            assert_eq!(
                found,
                [SocketAddrV6::new("fe80::1".parse().unwrap(), 5, 0, 7).into()]
            );
            let error = look_up("[fe80::1%nowhere]:5").await.unwrap_err();
            assert!(
                error
                    .to_string()
                    .contains("no network interface \"nowhere\""),
                "{error}"
            );
            if let Ok(index) = std::fs::read_to_string("/sys/class/net/lo/ifindex") {
                let index = index.trim().parse().unwrap();
                let found = look_up("[::1%lo]:5").await.unwrap();
                assert_eq!(
                    found,
                    [SocketAddrV6::new("::1".parse().unwrap(), 5, 0, index).into()]
                );
            }
        });
    }

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

//! The target of a channel.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::address::Address;
use crate::base::authority::{LOCALHOST, authority};
use crate::base::header::Header;
use crate::channel::connect::security::Security;
use crate::channel::resolve::names::Names;
use crate::transport::{Endpoint, HostPort, Io, host_of};
use crate::{Result, Status};

/// The target of a channel: the source of its addresses, the default authority of its calls, and the security of
/// its connections.
#[derive(Clone)]
pub(crate) struct Target {
    /// The target as it was given.
    text: Arc<str>,
    pub(crate) names: Names,
    pub(crate) authority: Header,
    /// The security of connections to addresses without credentials of their own.
    pub(crate) security: Security,
    /// Set if the authority applies to all servers, and overrides that of their addresses.
    pub(crate) has_fixed_authority: bool,
}

impl Target {
    /// Parses a target, as specified in "gRPC Name Resolution".
    pub(crate) fn parse(target: &str) -> Result<Target> {
        read(target)
            .and_then(|(names, host)| {
                let authority = authority(&host).map_err(|status| status.message().to_owned())?;
                Ok(Target::new(target, names, authority))
            })
            .map_err(|why| {
                Status::invalid_argument(format!(
                    "target {target:?}: {why}; a target is host:port or dns:host:port, as in localhost:5000 or [::1]:5000, \
                     ipv4: or ipv6: with a list of addresses, as in ipv4:10.0.0.1:5000,10.0.0.2:5000, or a unix socket, as in \
                     unix:relative, unix:///absolute or unix-abstract:name"
                ))
            })
    }

    /// Creates the target of a connection that is already open.
    pub(crate) fn open(connection: impl Io + 'static) -> Target {
        let address = Endpoint::open(connection);
        let text = address.to_string();
        let authority = Header::from_static(":authority", LOCALHOST);
        Target::new(&text, known([address]), authority)
    }

    fn new(text: &str, names: Names, authority: Header) -> Target {
        Target {
            text: text.into(),
            names,
            authority,
            security: Security::Insecure,
            has_fixed_authority: false,
        }
    }

    /// Returns whether some connections may be private. Only on a private connection may call credentials be sent.
    pub(crate) fn may_be_private(&self) -> bool {
        // The addresses of a resolver may have credentials of their own.
        self.security.is_private() || matches!(self.names, Names::Custom(_))
    }

    /// Returns the host of the authority. An IPv6 address is in brackets.
    pub(crate) fn host(&self) -> &str {
        host_of(std::str::from_utf8(self.authority.value()).unwrap_or_default())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The source of addresses and the host of calls, or the error of an invalid target.
type Read = Result<(Names, String), String>;

/// Parses a target by its scheme, which is case-insensitive (RFC 3986, 3.1). A target without a scheme is a host.
fn read(target: &str) -> Read {
    let (scheme, rest) = target.split_once(':').unwrap_or_default();
    match scheme.to_ascii_lowercase().as_str() {
        "unix" => Ok((known([Endpoint::unix(rest)?]), LOCALHOST.to_owned())),
        "unix-abstract" => Ok((
            known([Endpoint::unix_abstract(rest)?]),
            LOCALHOST.to_owned(),
        )),
        "dns" => dns(rest),
        "passthrough" => passthrough(rest),
        "ipv4" => several(rest, IpAddr::is_ipv4, "127.0.0.1:5000"),
        "ipv6" => several(rest, IpAddr::is_ipv6, "[::1]:5000"),
        _ => host_and_port(target),
    }
}

/// Parses the part after `dns:`, with or without the slashes of a URI.
fn dns(name: &str) -> Read {
    let Some(uri) = name.strip_prefix("//") else {
        return host_and_port(name);
    };
    match uri.split_once('/') {
        Some(("", name)) => host_and_port(name),
        Some((server, _)) => Err(format!(
            "the system asks its own DNS servers, and cannot be told to ask {server}: write dns:///host:port, or give the \
             channel a resolver"
        )),
        None => {
            Err("behind dns:// stands a server, which may be left out, and /host:port".to_owned())
        }
    }
}

/// Parses the part after grpc-go's `passthrough:`: one address, which is looked up for each connection.
fn passthrough(name: &str) -> Read {
    let name = name.strip_prefix("///").unwrap_or(name);
    let address = Endpoint::parse(name)?;
    let host = match &address {
        Endpoint::Tcp(_) => HostPort::parse(name)?.authority(),
        _ => LOCALHOST.to_owned(),
    };
    Ok((known([address]), host))
}

fn host_and_port(target: &str) -> Read {
    let read = HostPort::parse(target)?;
    let names = match (read.ip(), Endpoint::tcp(&read)) {
        (Some(_), address) => known([address]),
        (None, address) => Names::Dns(address.to_string().into()),
    };
    Ok((names, read.authority()))
}

/// Parses addresses of one family, separated by commas. Each address is the authority of its server.
fn several(list: &str, is_of_family: fn(&IpAddr) -> bool, example: &str) -> Read {
    let mut addresses = Vec::new();
    let mut authority = None;
    for text in list.split(',') {
        let read = HostPort::parse(text).ok();
        let read = read.filter(|read| read.ip().is_some_and(|ip| is_of_family(&ip)));
        let read = read.ok_or_else(|| {
            format!("{text:?} is not an address with or without a port, like {example}")
        })?;
        let own = read.authority();
        let address = Address::from(Endpoint::tcp(&read)).with_authority(&own);
        addresses.push(address.map_err(|status| status.message().to_owned())?);
        authority.get_or_insert(own);
    }
    Ok((
        Names::Known(addresses.into()),
        authority.unwrap_or_default(),
    ))
}

fn known<const N: usize>(endpoints: [Endpoint; N]) -> Names {
    Names::Known(endpoints.map(Address::from).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(target: &Target) -> Vec<String> {
        match &target.names {
            Names::Known(addresses) => addresses.iter().map(Address::to_string).collect(),
            Names::Dns(name) => vec![format!("to be looked up: {name}")],
            Names::Custom(_) => unreachable!("no target says so"),
        }
    }

    #[test]
    fn a_target_is_a_list_of_addresses() {
        for (target, authority, list) in [
            ("ipv4:10.0.0.1:1", "10.0.0.1:1", &["10.0.0.1:1"][..]),
            (
                "ipv4:10.0.0.1:1,10.0.0.2:2",
                "10.0.0.1:1",
                &["10.0.0.1:1", "10.0.0.2:2"],
            ),
            ("ipv6:[::1]:1,[::2]:2", "[::1]:1", &["[::1]:1", "[::2]:2"]),
            ("127.0.0.1:1", "127.0.0.1:1", &["127.0.0.1:1"]),
            (
                "ipv4:10.0.0.1,10.0.0.2:2",
                "10.0.0.1",
                &["10.0.0.1:443", "10.0.0.2:2"],
            ),
            ("ipv6:::1,[::2]", "[::1]", &["[::1]:443", "[::2]:443"]),
            ("IPv4:10.0.0.1:1", "10.0.0.1:1", &["10.0.0.1:1"]),
            ("passthrough:///a.b:1", "a.b:1", &["a.b:1"]),
            ("passthrough:a.b", "a.b", &["a.b:443"]),
            ("passthrough:///unix:/x", "localhost", &["unix:/x"]),
            ("[::1]:1", "[::1]:1", &["[::1]:1"]),
        ] {
            let parsed = Target::parse(target).unwrap();
            assert_eq!(parsed.authority.value(), authority.as_bytes(), "{target}");
            assert_eq!(addresses(&parsed), list);
        }
        for target in [
            "ipv4:",
            "ipv4:[::1]:1",
            "ipv4:a:1",
            "ipv6:10.0.0.1:1",
            "ipv4:10.0.0.1:1,",
        ] {
            let error = Target::parse(target).err().unwrap();
            assert!(
                error
                    .message()
                    .contains("is not an address with or without a port"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_target_is_a_name() {
        for target in ["dns:localhost:1", "dns:///localhost:1", "localhost:1"] {
            let parsed = Target::parse(target).unwrap();
            assert_eq!(parsed.authority.value(), b"localhost:1");
            assert_eq!(addresses(&parsed), ["to be looked up: localhost:1"]);
        }
        let error = Target::parse("dns://8.8.8.8/localhost:1").err().unwrap();
        assert!(
            error.message().contains("cannot be told to ask 8.8.8.8"),
            "{error}"
        );
        for target in ["dns:", "dns://localhost:1", "dns:///", "dns:localhost:"] {
            assert!(Target::parse(target).is_err(), "{target}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_target_is_a_unix_socket() {
        for (target, path) in [
            ("unix:a/b c", "a/b c"),
            ("unix:/run/x:1", "/run/x:1"),
            ("unix:///run/x", "/run/x"),
        ] {
            let parsed = Target::parse(target).unwrap();
            assert_eq!(parsed.authority.value(), b"localhost");
            assert_eq!(addresses(&parsed), [format!("unix:{path}")]);
        }
        for target in ["unix:", "unix://", "unix://run/x", "unix:a\0b"] {
            assert!(Target::parse(target).is_err(), "{target}");
        }
    }

    #[test]
    fn a_target_is_host_and_port() {
        for target in ["localhost:5000", "127.0.0.1:1", "[::1]:65535", "a.b.c:0"] {
            let parsed = Target::parse(target).unwrap();
            assert_eq!(parsed.authority.value(), target.as_bytes());
        }
        for target in [
            "",
            ":5000",
            "localhost:",
            "a:b:5000",
            "localhost:65536",
            "localhost:x",
            "http://localhost:5000",
            "host name:1",
            "a/b:1",
        ] {
            let error = Target::parse(target).err().unwrap();
            assert!(
                error.message().contains(&format!("{target:?}")) || target.contains([' ', '/']),
                "{error}"
            );
        }
    }
}

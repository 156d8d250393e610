//! Address of the client of a request.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::HeaderMap;
use axum::http::header::{FORWARDED, HeaderName};

use crate::config::{ForwardedHeader, TrustedProxies};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The other end of the connection, in a request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddress(pub IpAddr);

/// Trusted proxies, and the header in which they name the client.
#[derive(Debug, Clone)]
pub(crate) struct Forwarding {
    pub(crate) proxies: TrustedProxies,
    pub(crate) header: ForwardedHeader,
}

impl Forwarding {
    /// Returns the client behind `peer`: the nearest address that is not a trusted proxy's. Of the addresses in the header
    /// only those count that a trusted proxy has written, from the last one backwards: a client can make up the others.
    pub(crate) fn client(&self, PeerAddress(peer): PeerAddress, headers: &HeaderMap) -> IpAddr {
        let mut nearest = peer.to_canonical();
        let name = match self.header {
            ForwardedHeader::XForwardedFor => X_FORWARDED_FOR,
            ForwardedHeader::Forwarded => FORWARDED,
        };
        let lines: Vec<&str> = headers
            .get_all(name)
            .iter()
            .map(|line| line.to_str().unwrap_or_default())
            .collect();
        let mut hops = lines.iter().rev().flat_map(|line| split(line, ',').into_iter().rev());
        while self.proxies.contains(nearest) {
            let hop = hops.next().and_then(|hop| match self.header {
                ForwardedHeader::XForwardedFor => address(hop),
                ForwardedHeader::Forwarded => forwarded_for(hop).and_then(address),
            });
            // The last proxy wrote an address that cannot be read: that proxy is the nearest one known.
            let Some(hop) = hop else { break };
            nearest = hop;
        }
        nearest
    }
}

/// Returns the network that counts as one client: an IPv4 address, or an IPv6 network of 64 bits, all of which belong to
/// one host.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// An address, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    let with_port = || text.parse().map(|address: SocketAddr| address.ip());
    let address: IpAddr = bare.parse().or_else(|_| with_port()).ok()?;
    Some(address.to_canonical())
}

/// The value of `for` in one element of a `Forwarded` header.
fn forwarded_for(element: &str) -> Option<&str> {
    split(element, ';').into_iter().find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let value = value.trim();
        let value = value
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .unwrap_or(value);
        name.trim().eq_ignore_ascii_case("for").then_some(value)
    })
}

/// Splits where `separator` stands outside quotation marks.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;
    text.split(|character| {
        quoted ^= character == '"';
        character == separator && !quoted
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    use ForwardedHeader::{Forwarded, XForwardedFor};

    fn client(header: ForwardedHeader, peer: &str, name: &'static str, lines: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, line.parse().unwrap());
        }
        let proxies = vec!["10.0.0.0/8".to_owned(), "2001:db8::1".to_owned()];
        let forwarding = Forwarding {
            proxies: proxies.try_into().unwrap(),
            header,
        };
        forwarding
            .client(PeerAddress(peer.parse().unwrap()), &headers)
            .to_string()
    }

    #[test]
    fn the_last_address_that_is_no_proxy_is_the_client() {
        for (peer, lines, expected) in [
            ("192.0.2.1", &["203.0.113.7"][..], "192.0.2.1"),
            ("10.0.0.1", &["203.0.113.7"], "203.0.113.7"),
            ("10.0.0.1", &["198.51.100.9, 203.0.113.7, 10.9.9.9"], "203.0.113.7"),
            ("10.0.0.1", &["198.51.100.9", "203.0.113.7", "10.9.9.9"], "203.0.113.7"),
            ("::ffff:10.0.0.1", &["203.0.113.7:4711"], "203.0.113.7"),
            ("2001:db8::1", &["[2001:db8::99]:80"], "2001:db8::99"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.7, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ] {
            let found = client(XForwardedFor, peer, "x-forwarded-for", lines);
            assert_eq!(found, expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn only_the_configured_header_counts() {
        for (name, line, expected) in [
            (
                "forwarded",
                "for=198.51.100.9, for=203.0.113.7;proto=https",
                "203.0.113.7",
            ),
            (
                "forwarded",
                "proto=http;For=\"[2001:db8::99]:4711\";by=10.0.0.1",
                "2001:db8::99",
            ),
            ("forwarded", "for=203.0.113.7;ext=\"a,b;for=192.0.2.9\"", "203.0.113.7"),
            ("forwarded", "for=_hidden", "10.0.0.1"),
            ("x-forwarded-for", "203.0.113.7", "10.0.0.1"),
        ] {
            assert_eq!(client(Forwarded, "10.0.0.1", name, &[line]), expected, "{line}");
        }
    }

    #[test]
    fn a_network_of_64_bits_is_one_client() {
        let same = |one: &str, other: &str| network(one.parse().unwrap()) == network(other.parse().unwrap());
        assert!(same("2001:db8::1", "2001:db8::ffff:1:2:3"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
    }
}

//! What a trusted proxy says of the caller. From anyone else it is not looked at.

use super::Peer;
use http::HeaderMap;
use ipnet::IpNet;
use std::net::IpAddr;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The caller's address: the peer's own, or, where that is a trusted proxy, the last address in
/// `X-Forwarded-For` that is not one. An entry that is no address ends the search: what stands before it
/// was written by whoever wrote it.
pub(super) fn address(peer: Peer, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let mut nearest = peer.address?;
    if !is_trusted(nearest, trusted) {
        return Some(nearest);
    }
    let lines: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .map(|line| line.to_str().unwrap_or("?"))
        .collect();
    for entry in lines.iter().flat_map(|line| line.split(',')).rev() {
        let Ok(address) = entry.trim().parse::<IpAddr>() else {
            break;
        };
        nearest = address.to_canonical();
        if !is_trusted(nearest, trusted) {
            break;
        }
    }
    Some(nearest)
}

/// The peer that speaks for another caller and is not believed: a proxy that the configuration forgot, so that all who come
/// by it share one address, or somebody who tries.
pub(super) fn disbelieved(peer: Peer, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let address = peer.address?;
    let is_told = headers.contains_key(FORWARDED_FOR);
    (is_told && !is_trusted(address, trusted)).then_some(address)
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn from(peer: &str, lines: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_str(line).unwrap());
        }
        let peer = Peer {
            address: Some(peer.parse().unwrap()),
        };
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        address(peer, &headers, &trusted).unwrap().to_string()
    }

    #[test]
    fn only_a_trusted_proxy_speaks_for_another() {
        assert_eq!(from("192.0.2.1", &["203.0.113.9"]), "192.0.2.1");
        assert_eq!(from("10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(
            from("10.0.0.1", &["198.51.100.1, 203.0.113.9", "10.0.0.2"]),
            "203.0.113.9"
        );
        assert_eq!(from("10.0.0.1", &["198.51.100.1, junk"]), "10.0.0.1");
        assert_eq!(from("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(from("10.0.0.1", &["::ffff:203.0.113.9"]), "203.0.113.9");
    }

    #[test]
    fn a_proxy_that_nobody_named_was_not_told_of() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let told = |peer: &str, name: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static("203.0.113.9"));
            let address = Some(peer.parse().unwrap());
            disbelieved(Peer { address }, &headers, &trusted)
        };
        assert_eq!(
            told("192.0.2.1", "x-forwarded-for"),
            "192.0.2.1".parse().ok()
        );
        assert_eq!(told("10.0.0.1", "x-forwarded-for"), None);
        assert_eq!(told("192.0.2.1", "x-own"), None);
    }
}

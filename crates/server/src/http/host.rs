//! The host that a request was sent to: one, well formed, and the same wherever it stands.

use http::{HeaderMap, Uri, header, uri::Authority};
use std::net::IpAddr;

/// Why there is no host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadHost(
    /// What was expected.
    pub(super) &'static str,
);

/// The host in lower case, with its port if it names one (RFC 9110 section 7.2).
///
/// HTTP/2 carries it as the target's authority, an absolute-form target too (RFC 9112 section 3.2.2); where
/// the header stands beside either, both must agree, because a proxy may have looked at the other one.
pub(super) fn host(uri: &Uri, headers: &HeaderMap) -> Result<String, BadHost> {
    let mut fields = headers.get_all(header::HOST).iter();
    let field = fields.next();
    if fields.next().is_some() {
        return Err(BadHost("exactly one Host"));
    }
    let field = match field.map(|value| value.to_str()) {
        Some(Ok(text)) => Some(plain(text)?),
        Some(Err(_)) => return Err(BadHost("a host name or address")),
        None => None,
    };
    let target = match uri.authority() {
        Some(authority) => Some(plain(authority.as_str())?),
        None => None,
    };
    match (field, target) {
        (Some(field), Some(target)) if field != target => {
            Err(BadHost("the same host in Host and in the target"))
        }
        (Some(host), _) | (None, Some(host)) => Ok(host),
        (None, None) => Err(BadHost("exactly one Host")),
    }
}

/// The text in lower case, if it is a host with or without port and nothing else.
fn plain(text: &str) -> Result<String, BadHost> {
    let bad = BadHost("a host name or address");
    if text.contains('@') || text.len() > 261 {
        return Err(bad);
    }
    let authority: Authority = text.parse().map_err(|_| bad)?;
    let name = authority.host();
    let inner = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let is_name = match inner {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
        }
    };
    let after = text.get(name.len()..).unwrap_or_default();
    let is_port = after.is_empty() || (authority.port_u16().is_some() && after.len() > 1);
    if is_name && is_port {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(bad)
    }
}

/// Whether an unlisted host means this machine as such: an IP literal, `localhost` or a name under it.
pub(crate) fn is_local(host: &str) -> bool {
    let name = without_port(host);
    let address = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(name);
    address.parse::<IpAddr>().is_ok() || name == "localhost" || name.ends_with(".localhost")
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn of(target: &str, hosts: &[&str]) -> Result<String, BadHost> {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(
                header::HOST,
                HeaderValue::from_bytes(host.as_bytes()).unwrap(),
            );
        }
        host(&target.parse().unwrap(), &headers)
    }

    #[test]
    fn one_host_is_taken_in_lower_case_with_its_port() {
        assert_eq!(
            of("/", &["API.example.com:8443"]).unwrap(),
            "api.example.com:8443"
        );
        assert_eq!(of("/", &["[::1]:80"]).unwrap(), "[::1]:80");
        assert_eq!(of("http://a.example/x", &[]).unwrap(), "a.example");
        assert_eq!(
            of("http://a.example/x", &["A.example"]).unwrap(),
            "a.example"
        );
    }

    #[test]
    fn anything_else_is_refused() {
        for hosts in [
            &["a.example", "a.example"][..],
            &["a.example", "b.example"],
            &[],
            &[""],
            &["user@a.example"],
            &["a.example/x"],
            &["a example"],
            &["a.example:"],
            &["a.example:99999"],
            &["a.example:x"],
            &["[::1"],
            &["[a.example]"],
            &["a.example,b.example"],
            &["\u{fc}.example"],
        ] {
            assert!(of("/", hosts).is_err(), "{hosts:?}");
        }
        let other = of("http://a.example/x", &["b.example"]).unwrap_err();
        assert_eq!(other.0, "the same host in Host and in the target");
    }

    #[test]
    fn addresses_and_localhost_mean_this_machine() {
        for host in [
            "127.0.0.1:80",
            "[::1]",
            "[::1]:80",
            "localhost",
            "a.localhost:1",
        ] {
            assert!(is_local(host), "{host}");
        }
        for host in [
            "example.com",
            "notlocalhost",
            "localhost.example.com",
            "1.2.3",
        ] {
            assert!(!is_local(host), "{host}");
        }
    }
}

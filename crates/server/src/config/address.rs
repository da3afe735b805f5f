//! Where a listener listens.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    str::FromStr,
};

/// A TCP address or a Unix socket. Host names are refused: what they lead to may change.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// `127.0.0.1:8080`, `[::1]:8080`; port 0 takes a free one.
    Tcp(SocketAddr),
    /// `unix:/run/countersign/gateway.sock`.
    Unix(PathBuf),
}

impl Address {
    /// This port of this machine only.
    pub const fn loopback(port: u16) -> Self {
        Self::Tcp(SocketAddr::new(
            std::net::IpAddr::V4(Ipv4Addr::LOCALHOST),
            port,
        ))
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = "expected IP:PORT, [IPV6]:PORT or unix:/ABSOLUTE/PATH";
        match text.strip_prefix("unix:") {
            Some(path) if path.starts_with('/') => Ok(Self::Unix(path.into())),
            Some(_) => Err(format!("{expected}, not {text:?}")),
            None => text
                .parse()
                .map(Self::Tcp)
                .map_err(|_| format!("{expected}, not {text:?}")),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_ip_and_port_or_a_socket_file() {
        for text in ["127.0.0.1:8080", "[::1]:0", "unix:/run/c.sock"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        for text in ["localhost:80", "127.0.0.1", ":80", "unix:c.sock", "80", ""] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(error.contains("expected IP:PORT"), "{text}: {error}");
        }
    }
}

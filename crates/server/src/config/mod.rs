//! Configuration: a typed value, read once from a TOML file and the environment.

mod address;
mod keystore;
mod leaving;
mod list;
mod load;
mod place;
pub mod reference;

pub use address::Address;
pub use keystore::{Backend, Keystore, Pkcs11};
pub use leaving::{Mail, MailServer, MailTls, Webhooks};
pub use load::{ConfigError, load};

use countersign_engine::id::EnvironmentId;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, time::Duration};

/// Everything that can be configured. Every member has a default: without a file and without variables it
/// serves on a laptop.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where things are kept.
    pub data: Data,
    /// Assets' private keys.
    pub keystore: Keystore,
    /// Who can reach the server, and where.
    pub listener: Listeners,
    /// What is written while it runs.
    pub log: Log,
    /// Mails.
    pub mail: Mail,
    /// The server as a whole.
    pub server: Server,
    /// Webhooks.
    pub webhooks: Webhooks,
}

/// Where things are kept.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Data {
    /// The data folder. Made at the first start, for the owner only.
    pub dir: PathBuf,
    /// The store: `sqlite:PATH` (relative to the folder) or `memory:` (lost at the end).
    pub store: String,
}

impl Default for Data {
    fn default() -> Self {
        Self {
            dir: "countersign-data".into(),
            store: "sqlite:countersign.db".into(),
        }
    }
}

/// The listeners.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listeners {
    /// Tokens, keys and metadata: for the world.
    pub public: Listener,
    /// The admin API and metrics: for operators.
    pub admin: AdminListener,
    /// Decisions, one entry per proxy: for gateways, never for the world.
    pub gateway: Vec<GatewayListener>,
}

impl Default for Listeners {
    fn default() -> Self {
        Self {
            public: Listener::at(8080),
            admin: AdminListener::default(),
            gateway: vec![GatewayListener::default()],
        }
    }
}

/// One listener.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listener {
    /// Where it listens: `IP:PORT` (port 0 takes a free one) or `unix:/PATH`; several are possible.
    #[serde(deserialize_with = "list::one_or_many")]
    pub addresses: Vec<Address>,
    /// TLS; without it, plain text.
    pub tls: Option<Tls>,
    /// Its limits.
    pub limits: Limits,
}

impl Listener {
    fn at(port: u16) -> Self {
        Self {
            addresses: vec![Address::loopback(port)],
            ..Self::default()
        }
    }
}

/// The admin listener.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdminListener {
    /// Where it listens: `IP:PORT` or `unix:/PATH`; several are possible.
    #[serde(deserialize_with = "list::one_or_many")]
    pub addresses: Vec<Address>,
    /// TLS; without it, plain text.
    pub tls: Option<Tls>,
    /// Its limits.
    pub limits: Limits,
    /// Where the command line finds it, where that is not its first TCP address: the certificate's name.
    pub url: Option<String>,
}

impl Default for AdminListener {
    fn default() -> Self {
        Self {
            addresses: vec![Address::loopback(8082)],
            tls: None,
            limits: Limits::default(),
            url: None,
        }
    }
}

impl AdminListener {
    /// What it has in common with the other listeners.
    pub fn listener(&self) -> Listener {
        Listener {
            addresses: self.addresses.clone(),
            tls: self.tls.clone(),
            limits: self.limits,
        }
    }
}

/// One gateway listener.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewayListener {
    /// Where it listens: `IP:PORT` or `unix:/PATH`; several are possible.
    #[serde(deserialize_with = "list::one_or_many")]
    pub addresses: Vec<Address>,
    /// TLS; without it, plain text.
    pub tls: Option<Tls>,
    /// Its limits.
    pub limits: Limits,
    /// Which proxy asks here.
    pub profile: Profile,
    /// The environment that it asks for; without it, the judged request's host decides.
    pub environment: Option<EnvironmentId>,
}

impl Default for GatewayListener {
    fn default() -> Self {
        Self {
            addresses: vec![Address::loopback(8081)],
            tls: None,
            limits: Limits::of_gateways(),
            profile: Profile::default(),
            environment: None,
        }
    }
}

impl GatewayListener {
    /// What it has in common with the other listeners.
    pub fn listener(&self) -> Listener {
        Listener {
            addresses: self.addresses.clone(),
            tls: self.tls.clone(),
            limits: self.limits,
        }
    }
}

/// Which proxy asks, and so which headers carry what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// nginx's `auth_request`.
    #[default]
    Nginx,
    /// `forward_auth` of Caddy and Traefik.
    ForwardAuth,
    /// HAProxy's Lua client.
    Haproxy,
    /// Envoy's `ext_authz` over HTTP.
    Envoy,
}

/// A certificate and its key, in PEM. Read again at SIGHUP, and when a file changes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate, and its chain after it.
    pub certificate_file: PathBuf,
    /// The private key.
    pub private_key_file: PathBuf,
}

/// What one listener puts up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Connections at once; more are closed at once.
    pub connections_max: u32,
    /// Bytes of a request's head, at least 8192.
    pub header_bytes_max: u32,
    /// Headers of a request.
    pub headers_max: u16,
    /// Bytes of a body; a route may take less, never more.
    pub body_bytes_max: u32,
    /// Seconds for a TLS handshake.
    pub handshake_timeout_s: u16,
    /// Seconds for a request's head, from its first byte.
    pub header_timeout_s: u16,
    /// Seconds for a request's body.
    pub body_timeout_s: u16,
    /// Seconds for a whole request.
    pub request_timeout_s: u16,
    /// Seconds that a connection may stay open without a request.
    pub idle_timeout_s: u16,
    /// HTTP/2 streams of one connection at once.
    pub http2_streams_max: u32,
    /// HTTP/2 streams of one connection that may be reset before they are answered; more ends it.
    pub http2_resets_max: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            header_bytes_max: 16 * 1024,
            headers_max: 100,
            body_bytes_max: 1024 * 1024,
            handshake_timeout_s: 10,
            header_timeout_s: 10,
            body_timeout_s: 15,
            request_timeout_s: 30,
            idle_timeout_s: 75,
            http2_streams_max: 100,
            http2_resets_max: 20,
        }
    }
}

/// What is written while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// For people or for machines.
    pub format: LogFormat,
    /// From which severity on.
    pub level: LogLevel,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// From which severity on lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// What broke.
    Error,
    /// What may break.
    Warn,
    /// What an operator wants to know.
    #[default]
    Info,
    /// Each request too.
    Debug,
    /// Everything.
    Trace,
}

/// The server as a whole.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// The environment of requests to IP literals, `localhost` and names under it that no environment
    /// lists. May not be a production one beside a sandbox.
    pub default_environment: Option<EnvironmentId>,
    /// Networks whose `X-Forwarded-For` is believed on the public and admin listeners.
    #[serde(deserialize_with = "list::one_or_many")]
    pub trusted_proxies: Vec<IpNet>,
    /// Seconds that requests under way have to finish when the server ends.
    pub drain_s: u16,
    /// Days that audit lines are kept.
    pub audit_retention_days: u32,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            default_environment: None,
            trusted_proxies: Vec::new(),
            drain_s: 20,
            audit_retention_days: 400,
        }
    }
}

impl Limits {
    /// Unless configured. A proxy passes on what it took from its own caller, and adds to it: what is too much
    /// for callers is for the proxy to say, which calls our 431 a failure (nginx: 500).
    pub fn of_gateways() -> Self {
        Self {
            header_bytes_max: 64 * 1024,
            headers_max: 256,
            ..Self::default()
        }
    }

    /// A member in whole seconds as a span.
    pub fn seconds(s: u16) -> Duration {
        Duration::from_secs(u64::from(s))
    }
}

//! The configuration's reference, `docs/config.md`: made from this table and from the defaults themselves.

use super::Config;
use std::fmt::Write as _;
use toml::{Table, Value};

/// Every member, with what it takes and what it means. `L` stands for each kind of listener.
const MEMBERS: &[(&str, &str, &str)] = &[
    (
        "data.dir",
        "path",
        "The data folder. Made at the first start, for its owner only. One server uses it at a time.",
    ),
    (
        "data.store",
        "`sqlite:PATH` or `memory:`",
        "Where rows are kept. The path is relative to the data folder; memory is lost at the end.",
    ),
    (
        "keystore.backend",
        "`software`, `pkcs11`",
        "Where new key pairs of assets are made: sealed under the master key, or in the PKCS#11 token ([keystore.md](keystore.md)). Keys that exist stay where they are, and are used there.",
    ),
    (
        "keystore.pkcs11.module",
        "path",
        "The PKCS#11 module: a shared library of the token's maker. Where `keystore.pkcs11` is there, the token is opened at the start, which ends if that fails.",
    ),
    (
        "keystore.pkcs11.token",
        "1 to 32 bytes",
        "The token's label.",
    ),
    (
        "keystore.pkcs11.pin_file",
        "path",
        "A file with the user's PIN, on one line, for its owner only. `COUNTERSIGN_PKCS11_PIN` goes before it.",
    ),
    (
        "L.addresses",
        "list of `IP:PORT`, `[IPV6]:PORT`, `unix:/PATH`",
        "Where it listens. Port 0 takes a free one.",
    ),
    (
        "listener.admin.url",
        "`https://HOST:PORT`; `http://` only to this machine",
        "Where the command line finds the admin API, as `operator.json` says: the name in its certificate, or a proxy's. Unless set: the first TCP address. Without a TCP address it must be set.",
    ),
    (
        "L.tls.certificate_file",
        "path",
        "The certificate, and its chain after it, in PEM. Read again at SIGHUP, and within 30 s of a change; one that cannot be used is logged, and the old one stays. Public and admin answers then tell browsers to come with TLS for a year (`Strict-Transport-Security`). Without `tls`: plain text.",
    ),
    (
        "L.tls.private_key_file",
        "path",
        "Its private key, in PEM. One that everyone can read is refused.",
    ),
    (
        "L.limits.connections_max",
        "1 or more",
        "Connections at once; more are closed at once.",
    ),
    (
        "L.limits.header_bytes_max",
        "8192 or more",
        "Bytes of a request's head; more gets 431.",
    ),
    (
        "L.limits.headers_max",
        "16 or more",
        "Headers of a request; more gets 431.",
    ),
    (
        "L.limits.body_bytes_max",
        "bytes",
        "Bytes of a body; more gets 413. Most endpoints take less.",
    ),
    (
        "L.limits.handshake_timeout_s",
        "seconds",
        "For a TLS handshake.",
    ),
    (
        "L.limits.header_timeout_s",
        "seconds",
        "For a request's head, from its first byte.",
    ),
    (
        "L.limits.body_timeout_s",
        "seconds",
        "For a request's body; then 408.",
    ),
    (
        "L.limits.request_timeout_s",
        "seconds",
        "For a whole request; then 503. A route that waits for news has 25 s more.",
    ),
    (
        "L.limits.idle_timeout_s",
        "seconds",
        "How long a connection may stay open without a request. Longer than the proxy keeps its own.",
    ),
    (
        "L.limits.http2_streams_max",
        "1 or more",
        "HTTP/2 streams of one connection at once.",
    ),
    (
        "L.limits.http2_resets_max",
        "number",
        "HTTP/2 streams of one connection that may be reset before they are answered; more ends it.",
    ),
    (
        "listener.gateway.profile",
        "`nginx`, `forward_auth`, `haproxy`, `envoy`",
        "Which proxy asks, and so which headers tell of the judged request. `forward_auth` is for Caddy and Traefik.",
    ),
    (
        "listener.gateway.environment",
        "name",
        "The environment that it asks for: one upstream serves one, and every host that the proxy asks about is judged there. Without it the judged request's host decides, which the caller chooses.",
    ),
    (
        "log.format",
        "`human`, `json`",
        "For people, or one JSON object a line. Lines go to standard error.",
    ),
    (
        "log.level",
        "`error`, `warn`, `info`, `debug`, `trace`",
        "From which severity on; `debug` has a line for each request.",
    ),
    (
        "mail.server",
        "`smtps://HOST:PORT`, `smtp://HOST:PORT`, `smtp+insecure://HOST:PORT`",
        "Where mails go: with TLS from the first byte (port 465 unless said), with STARTTLS, which is demanded (587), or in the clear (25). Without it and without a folder no mail leaves.",
    ),
    (
        "mail.from",
        "`NAME <ADDRESS>` or `ADDRESS`",
        "Who sends. It must be there beside `mail.server` or `mail.folder`.",
    ),
    (
        "mail.username",
        "text",
        "The name to log in with at the mail server; never sent in the clear.",
    ),
    (
        "mail.password_file",
        "path",
        "A file with the password to log in with, on one line. Read at the start.",
    ),
    (
        "mail.folder",
        "path",
        "A folder in which mails are written, a file each, instead of being sent: for trying things out.",
    ),
    (
        "server.default_environment",
        "name",
        "The environment of requests to IP literals, `localhost` and names under it that no environment lists. A production environment is not used beside a sandbox.",
    ),
    (
        "server.trusted_proxies",
        "list of networks",
        "Peers whose `X-Forwarded-For` is believed on the public and admin listeners: it names the caller in audit and limits.",
    ),
    (
        "server.drain_s",
        "seconds",
        "For requests under way when the server is told to end (SIGTERM, SIGINT). A second signal ends it at once.",
    ),
    (
        "server.audit_retention_days",
        "1 or more",
        "How long audit lines are kept.",
    ),
    (
        "webhooks.allow_networks",
        "list of networks",
        "Networks inside that receivers of webhooks may be in. Unless listed, no address inside is reached: loopback, private, link-local, shared, multicast, nor what tunnels to them. With 127.0.0.0/8 or ::1/128, targets may also be `http://` on this machine.",
    ),
];

const LISTENERS: [&str; 3] = ["listener.public", "listener.admin", "listener.gateway"];

const INTRODUCTION: &str = "\
<!-- Made by `cargo test -p countersign`; see crates/server/src/config/reference.rs. -->
# Configuration

`countersign serve` needs none. `countersign serve --config FILE` reads TOML; environment variables lie over
the file. What is wrong names its path, its line or variable, and what was expected.

A variable is `COUNTERSIGN__` and the path in capitals, with two underscores between its members:
`COUNTERSIGN__LISTENER__PUBLIC__ADDRESSES=0.0.0.0:8080`. Its value is read as TOML where it is that, and as
text otherwise. Members of a list have numbers, from 0: `COUNTERSIGN__LISTENER__GATEWAY__0__PROFILE=envoy`.

`COUNTERSIGN_MASTER_KEY` carries the master key (32 bytes in base64) instead of the file `master.key` in the
data folder, `COUNTERSIGN_PKCS11_PIN` the PIN of a PKCS#11 token instead of `keystore.pkcs11.pin_file`.

`[[listener.gateway]]` is a list: one entry for each proxy, each with addresses of its own.

";

/// The whole document.
pub fn document() -> String {
    let defaults = defaults();
    let mut text = INTRODUCTION.to_owned();
    text.push_str("| member | takes | unless set | meaning |\n|---|---|---|---|\n");
    for (path, takes, meaning) in MEMBERS {
        for (row, shown) in rows(path, &defaults) {
            // Writing to a text cannot fail.
            let _ = writeln!(text, "| `{row}` | {takes} | {shown} | {meaning} |");
        }
    }
    text
}

/// The rows of a member: one, or one where the listeners agree and one for each where they do not.
fn rows(path: &str, defaults: &Table) -> Vec<(String, String)> {
    let Some(rest) = path.strip_prefix("L.") else {
        return vec![(path.to_owned(), shown(defaults, path))];
    };
    let each: Vec<(String, String)> = LISTENERS
        .iter()
        .map(|listener| {
            let path = format!("{listener}.{rest}");
            let shown = shown(defaults, &path);
            (path, shown)
        })
        .collect();
    let first = each.first().map(|(_, shown)| shown.clone());
    match first {
        Some(shown) if each.iter().all(|(_, other)| *other == shown) => {
            vec![(format!("listener.*.{rest}"), shown)]
        }
        _ => each,
    }
}

fn shown(defaults: &Table, path: &str) -> String {
    let mut at: Option<&Value> = None;
    for part in path.split('.') {
        at = match at {
            None => defaults.get(part),
            Some(Value::Table(table)) => table.get(part),
            Some(Value::Array(list)) => list.first().and_then(|first| first.get(part)),
            Some(_) => None,
        };
    }
    at.map_or_else(|| "-".to_owned(), |value| format!("`{value}`"))
}

fn defaults() -> Table {
    Table::try_from(Config::default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{GatewayListener, Tls};

    /// Every path that can be configured, those without a default too.
    fn paths() -> Vec<String> {
        let mut config = Config::default();
        let tls = Some(Tls {
            certificate_file: "x".into(),
            private_key_file: "x".into(),
        });
        let name = countersign_engine::id::EnvironmentId::parse("x").ok();
        config.listener.public.tls.clone_from(&tls);
        config.listener.admin.tls.clone_from(&tls);
        config.listener.admin.url = Some("x".to_owned());
        config.listener.gateway = vec![GatewayListener {
            tls,
            environment: name.clone(),
            ..GatewayListener::default()
        }];
        config.server.default_environment = name;
        config.keystore.pkcs11 = Some(crate::config::Pkcs11 {
            module: "x".into(),
            token: "x".to_owned(),
            pin_file: Some("x".into()),
        });
        config.mail = crate::config::Mail {
            server: Some(crate::config::MailServer {
                host: "x".to_owned(),
                port: 25,
                tls: crate::config::MailTls::None,
            }),
            from: Some("x".to_owned()),
            username: Some("x".to_owned()),
            password_file: Some("x".into()),
            folder: Some("x".into()),
        };
        let mut paths = Vec::new();
        if let Ok(table) = Table::try_from(config) {
            leaves("", &Value::Table(table), &mut paths);
        }
        paths
    }

    fn leaves(path: &str, value: &Value, paths: &mut Vec<String>) {
        match value {
            Value::Table(table) => {
                for (name, value) in table {
                    let dot = if path.is_empty() { "" } else { "." };
                    leaves(&format!("{path}{dot}{name}"), value, paths);
                }
            }
            Value::Array(list) if list.first().is_some_and(Value::is_table) => {
                for value in list {
                    leaves(path, value, paths);
                }
            }
            _ => paths.push(path.to_owned()),
        }
    }

    #[test]
    fn every_member_is_in_the_reference_and_nothing_else() {
        let mut listed: Vec<String> = MEMBERS
            .iter()
            .flat_map(|(path, ..)| match path.strip_prefix("L.") {
                Some(rest) => LISTENERS.map(|name| format!("{name}.{rest}")).to_vec(),
                None => vec![(*path).to_owned()],
            })
            .collect();
        let mut known = paths();
        listed.sort();
        known.sort();
        assert_eq!(listed, known);
    }

    #[test]
    fn the_checked_in_reference_is_the_one_that_is_made() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/config.md");
        let made = document();
        let known = std::fs::read_to_string(path).unwrap_or_default();
        if known != made {
            std::fs::write(path, &made).unwrap();
        }
        assert_eq!(
            known, made,
            "docs/config.md was out of date and has been made again"
        );
    }
}

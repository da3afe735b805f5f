//! Reading: the file, then the variables over it. What is wrong says its path, its place and what was expected.

use super::{
    Address, AdminListener, Config, Limits, Listener,
    place::{self, PREFIX},
};
use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};
use toml::{Table, Value};

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML, has an unknown key, or a value that is not what is expected.
    #[error("{file}, line {line}: {path}{message}")]
    InFile {
        /// Which file.
        file: PathBuf,
        /// Which line, counted from 1.
        line: usize,
        /// The path of the key with a separator, or nothing where the file is not TOML.
        path: String,
        /// What was expected.
        message: String,
    },
    /// A variable names nothing that can be configured, or its value is not what is expected.
    #[error("environment variable {variable}: {path}: {message}")]
    InVariable {
        /// Which variable.
        variable: String,
        /// The path of the key.
        path: String,
        /// What was expected.
        message: String,
    },
    /// Each value is right, but not together with the others.
    #[error("{path}: {message}")]
    Together {
        /// The path of the key.
        path: String,
        /// What was expected.
        message: String,
    },
}

impl ConfigError {
    /// What to do about it.
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => {
                "see that --config names a file that this user can read; without --config everything has its usual value (docs/config.md)"
            }
            Self::InFile { .. } | Self::InVariable { .. } | Self::Together { .. } => {
                "correct the value that it names (docs/config.md)"
            }
        }
    }
}

/// Read `file` (none: every default), and lay the variables that begin with `COUNTERSIGN__` over it.
///
/// # Errors
/// [`ConfigError`], for the first thing that is wrong.
pub fn load(file: Option<&Path>, variables: &[(String, String)]) -> Result<Config, ConfigError> {
    let mut table = match file {
        Some(path) => read(path)?,
        None => Table::new(),
    };
    let mut ours: Vec<(&str, &str)> = variables
        .iter()
        .filter(|(name, _)| name.starts_with(PREFIX))
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    // In the order of their names, so that two that overlap always end the same way.
    ours.sort_unstable();
    for (name, value) in &ours {
        overlay(&mut table, name, value)?;
    }
    fill(&mut table);
    let config = serde_path_to_error::deserialize(Value::Table(table))
        .map_err(|error| blame(&error, &ours))?;
    check(&config)?;
    Ok(config)
}

/// Parse the file, and judge it by itself, where the place of each value is still known.
fn read(path: &Path) -> Result<Table, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let in_file = |key: String, error: &toml::de::Error| ConfigError::InFile {
        file: path.to_owned(),
        line: error.span().map_or(1, |span| place::line(&text, &span)),
        path: key,
        message: error.message().to_owned(),
    };
    let parsed =
        toml::Deserializer::parse(&text).map_err(|error| in_file(String::new(), &error))?;
    let judged: Result<Config, _> = serde_path_to_error::deserialize(parsed);
    judged.map_err(|error| in_file(format!("{}: ", error.path()), error.inner()))?;
    toml::from_str(&text).map_err(|error| in_file(String::new(), &error))
}

/// A listener that is configured without addresses keeps its usual one; an empty list stays one, and is refused.
/// A gateway listener that is configured with some limits keeps its usual others.
fn fill(table: &mut Table) {
    for limits in gateway_limits(table) {
        let usual = Limits::of_gateways();
        for (name, usual) in [
            ("header_bytes_max", i64::from(usual.header_bytes_max)),
            ("headers_max", i64::from(usual.headers_max)),
        ] {
            limits.entry(name).or_insert(Value::Integer(usual));
        }
    }
    let usual = Config::default().listener;
    for (name, listener) in [("public", usual.public), ("admin", usual.admin.listener())] {
        let configured = table
            .get_mut("listener")
            .and_then(Value::as_table_mut)
            .and_then(|listeners| listeners.get_mut(name))
            .and_then(Value::as_table_mut);
        if let Some(configured) = configured {
            let addresses = listener.addresses.iter().map(ToString::to_string);
            configured
                .entry("addresses")
                .or_insert_with(|| Value::Array(addresses.map(Value::String).collect()));
        }
    }
}

fn gateway_limits(table: &mut Table) -> impl Iterator<Item = &mut Table> {
    let gateways = table
        .get_mut("listener")
        .and_then(Value::as_table_mut)
        .and_then(|listeners| listeners.get_mut("gateway"))
        .and_then(Value::as_array_mut);
    gateways
        .into_iter()
        .flatten()
        .filter_map(|gateway| gateway.as_table_mut()?.get_mut("limits")?.as_table_mut())
}

/// Put one variable into the table.
fn overlay(table: &mut Table, name: &str, value: &str) -> Result<(), ConfigError> {
    let path = place::path(name).unwrap_or_default();
    let wrong = |message: &str| ConfigError::InVariable {
        variable: name.to_owned(),
        path: path.join("."),
        message: message.to_owned(),
    };
    let Some((last, parents)) = path
        .split_last()
        .filter(|_| path.iter().all(|p| !p.is_empty()))
    else {
        return Err(wrong("expected names with two underscores between them"));
    };
    let mut at = table
        .entry(parents.first().unwrap_or(last).clone())
        .or_insert_with(|| empty(parents.get(1).unwrap_or(last)));
    if parents.is_empty() {
        *at = scalar(value);
        return Ok(());
    }
    for (depth, part) in parents.iter().enumerate().skip(1) {
        let next = parents.get(depth + 1).unwrap_or(last);
        at =
            step(at, part, || empty(next)).ok_or_else(|| wrong("there is nothing of this name"))?;
    }
    let slot = step(at, last, || Value::Boolean(false))
        .ok_or_else(|| wrong("there is nothing of this name"))?;
    *slot = scalar(value);
    Ok(())
}

/// What stands where `next` will be put: a list when that is a number.
fn empty(next: &str) -> Value {
    if next.parse::<usize>().is_ok() {
        Value::Array(Vec::new())
    } else {
        Value::Table(Table::new())
    }
}

/// The member `name` of a table or list, made when it is not there; a list grows by one at a time.
fn step<'a>(at: &'a mut Value, name: &str, make: impl FnOnce() -> Value) -> Option<&'a mut Value> {
    match at {
        Value::Table(table) => Some(table.entry(name.to_owned()).or_insert_with(make)),
        Value::Array(list) => {
            let index: usize = name.parse().ok()?;
            if index == list.len() {
                list.push(make());
            }
            list.get_mut(index)
        }
        _ => None,
    }
}

/// A variable's value: TOML if it is that (`8`, `true`, `["a", "b"]`), else the text itself.
fn scalar(text: &str) -> Value {
    let parsed = toml::from_str::<Table>(&format!("value = {text}"));
    let value = parsed.ok().and_then(|mut table| {
        let value = table.remove("value");
        // More than one member: the text had line breaks of its own.
        value.filter(|_| table.is_empty())
    });
    value.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// The file passed by itself, so what is wrong now came with a variable.
fn blame(
    error: &serde_path_to_error::Error<toml::de::Error>,
    ours: &[(&str, &str)],
) -> ConfigError {
    let printed = error.path().to_string();
    let message = error.inner().message().to_owned();
    let culprit = ours.iter().find(|(name, _)| {
        place::path(name).is_some_and(|path| {
            place::is_under(&printed, &path) || place::is_under(&path.join("."), &parts(&printed))
        })
    });
    match culprit {
        Some((name, _)) => ConfigError::InVariable {
            variable: (*name).to_owned(),
            path: printed,
            message,
        },
        None => ConfigError::Together {
            path: printed,
            message,
        },
    }
}

fn parts(printed: &str) -> Vec<String> {
    let plain = printed.replace('[', ".").replace(']', "");
    plain
        .split('.')
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// What no single value can be wrong about.
fn check(config: &Config) -> Result<(), ConfigError> {
    let gateways = config.listener.gateway.iter().enumerate();
    let listeners = [
        ("public".to_owned(), config.listener.public.clone()),
        ("admin".to_owned(), config.listener.admin.listener()),
    ]
    .into_iter()
    .chain(gateways.map(|(index, gateway)| (format!("gateway[{index}]"), gateway.listener())));
    let mut taken = HashSet::new();
    for (name, listener) in listeners {
        check_addresses(&name, &listener, &mut taken)?;
        check_limits(&name, listener.limits)?;
    }
    check_admin(&config.listener.admin)?;
    if let Some((member, expected)) = config.keystore.wrong() {
        return wrong(member, expected);
    }
    if let Some((member, expected)) = config.mail.wrong() {
        return wrong(member, expected);
    }
    if config.server.audit_retention_days == 0 {
        return wrong("server.audit_retention_days", "expected at least 1");
    }
    Ok(())
}

fn wrong(path: impl Into<String>, message: impl Into<String>) -> Result<(), ConfigError> {
    Err(ConfigError::Together {
        path: path.into(),
        message: message.into(),
    })
}

fn check_addresses(
    name: &str,
    listener: &Listener,
    taken: &mut HashSet<Address>,
) -> Result<(), ConfigError> {
    let path = format!("listener.{name}.addresses");
    if listener.addresses.is_empty() {
        return wrong(path, "expected at least one address");
    }
    for address in listener.addresses.iter() {
        let is_free_port = matches!(address, Address::Tcp(tcp) if tcp.port() == 0);
        if !is_free_port && !taken.insert(address.clone()) {
            return wrong(path, "expected an address that no other listener has");
        }
    }
    Ok(())
}

fn check_limits(name: &str, limits: Limits) -> Result<(), ConfigError> {
    let least = [
        ("connections_max", u64::from(limits.connections_max), 1),
        ("header_bytes_max", u64::from(limits.header_bytes_max), 8192),
        ("headers_max", u64::from(limits.headers_max), 16),
        (
            "handshake_timeout_s",
            u64::from(limits.handshake_timeout_s),
            1,
        ),
        ("header_timeout_s", u64::from(limits.header_timeout_s), 1),
        ("body_timeout_s", u64::from(limits.body_timeout_s), 1),
        ("request_timeout_s", u64::from(limits.request_timeout_s), 1),
        ("idle_timeout_s", u64::from(limits.idle_timeout_s), 1),
        ("http2_streams_max", u64::from(limits.http2_streams_max), 1),
    ];
    let low = least.iter().find(|(_, value, least)| value < least);
    low.map_or(Ok(()), |(limit, _, least)| {
        wrong(
            format!("listener.{name}.limits.{limit}"),
            format!("expected at least {least}"),
        )
    })
}

fn check_admin(admin: &AdminListener) -> Result<(), ConfigError> {
    let is_tcp = |address: &Address| matches!(address, Address::Tcp(_));
    match &admin.url {
        Some(url) => match crate::cli::connect::admin_url(url) {
            Ok(_) => Ok(()),
            Err(failure) => wrong("listener.admin.url", failure.what),
        },
        None if admin.addresses.iter().any(is_tcp) => Ok(()),
        None => wrong(
            "listener.admin.addresses",
            "expected an IP:PORT among them, since the command line does not speak to Unix sockets; or listener.admin.url, where a proxy offers the socket",
        ),
    }
}

#[cfg(test)]
mod tests;

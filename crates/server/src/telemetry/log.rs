//! Log lines, for people or for machines.

use crate::config::{Log, LogFormat, LogLevel};
use std::io::IsTerminal;
use tracing::Level;
use tracing_subscriber::{Layer, Registry, filter::Targets, fmt, layer::SubscriberExt};

/// Write log lines to standard error from now on. A second call in one process changes nothing.
pub fn start(log: &Log) {
    let level = level(log.level);
    // Libraries' own lines about each connection and handshake are for their authors.
    let targets = Targets::new()
        .with_default(level.min(Level::INFO))
        .with_target("countersign", level);
    let lines = match log.format {
        LogFormat::Human => fmt::layer()
            .with_writer(std::io::stderr)
            .with_target(false)
            .with_ansi(std::io::stderr().is_terminal())
            .boxed(),
        LogFormat::Json => fmt::layer()
            .json()
            .flatten_event(true)
            .with_writer(std::io::stderr)
            .boxed(),
    };
    let subscriber = Registry::default().with(lines.with_filter(targets));
    // An error means that lines are already being written: as good.
    drop(tracing::subscriber::set_global_default(subscriber));
}

fn level(level: LogLevel) -> Level {
    match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    }
}

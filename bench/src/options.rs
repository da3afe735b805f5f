//! What the command line says.

use anyhow::{Context, Result, bail, ensure};
use std::{path::PathBuf, time::Duration};

/// The text for those who ask, or who asked wrongly.
pub const USAGE: &str = "\
Ratios to the limits of the machine: see docs/performance.md.

usage: cargo xtask bench [options]

  --rounds N         rounds of each measurement, 5 or more for figures to publish (5)
  --seconds S        for how long each half of a round is counted (3)
  --connections N    kept connections that ask at once (64)
  --only NAME        only measurements whose name begins so; may be repeated
                     (decision-key, decision-jwt, token, accounts, flood, polls)
  --samples N        samples of known and of unknown accounts at each place (1000)
  --json FILE        write the figures there too
  --server FILE      measure this binary instead of building one
";

/// How to measure.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Rounds of each measurement.
    pub rounds: usize,
    /// How long each half of a round is counted.
    pub measured: Duration,
    /// Connections that ask at once.
    pub connections: usize,
    /// Samples of known and of unknown accounts at each place.
    pub samples: usize,
    /// Beginnings of names of measurements; empty: all.
    pub only: Vec<String>,
    /// Where the figures are written too.
    pub json: Option<PathBuf>,
    /// The server's binary; none: it is built.
    pub server: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rounds: 5,
            measured: Duration::from_secs(3),
            connections: 64,
            samples: 1000,
            only: Vec::new(),
            json: None,
            server: None,
        }
    }
}

impl Options {
    /// Read them.
    ///
    /// # Errors
    /// What is not understood, or is out of bounds: a load on a shared machine is a bounded one.
    pub fn read(arguments: &[String]) -> Result<Self> {
        let mut options = Self::default();
        let mut rest = arguments.iter();
        while let Some(name) = rest.next() {
            let mut value = || rest.next().with_context(|| format!("{name} needs a value"));
            match name.as_str() {
                "--rounds" => options.rounds = number(name, value()?, 1..=100)?,
                "--connections" => options.connections = number(name, value()?, 1..=1000)?,
                "--samples" => options.samples = number(name, value()?, 10..=10_000)?,
                "--seconds" => {
                    let seconds = number(name, value()?, 1..=60)?;
                    options.measured = Duration::from_secs(seconds as u64);
                }
                "--only" => options.only.push(value()?.clone()),
                "--json" => options.json = Some(value()?.into()),
                "--server" => options.server = Some(value()?.into()),
                _ => bail!("no such option: {name}\n\n{USAGE}"),
            }
        }
        Ok(options)
    }

    /// Whether the measurement called `name` is wanted.
    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty()
            || self
                .only
                .iter()
                .any(|begin| name.starts_with(begin.as_str()))
    }
}

fn number(name: &str, value: &str, bounds: std::ops::RangeInclusive<usize>) -> Result<usize> {
    let wrong = || {
        let (least, most) = (bounds.start(), bounds.end());
        format!("{name}: expected a whole number from {least} to {most}, not {value:?}")
    };
    let number = value.parse().with_context(wrong)?;
    ensure!(bounds.contains(&number), wrong());
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Options> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Options::read(&words)
    }

    #[test]
    fn without_options_five_rounds_of_everything_are_measured() {
        let options = read(&[]).unwrap();
        assert_eq!(options, Options::default());
        assert!(options.rounds >= 5);
        assert!(options.wants("token"));
    }

    #[test]
    fn options_are_read_and_bounded() {
        let options = read(&["--rounds", "7", "--seconds", "2", "--only", "decision"]).unwrap();
        assert_eq!(options.rounds, 7);
        assert_eq!(options.measured, Duration::from_secs(2));
        assert!(options.wants("decision-jwt") && !options.wants("token"));
        for wrong in [
            &["--rounds"][..],
            &["--rounds", "0"],
            &["--rounds", "x"],
            &["--connections", "100000"],
            &["--seconds", "-1"],
            &["--fast"],
        ] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}

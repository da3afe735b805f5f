//! The figures, for people and for machines.

use crate::{
    load::Sample,
    measure::{Measurement, Rounds},
    statistics::{Summary, ratios},
};
use anyhow::{Context, Result};
use serde::Serialize;
use std::fmt::Write;

/// Below this part of a core the server was not what limited the rate, and the rate says nothing of it.
const BUSY_LEAST: f64 = 0.9;
/// From this part of stolen time on, rates are disturbed; ratios less so.
const STOLEN_MOST: f64 = 0.05;

/// One side of a measurement.
#[derive(Debug, Clone, Serialize)]
pub struct Side {
    /// Requests a second.
    pub rate: Summary,
    /// Microseconds of the server's processor time for each request.
    pub micros: Summary,
    /// The part of its core that the server used.
    pub busy: Summary,
    /// The part of the machine's time that was stolen meanwhile.
    pub stolen: Summary,
}

/// One measurement.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Its name.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// The server.
    pub ours: Side,
    /// The bare server.
    pub limit: Side,
    /// Our rate over the limit's, round by round: 1 is the limit, more is better.
    pub rate_ratio: Summary,
    /// The limit's processor time over ours, round by round: 1 is the limit, more is better.
    pub cpu_ratio: Summary,
    /// Every sample.
    pub rounds: Rounds,
}

impl Report {
    /// Of all rounds of a measurement.
    ///
    /// # Errors
    /// When there was no round.
    pub fn of(what: Measurement, rounds: Rounds) -> Result<Self> {
        let ratio = |of: fn(&Sample) -> f64, one: &[Sample], other: &[Sample]| {
            Summary::of(&ratios(&values(one, of), &values(other, of))).context("no round")
        };
        Ok(Self {
            name: what.name,
            title: what.title,
            ours: Side::of(&rounds.ours).context("no round")?,
            limit: Side::of(&rounds.limit).context("no round")?,
            rate_ratio: ratio(Sample::rate, &rounds.ours, &rounds.limit)?,
            cpu_ratio: ratio(Sample::micros, &rounds.limit, &rounds.ours)?,
            rounds,
        })
    }

    /// What a reader should know before believing the figures.
    fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        for (side, who) in [(&self.ours, "countersign"), (&self.limit, "the limit")] {
            if side.busy.median < BUSY_LEAST {
                doubts.push(format!(
                    "{who} used only {:.0} % of its core: its rate was limited by something else, believe CPU per request",
                    side.busy.median * 100.0
                ));
            }
            if side.stolen.highest > STOLEN_MOST {
                doubts.push(format!(
                    "up to {:.0} % of the time was stolen during {who}: believe the ratios, not the rates",
                    side.stolen.highest * 100.0
                ));
            }
        }
        doubts
    }
}

impl Side {
    fn of(samples: &[Sample]) -> Option<Self> {
        Some(Self {
            rate: Summary::of(&values(samples, Sample::rate))?,
            micros: Summary::of(&values(samples, Sample::micros))?,
            busy: Summary::of(&values(samples, Sample::busy))?,
            stolen: Summary::of(&values(samples, |sample| sample.stolen))?,
        })
    }
}

fn values(samples: &[Sample], of: impl Fn(&Sample) -> f64) -> Vec<f64> {
    samples.iter().map(of).collect()
}

/// The table.
///
/// # Errors
/// None in practice: text is written into memory.
pub fn table(reports: &[Report]) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    writeln!(
        text,
        "{:<36} {:>12} {:>8} {:>11} {:>7} {:>6} {:>7}",
        "", "requests/s", "spread", "CPU us/req", "spread", "busy", "steal"
    )?;
    for report in reports {
        writeln!(text, "{}", report.title)?;
        for (name, side) in [
            ("  countersign", &report.ours),
            ("  bare hyper", &report.limit),
        ] {
            writeln!(
                text,
                "{name:<36} {:>12.0} {:>7.0}% {:>11.2} {:>6.0}% {:>5.0}% {:>6.1}%",
                side.rate.median,
                side.rate.spread() * 100.0,
                side.micros.median,
                side.micros.spread() * 100.0,
                side.busy.median * 100.0,
                side.stolen.median * 100.0,
            )?;
        }
        for (name, ratio) in [
            ("requests/s", &report.rate_ratio),
            ("CPU", &report.cpu_ratio),
        ] {
            writeln!(
                text,
                "  ratio to the limit by {name:<13} {:>12.3}   ({:.3} to {:.3})",
                ratio.median, ratio.lowest, ratio.highest
            )?;
        }
        for doubt in report.doubts() {
            writeln!(text, "  note: {doubt}")?;
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::MEASUREMENTS;

    fn sample(requests: u64, server_seconds: f64, stolen: f64) -> Sample {
        Sample {
            requests,
            seconds: 1.0,
            server_seconds,
            stolen,
        }
    }

    fn report(ours: &[Sample], limit: &[Sample]) -> Report {
        let rounds = Rounds {
            ours: ours.to_vec(),
            limit: limit.to_vec(),
        };
        Report::of(MEASUREMENTS[0], rounds).unwrap()
    }

    #[test]
    fn both_ratios_say_one_at_the_limit_and_less_below_it() {
        let report = report(
            &[sample(80_000, 1.0, 0.0), sample(26_000, 0.325, 0.0)],
            &[sample(100_000, 1.0, 0.0), sample(32_500, 0.325, 0.0)],
        );
        assert!((report.rate_ratio.median - 0.8).abs() < 1e-9);
        assert!((report.cpu_ratio.median - 0.8).abs() < 1e-9);
    }

    #[test]
    fn figures_that_mislead_say_so() {
        let sound = report(&[sample(9, 0.99, 0.0)], &[sample(9, 0.99, 0.0)]);
        assert_eq!(sound.doubts(), Vec::<String>::new());
        let idle = report(&[sample(9, 0.99, 0.0)], &[sample(9, 0.5, 0.0)]);
        assert!(idle.doubts()[0].starts_with("the limit used only 50 %"));
        let stolen = report(&[sample(9, 0.99, 0.3)], &[sample(9, 0.99, 0.0)]);
        assert!(stolen.doubts()[0].starts_with("up to 30 % of the time was stolen"));
        let table = table(&[stolen]).unwrap();
        assert!(table.contains("note: up to 30 %"), "{table}");
    }
}

//! Requests at a fixed rate, whatever the server does meanwhile. Each is timed from when it was due: who waits behind
//! another waits too.

use crate::{
    machine,
    measure::Place,
    probe::Connection,
    process,
    statistics::{Summary, quantile, ratios},
};
use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use std::{fmt::Write, net::SocketAddr, thread, time::Duration};

/// What to ask for, and how often.
#[derive(Debug, Serialize, Deserialize)]
pub struct Arrivals {
    /// Where.
    pub address: SocketAddr,
    /// The requests, as they are written, in turn.
    pub requests: Vec<String>,
    /// How many a second.
    pub per_second: usize,
    /// Connections that ask in turn.
    pub connections: usize,
    /// For how long.
    pub lasts: Duration,
}

/// Ask as planned; how long each took since it was due, in microseconds.
///
/// # Errors
/// When one is refused.
pub fn run(plan: &Arrivals) -> Result<Vec<f64>> {
    let count = plan.per_second * usize::try_from(plan.lasts.as_secs())?;
    let apart = Duration::from_secs(1) / u32::try_from(plan.per_second)?;
    let started = machine::now();
    let by_one = |first: usize| -> Result<Vec<f64>> {
        let mut connection = Connection::open(plan.address)?;
        let mut took = Vec::new();
        for number in (first..count).step_by(plan.connections) {
            let request = plan.requests.get(number % plan.requests.len());
            let due = apart * u32::try_from(number)?;
            thread::sleep(due.saturating_sub(started.elapsed()));
            let answer = connection.ask(request.context("no requests")?)?;
            ensure!(answer.status == 200, "one was refused: {answer:?}");
            took.push(started.elapsed().saturating_sub(due).as_secs_f64() * 1e6);
        }
        Ok(took)
    };
    let by_all: Result<Vec<Vec<f64>>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..plan.connections)
            .map(|first| scope.spawn(move || by_one(first)))
            .collect();
        let joined = threads.into_iter().map(|thread| match thread.join() {
            Ok(took) => took,
            Err(_) => bail!("a thread that asks failed"),
        });
        joined.collect()
    });
    Ok(by_all?.concat())
}

/// The same in a process of its own, on the core of the load.
///
/// # Errors
/// When one is refused.
pub fn ask(place: &Place, plan: &Arrivals) -> Result<Vec<f64>> {
    let plan = serde_json::to_string(plan)?;
    let printed = process::ask(place.load_core, &place.own_file, "arrivals", &plan)?;
    serde_json::from_str(&printed).context("the arrivals' figures")
}

/// How long requests took with nothing else going on and beside something, in microseconds, round by round.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Compared {
    /// The 99th percentile, with nothing else going on.
    pub quiet: Vec<f64>,
    /// The same beside it.
    pub beside: Vec<f64>,
    /// The median, with nothing else going on.
    pub quiet_median: Vec<f64>,
    /// The same beside it.
    pub beside_median: Vec<f64>,
}

impl Compared {
    /// Another round.
    ///
    /// # Errors
    /// When nothing was asked in it.
    pub fn add(&mut self, quiet: &[f64], beside: &[f64]) -> Result<()> {
        let at = |took, part| quantile(took, part).context("nothing was asked");
        self.quiet.push(at(quiet, 0.99)?);
        self.beside.push(at(beside, 0.99)?);
        self.quiet_median.push(at(quiet, 0.5)?);
        self.beside_median.push(at(beside, 0.5)?);
        Ok(())
    }

    /// The figures, for people.
    ///
    /// # Errors
    /// When there was no round.
    pub fn table(&self, title: &str, what: &str) -> Result<String> {
        let summary = |values: &[f64]| Summary::of(values).context("no round");
        let mut text = format!(
            "{title:<40} {:>12} {:>12} {:>8}\n",
            "quiet us", "beside us", "ratio"
        );
        for (of, quiet, beside) in [
            ("median", &self.quiet_median, &self.beside_median),
            ("99th percentile", &self.quiet, &self.beside),
        ] {
            let ratio = summary(&ratios(beside, quiet))?;
            writeln!(
                text,
                "{:<40} {:>12.0} {:>12.0} {:>8.2}   ({:.2} to {:.2})",
                format!("  {what}, {of}"),
                summary(quiet)?.median,
                summary(beside)?.median,
                ratio.median,
                ratio.lowest,
                ratio.highest
            )?;
        }
        Ok(text)
    }
}

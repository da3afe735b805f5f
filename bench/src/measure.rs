//! What is measured: ours and its limit, in turns, so that what disturbs the machine disturbs both.

use crate::{
    bare::LISTENING,
    countersign::Countersign,
    load::{Answer, Plan, Sample, ask_once},
    options::Options,
    process::{self, Process},
};
use anyhow::{Context, Result, ensure};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// Long enough for connections, caches and the allocator to settle.
const WARM_UP: Duration = Duration::from_millis(700);

/// Where things run.
#[derive(Debug, Clone)]
pub struct Place {
    /// The core of the servers.
    pub server_core: u32,
    /// The core of the load.
    pub load_core: u32,
    /// This program.
    pub own_file: PathBuf,
    /// For what is handed to other processes.
    pub folder: PathBuf,
}

/// One kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measurement {
    /// For `--only`, and in the JSON.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// The subcommand that is its limit.
    pub limit: &'static str,
}

/// Every kind.
pub const MEASUREMENTS: [Measurement; 3] = [
    Measurement {
        name: "decision-key",
        title: "warm decision, API key",
        limit: "bare-decision",
    },
    Measurement {
        name: "decision-jwt",
        title: "warm decision, access token (JWT)",
        limit: "bare-decision",
    },
    Measurement {
        name: "token",
        title: "RS256 token, client credentials",
        limit: "bare-token",
    },
];

/// Both halves of every round.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Rounds {
    /// The server's.
    pub ours: Vec<Sample>,
    /// The bare server's.
    pub limit: Vec<Sample>,
}

/// Measure one kind of request.
///
/// # Errors
/// When a process does not start, or a server answers with anything but 200.
pub async fn measure(
    what: Measurement,
    countersign: &Countersign,
    place: &Place,
    options: &Options,
) -> Result<Rounds> {
    let (address, request) = match what.name {
        "decision-key" => (countersign.server.gateway, countersign.decision_with_key()),
        "decision-jwt" => (
            countersign.server.gateway,
            countersign.decision_with_token().await?,
        ),
        _ => (countersign.server.public, countersign.token()),
    };
    let answer = ask_once(address, &request).await?;
    ensure!(answer.status == 200, "{}: {answer:?}", what.title);
    let (bare, bare_address) = start_bare(what, &answer, place)?;
    same_answer(&answer, &ask_once(bare_address, &request).await?)?;

    let plan = |address, server| Plan {
        address,
        server,
        request: request.clone(),
        connections: options.connections,
        warm_up: WARM_UP,
        measured: options.measured,
    };
    let ours = plan(address, countersign.server.process.id());
    let limit = plan(bare_address, bare.id());
    let mut rounds = Rounds {
        ours: Vec::new(),
        limit: Vec::new(),
    };
    for round in 1..=options.rounds {
        eprintln!("{}: round {round} of {}", what.title, options.rounds);
        rounds.ours.push(sample(place, &ours)?);
        rounds.limit.push(sample(place, &limit)?);
    }
    Ok(rounds)
}

fn start_bare(what: Measurement, answer: &Answer, place: &Place) -> Result<(Process, SocketAddr)> {
    let file = place.folder.join(format!("{}.json", what.name));
    std::fs::write(&file, serde_json::to_vec(answer)?)
        .with_context(|| format!("cannot write {}", file.display()))?;
    let arguments = [Path::new(what.limit), &file];
    let mut bare = Process::start(place.server_core, &place.own_file, &arguments, &[])?;
    let address = bare.wait_for_line(LISTENING).context(what.limit)?;
    Ok((bare, address.parse()?))
}

/// The limit is one only if it writes as much.
fn same_answer(ours: &Answer, bare: &Answer) -> Result<()> {
    let names = |answer: &Answer| {
        let mut names: Vec<String> = answer
            .headers
            .iter()
            .map(|(name, _)| name.clone())
            .collect();
        names.sort_unstable();
        names
    };
    let bytes = |answer: &Answer| {
        let headers = answer
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len());
        headers.sum::<usize>() + answer.body.len()
    };
    ensure!(
        ours.status == bare.status && names(ours) == names(bare) && bytes(ours) == bytes(bare),
        "the bare server answers otherwise:\n{ours:?}\n{bare:?}"
    );
    Ok(())
}

/// One half of a round, in a process of its own.
fn sample(place: &Place, plan: &Plan) -> Result<Sample> {
    let plan = serde_json::to_string(plan)?;
    let printed = process::ask(place.load_core, &place.own_file, "load", &plan)?;
    serde_json::from_str(&printed).context("the load printed other than a sample")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(headers: &[(&str, &str)], body: &str) -> Answer {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Answer {
            status: 200,
            headers: headers.iter().map(own).collect(),
            body: body.to_owned(),
        }
    }

    #[test]
    fn a_limit_that_writes_less_is_none() {
        let ours = answer(&[("a", "1"), ("date", "now")], "xy");
        assert!(same_answer(&ours, &answer(&[("date", "was"), ("a", "2")], "zz")).is_ok());
        assert!(same_answer(&ours, &answer(&[("date", "was")], "zz")).is_err());
        assert!(same_answer(&ours, &answer(&[("a", ""), ("date", "was")], "zz")).is_err());
        assert!(same_answer(&ours, &answer(&[("a", "1"), ("date", "was")], "z")).is_err());
    }

    #[test]
    fn measurements_have_names_of_their_own() {
        let names: std::collections::HashSet<&str> =
            MEASUREMENTS.iter().map(|what| what.name).collect();
        assert_eq!(names.len(), MEASUREMENTS.len());
    }
}

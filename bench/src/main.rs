//! Ratios to the limits of the machine, and what strangers can make or tell of ours. `docs/performance.md` says what is measured and why.

mod accounts;
mod arrivals;
mod bare;
mod countersign;
mod flood;
mod load;
mod machine;
mod measure;
mod message;
mod options;
mod people;
mod polls;
mod probe;
mod process;
mod report;
mod server;
mod statistics;

use anyhow::{Context, Result, bail};
use countersign::Countersign;
use measure::{MEASUREMENTS, Measurement, Place};
use options::{Options, USAGE};
use report::Report;
use std::{path::Path, process::ExitCode};

// The server's allocator: the limit is to have no other.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match dispatch(&process::arguments()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("countersign-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What the benchmark starts of itself; the last is what people start.
fn dispatch(arguments: &[String]) -> Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["bare-decision", file] => match bare::decision(&answer(file)?)? {},
        ["bare-token", file] => match bare::token(&answer(file)?)? {},
        ["load"] => print(&load::run(&plan()?)?),
        ["probe"] => print(&probe::run(&plan()?)?),
        ["arrivals"] => print(&arrivals::run(&plan()?)?),
        ["flood"] => print(&flood::flood(&plan()?)?),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => run(&Options::read(arguments)?),
    }
}

fn plan<T: serde::de::DeserializeOwned>() -> Result<T> {
    serde_json::from_reader(std::io::stdin()).context("no plan")
}

fn print(figures: &impl serde::Serialize) -> Result<()> {
    println!("{}", serde_json::to_string(figures)?);
    Ok(())
}

fn answer(file: &str) -> Result<load::Answer> {
    let text = std::fs::read(file).with_context(|| format!("cannot read {file}"))?;
    serde_json::from_slice(&text).with_context(|| format!("{file} holds no answer"))
}

fn run(options: &Options) -> Result<()> {
    let wanted: Vec<_> = MEASUREMENTS
        .into_iter()
        .filter(|what| options.wants(what.name))
        .collect();
    let others = ["accounts", "flood", "polls"].map(|name| options.wants(name));
    let [accounts, flood, polls] = others;
    if wanted.is_empty() && others == [false; 3] {
        bail!(
            "--only {} names no measurement\n\n{USAGE}",
            options.only.join(", ")
        );
    }
    if cfg!(debug_assertions) {
        eprintln!("note: built without optimization, so the limit is none: use cargo xtask bench");
    }
    let cores = machine::cores()?;
    let (Some(&server_core), Some(&load_core), true) =
        (cores.first(), cores.last(), cores.len() > 1)
    else {
        bail!("two cores are needed, one for the server and one for the load");
    };
    let server = match &options.server {
        Some(file) => std::path::absolute(file).with_context(|| file.display().to_string())?,
        None => process::build_server()?,
    };
    let folder = tempfile::tempdir().context("cannot make a folder")?;
    let place = Place {
        server_core,
        load_core,
        own_file: process::own_file()?,
        folder: folder.path().to_owned(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a runtime")?;
    let figures = runtime.block_on(async {
        anyhow::Ok(Figures {
            processor: machine::processor(),
            measurements: ratios(&wanted, &place, &server, options).await?,
            accounts: match accounts {
                true => accounts::measure(&place, &server, options).await?,
                false => Vec::new(),
            },
            flood: match flood {
                true => Some(flood::measure(&place, &server, options).await?),
                false => None,
            },
            polls: match polls {
                true => Some(polls::measure(&place, &server, options).await?),
                false => None,
            },
        })
    })?;
    println!(
        "{}; servers on core {server_core}, load on core {load_core}; {} rounds of {} s, {} connections\n",
        figures.processor,
        options.rounds,
        options.measured.as_secs(),
        options.connections
    );
    print!("{}", figures.tables()?);
    options
        .json
        .as_deref()
        .map_or(Ok(()), |file| write(file, &figures))
}

/// Everything that was measured.
#[derive(serde::Serialize)]
struct Figures {
    processor: String,
    measurements: Vec<Report>,
    accounts: Vec<accounts::Seen>,
    flood: Option<flood::Seen>,
    polls: Option<polls::Seen>,
}

impl Figures {
    fn tables(&self) -> Result<String> {
        let mut tables = Vec::new();
        if !self.measurements.is_empty() {
            tables.push(report::table(&self.measurements)?);
        }
        if !self.accounts.is_empty() {
            tables.push(accounts::table(&self.accounts)?);
        }
        if let Some(flood) = &self.flood {
            tables.push(flood::table(flood)?);
        }
        if let Some(polls) = &self.polls {
            tables.push(polls::table(polls)?);
        }
        Ok(tables.join("\n"))
    }
}

async fn ratios(
    wanted: &[Measurement],
    place: &Place,
    server: &Path,
    options: &Options,
) -> Result<Vec<Report>> {
    let mut reports = Vec::new();
    if wanted.is_empty() {
        return Ok(reports);
    }
    let countersign = Countersign::start(place.server_core, server).await?;
    for what in wanted {
        let rounds = measure::measure(*what, &countersign, place, options).await?;
        reports.push(Report::of(*what, rounds)?);
    }
    Ok(reports)
}

fn write(file: &Path, figures: &Figures) -> Result<()> {
    let text = format!("{}\n", serde_json::to_string_pretty(figures)?);
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

//! Ratios to the limits of the machine. `docs/performance.md` says what is measured and why.

mod bare;
mod countersign;
mod load;
mod machine;
mod measure;
mod message;
mod options;
mod process;
mod report;
mod statistics;

use anyhow::{Context, Result, bail};
use countersign::Countersign;
use measure::{MEASUREMENTS, Place};
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

/// The first three are what the benchmark starts of itself; the last is what people start.
fn dispatch(arguments: &[String]) -> Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["bare-decision", file] => match bare::decision(&answer(file)?)? {},
        ["bare-token", file] => match bare::token(&answer(file)?)? {},
        ["load"] => {
            let plan = serde_json::from_reader(std::io::stdin()).context("no plan")?;
            println!("{}", serde_json::to_string(&load::run(&plan)?)?);
            Ok(())
        }
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => run(&Options::read(arguments)?),
    }
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
    if wanted.is_empty() {
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
        Some(file) => file.clone(),
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
    let reports = runtime.block_on(async {
        let countersign = Countersign::start(server_core, &server).await?;
        let mut reports = Vec::new();
        for what in wanted {
            let rounds = measure::measure(what, &countersign, &place, options).await?;
            reports.push(Report::of(what, rounds)?);
        }
        anyhow::Ok(reports)
    })?;
    println!(
        "{}; servers on core {server_core}, load on core {load_core}; {} rounds of {} s, {} connections\n",
        machine::processor(),
        options.rounds,
        options.measured.as_secs(),
        options.connections
    );
    print!("{}", report::table(&reports)?);
    options
        .json
        .as_deref()
        .map_or(Ok(()), |file| write(file, &reports))
}

fn write(file: &Path, reports: &[Report]) -> Result<()> {
    let json = serde_json::json!({ "processor": machine::processor(), "measurements": reports });
    let text = format!("{json:#}\n");
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

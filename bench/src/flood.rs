//! What a flood of logins does to everybody else: to the memory of the server, and to how long its token endpoint
//! takes.
//!
//! Tokens are asked for at a fixed rate, whatever the server does meanwhile, and each is timed from when it was due:
//! who waits behind another waits too.

use crate::{
    countersign, machine,
    measure::Place,
    message::{self, ANSWER_BYTES_MAX},
    options::Options,
    people::{self, HOST, People},
    probe::Connection,
    process,
    server::Server,
    statistics::{Summary, quantile, ratios},
};
use anyhow::{Context, Result, bail, ensure};
use bytes::BytesMut;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fmt::Write,
    net::SocketAddr,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

/// Logins at a time.
const AT_ONCE: usize = 200;
/// Tokens a second: a tenth of what one core signs.
const TOKENS_PER_SECOND: usize = 100;
/// Connections by which tokens are asked for in turn.
const TOKEN_CONNECTIONS: usize = 8;
/// For how long the flood goes on before and after what is counted.
const AROUND: Duration = Duration::from_millis(500);
/// Memory of one hash.
const HASH_KIB: u64 = 19 * 1024;

/// Ask for tokens at a fixed rate.
#[derive(Debug, Serialize, Deserialize)]
pub struct Arrivals {
    address: SocketAddr,
    request: String,
    lasts: Duration,
}

/// Log in on many connections at once.
#[derive(Debug, Serialize, Deserialize)]
pub struct Flood {
    address: SocketAddr,
    server: u32,
    lasts: Duration,
    /// From here on addresses and networks are unused.
    first: usize,
}

/// What came of a flood.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Flooded {
    /// How often each status was answered.
    answers: BTreeMap<u16, usize>,
    /// The most memory that the server held, in KiB.
    resident_kib: u64,
}

/// Ask as planned; how long each token took since it was due, in microseconds.
///
/// # Errors
/// When a token is refused.
pub fn arrive(plan: &Arrivals) -> Result<Vec<f64>> {
    let count = TOKENS_PER_SECOND * usize::try_from(plan.lasts.as_secs())?;
    let started = machine::now();
    let by_one = |first: usize| -> Result<Vec<f64>> {
        let mut connection = Connection::open(plan.address)?;
        let mut took = Vec::new();
        for number in (first..count).step_by(TOKEN_CONNECTIONS) {
            let due =
                Duration::from_secs(1) / u32::try_from(TOKENS_PER_SECOND)? * u32::try_from(number)?;
            thread::sleep(due.saturating_sub(started.elapsed()));
            let answer = connection.ask(&plan.request)?;
            ensure!(answer.status == 200, "a token was refused: {answer:?}");
            took.push(started.elapsed().saturating_sub(due).as_secs_f64() * 1e6);
        }
        Ok(took)
    };
    let by_all: Result<Vec<Vec<f64>>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..TOKEN_CONNECTIONS)
            .map(|first| scope.spawn(move || by_one(first)))
            .collect();
        let joined = threads.into_iter().map(|thread| match thread.join() {
            Ok(took) => took,
            Err(_) => bail!("a thread that asks for tokens failed"),
        });
        joined.collect()
    });
    Ok(by_all?.concat())
}

/// Log in as planned.
///
/// # Errors
/// When the server cannot be reached, or ends a connection.
pub fn flood(plan: &Flood) -> Result<Flooded> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a runtime")?;
    runtime.block_on(async {
        let next = std::sync::Arc::new(AtomicUsize::new(plan.first));
        let mut visitors = JoinSet::new();
        for _ in 0..AT_ONCE {
            let (next, address) = (std::sync::Arc::clone(&next), plan.address);
            let lasts = plan.lasts;
            visitors.spawn(async move { log_in(address, &next, lasts).await });
        }
        let mut flooded = Flooded {
            answers: BTreeMap::new(),
            resident_kib: 0,
        };
        loop {
            match timeout(Duration::from_millis(20), visitors.join_next()).await {
                Ok(None) => return Ok(flooded),
                Ok(Some(answers)) => {
                    for status in answers.context("a visitor's task failed")?? {
                        *flooded.answers.entry(status).or_default() += 1;
                    }
                }
                Err(_) => {
                    let now = machine::resident_kib(plan.server)?;
                    flooded.resident_kib = flooded.resident_kib.max(now);
                }
            }
        }
    })
}

/// One visitor, who tries addresses one after the other, and does as a busy server says.
async fn log_in(address: SocketAddr, next: &AtomicUsize, lasts: Duration) -> Result<Vec<u16>> {
    let started = machine::now();
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut answers = Vec::new();
    while started.elapsed() < lasts {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let guess = people::guess(&people::nobody(number), &people::from(number));
        stream.write_all(guess.as_bytes()).await?;
        let status = status(&mut stream).await?;
        answers.push(status);
        if status == 503 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    Ok(answers)
}

async fn status(stream: &mut TcpStream) -> Result<u16> {
    let mut buffer = BytesMut::with_capacity(ANSWER_BYTES_MAX / 32);
    loop {
        ensure!(
            stream.read_buf(&mut buffer).await? > 0,
            "the server closed a connection"
        );
        if message::extent(&buffer)?.is_some_and(|extent| buffer.len() >= extent.whole) {
            return message::status(&buffer);
        }
    }
}

/// What was seen.
#[derive(Debug, Clone, Serialize)]
pub struct Seen {
    /// Microseconds of the 99th percentile of tokens, round by round, with nothing else going on.
    pub quiet: Vec<f64>,
    /// The same in the flood.
    pub flooded: Vec<f64>,
    /// The medians, likewise.
    pub quiet_median: Vec<f64>,
    /// The same in the flood.
    pub flooded_median: Vec<f64>,
    /// Memory before the first flood, in KiB.
    pub base_kib: u64,
    /// The most in a flood.
    pub most_kib: u64,
    /// How often each status was answered to a login.
    pub answers: BTreeMap<u16, usize>,
}

/// Measure it.
///
/// # Errors
/// When the server does not start, or a token is refused.
pub async fn measure(place: &Place, program: &Path, options: &Options) -> Result<Seen> {
    let server = Server::start(place.server_core, program).await?;
    let people = People::set_up(&server, 1).await?;
    let request = countersign::token(HOST, &people.basic);
    people::first_token(&server, &request).await?;
    let arrivals = Arrivals {
        address: server.public,
        request,
        lasts: options.measured,
    };
    let arrivals = serde_json::to_string(&arrivals)?;
    let ask = || -> Result<Vec<f64>> {
        let printed = process::ask(place.load_core, &place.own_file, "arrivals", &arrivals)?;
        serde_json::from_str(&printed).context("the arrivals' figures")
    };
    // Connections, caches and the allocator settle.
    ask()?;
    let mut seen = Seen {
        quiet: Vec::new(),
        flooded: Vec::new(),
        quiet_median: Vec::new(),
        flooded_median: Vec::new(),
        base_kib: machine::resident_kib(server.process.id())?,
        most_kib: 0,
        answers: BTreeMap::new(),
    };
    for round in 1..=options.rounds {
        eprintln!("login flood: round {round} of {}", options.rounds);
        let quiet = ask()?;
        let plan = Flood {
            address: server.public,
            server: server.process.id(),
            lasts: options.measured + 2 * AROUND,
            first: 100 + round * 1_000_000,
        };
        let plan = serde_json::to_string(&plan)?;
        let (flooded, came) = thread::scope(|scope| {
            let flood = || process::ask(place.load_core, &place.own_file, "flood", &plan);
            let flood = scope.spawn(flood);
            thread::sleep(AROUND);
            let flooded = ask();
            (flooded, flood.join())
        });
        let Ok(came) = came else {
            bail!("the thread of the flood failed");
        };
        let came: Flooded = serde_json::from_str(&came?).context("the flood's figures")?;
        seen.add(&quiet, &flooded?, came)?;
    }
    Ok(seen)
}

impl Seen {
    fn add(&mut self, quiet: &[f64], flooded: &[f64], came: Flooded) -> Result<()> {
        let at = |took, part| quantile(took, part).context("no tokens");
        self.quiet.push(at(quiet, 0.99)?);
        self.flooded.push(at(flooded, 0.99)?);
        self.quiet_median.push(at(quiet, 0.5)?);
        self.flooded_median.push(at(flooded, 0.5)?);
        self.most_kib = self.most_kib.max(came.resident_kib);
        for (status, count) in came.answers {
            *self.answers.entry(status).or_default() += count;
        }
        Ok(())
    }
}

/// The figures, for people.
///
/// # Errors
/// When there was no round.
pub fn table(seen: &Seen) -> Result<String> {
    let summary = |values: &[f64]| Summary::of(values).context("no round");
    let mut text = String::new();
    writeln!(
        text,
        "{:<36} {:>12} {:>12} {:>8}",
        format!("login flood, {AT_ONCE} at a time"),
        "quiet us",
        "flood us",
        "ratio"
    )?;
    for (name, quiet, flooded) in [
        ("  token, median", &seen.quiet_median, &seen.flooded_median),
        ("  token, 99th percentile", &seen.quiet, &seen.flooded),
    ] {
        let ratio = summary(&ratios(flooded, quiet))?;
        writeln!(
            text,
            "{name:<36} {:>12.0} {:>12.0} {:>8.2}   ({:.2} to {:.2})",
            summary(quiet)?.median,
            summary(flooded)?.median,
            ratio.median,
            ratio.lowest,
            ratio.highest
        )?;
    }
    // The server has one core here, so one hash at a time.
    let allowed = (seen.base_kib + HASH_KIB) * 11 / 10;
    writeln!(
        text,
        "  memory: {} KiB before, {} KiB at most; base + 19 MiB + 10 % is {allowed} KiB",
        seen.base_kib, seen.most_kib
    )?;
    let answers = seen
        .answers
        .iter()
        .map(|(status, count)| format!("{count} x {status}"));
    let answers: Vec<String> = answers.collect();
    writeln!(text, "  logins: {}", answers.join(", "))?;
    Ok(text)
}

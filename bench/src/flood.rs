//! What a flood of logins does to everybody else: to the memory of the server, and to how long its token endpoint
//! takes.

use crate::{
    arrivals::{self, Arrivals, Compared},
    countersign, machine,
    measure::Place,
    message::{self, ANSWER_BYTES_MAX},
    options::Options,
    people::{self, HOST, People},
    process,
    server::Server,
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
/// When an idle server has given back the memory of its hashes.
const GIVEN_BACK_AFTER: Duration = Duration::from_secs(6);
/// Memory of one hash.
const HASH_KIB: u64 = 19 * 1024;

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
    /// The memory that the server held once all visitors were there, and had asked what nobody hashes for, in KiB.
    base_kib: u64,
    /// The most that it held, in KiB.
    most_kib: u64,
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
        let mut streams = Vec::new();
        for _ in 0..AT_ONCE {
            streams.push(visit(plan.address).await?);
        }
        let base_kib = machine::resident_kib(plan.server)?;
        let next = std::sync::Arc::new(AtomicUsize::new(plan.first));
        let mut visitors = JoinSet::new();
        for stream in streams {
            let next = std::sync::Arc::clone(&next);
            let lasts = plan.lasts;
            visitors.spawn(async move { log_in(stream, &next, lasts).await });
        }
        let mut flooded = Flooded {
            answers: BTreeMap::new(),
            base_kib,
            most_kib: base_kib,
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
                    flooded.most_kib = flooded.most_kib.max(now);
                }
            }
        }
    })
}

/// A visitor's connection, by which something was asked already.
async fn visit(address: SocketAddr) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let request = format!("GET /oauth2/jwks HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    ensure!(status(&mut stream).await? == 200, "a visitor was refused");
    Ok(stream)
}

/// One visitor, who tries addresses one after the other, and does as a busy server says.
async fn log_in(mut stream: TcpStream, next: &AtomicUsize, lasts: Duration) -> Result<Vec<u16>> {
    let started = machine::now();
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
    /// How long tokens took, with nothing else going on and in the flood.
    pub tokens: Compared,
    /// Memory before a flood beside which nothing else is asked, in KiB.
    pub base_kib: u64,
    /// The most in it.
    pub most_kib: u64,
    /// The most in each flood beside which tokens were asked for, one after the other.
    pub most_beside_kib: Vec<u64>,
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
        requests: vec![request],
        per_second: TOKENS_PER_SECOND,
        connections: TOKEN_CONNECTIONS,
        lasts: options.measured,
    };
    let ask = || arrivals::ask(place, &arrivals);
    let flood = |round: usize| -> Result<Flooded> {
        let plan = Flood {
            address: server.public,
            server: server.process.id(),
            lasts: options.measured + 2 * AROUND,
            first: 100 + round * 1_000_000,
        };
        let plan = serde_json::to_string(&plan)?;
        let printed = process::ask(place.load_core, &place.own_file, "flood", &plan)?;
        serde_json::from_str(&printed).context("the flood's figures")
    };
    // Connections, caches and the allocator settle, and the hashes of the set-up give their memory back.
    ask()?;
    thread::sleep(GIVEN_BACK_AFTER);
    let alone = flood(0)?;
    let mut seen = Seen {
        tokens: Compared::default(),
        base_kib: alone.base_kib,
        most_kib: alone.most_kib,
        most_beside_kib: Vec::new(),
        answers: BTreeMap::new(),
    };
    for round in 1..=options.rounds {
        eprintln!("login flood: round {round} of {}", options.rounds);
        let quiet = ask()?;
        let (flooded, came) = thread::scope(|scope| {
            let flood = scope.spawn(|| flood(round));
            thread::sleep(AROUND);
            let flooded = ask();
            (flooded, flood.join())
        });
        let Ok(came) = came else {
            bail!("the thread of the flood failed");
        };
        let came = came?;
        seen.tokens.add(&quiet, &flooded?)?;
        seen.most_beside_kib.push(came.most_kib);
        for (status, count) in came.answers {
            *seen.answers.entry(status).or_default() += count;
        }
    }
    Ok(seen)
}

/// The figures, for people.
///
/// # Errors
/// When there was no round.
pub fn table(seen: &Seen) -> Result<String> {
    let title = format!("login flood, {AT_ONCE} at a time");
    let mut text = seen.tokens.table(&title, "token")?;
    // The server has one core here, so one hash at a time.
    let (base_kib, most_kib) = (seen.base_kib, seen.most_kib);
    let allowed = (base_kib + HASH_KIB) * 11 / 10;
    let beside = seen.most_beside_kib.iter().max().context("no round")?;
    writeln!(
        text,
        "  memory: {base_kib} KiB before, {most_kib} KiB at most; base + 19 MiB + 10 % is {allowed} KiB\n  \
         with tokens beside, after all rounds: {beside} KiB at most"
    )?;
    let answers = seen
        .answers
        .iter()
        .map(|(status, count)| format!("{count} x {status}"));
    let answers: Vec<String> = answers.collect();
    writeln!(text, "  logins: {}", answers.join(", "))?;
    Ok(text)
}

//! What those who wait for a person's answer do to everybody else: a thousand polls a second, and how long decisions
//! take meanwhile.

use crate::{
    arrivals::{self, Arrivals, Compared},
    load::ask_once,
    measure::Place,
    options::Options,
    process,
    server::{Server, expect, text},
};
use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use serde_json::{Value, json};
use std::{path::Path, thread, time::Duration};

/// The name under which the API is reached; nothing resolves it.
const HOST: &str = "api.polls.example";
const POLLS_PER_SECOND: usize = 1000;
/// Each is asked about twice a second, which is what one approval may be (`POLL_RATE`).
const APPROVALS: usize = 500;
/// Decisions a second: a few hundredths of what one core makes.
const DECISIONS_PER_SECOND: usize = 500;
const CONNECTIONS: usize = 8;
/// For how long polls go on before and after what is counted.
const AROUND: Duration = Duration::from_secs(1);
const PIN: &str = "736152";

/// What was seen.
#[derive(Debug, Clone, Serialize)]
pub struct Seen {
    /// How long decisions took, with nothing else going on and beside the polls.
    pub decisions: Compared,
    /// How long the polls took.
    pub polls: Compared,
}

/// Measure it.
///
/// # Errors
/// When the server does not start, or anything is refused.
pub async fn measure(place: &Place, program: &Path, options: &Options) -> Result<Seen> {
    let server = Server::start(place.server_core, program).await?;
    let key = set_up(&server).await?;
    let phone = Phone::enrol(place, program, &server).await?;
    let mut polls = Vec::new();
    for number in 0..APPROVALS {
        let id = ask(&server, &key, number).await?;
        phone.run(&["reject", &id])?;
        polls.push(format!(
            "GET /approvals/{id} HTTP/1.1\r\nHost: {HOST}\r\n\r\n"
        ));
    }
    let decisions = Arrivals {
        address: server.gateway,
        requests: vec![question(&key, "GET", "/sites")],
        per_second: DECISIONS_PER_SECOND,
        connections: CONNECTIONS,
        lasts: options.measured,
    };
    let mut polls = Arrivals {
        address: server.public,
        requests: polls,
        per_second: POLLS_PER_SECOND,
        connections: CONNECTIONS,
        lasts: options.measured,
    };
    // Connections, caches and the allocator settle.
    arrivals::ask(place, &decisions)?;
    let mut seen = Seen {
        decisions: Compared::default(),
        polls: Compared::default(),
    };
    for round in 1..=options.rounds {
        eprintln!("polls: round {round} of {}", options.rounds);
        let quiet = arrivals::ask(place, &decisions)?;
        polls.lasts = options.measured;
        let alone = arrivals::ask(place, &polls)?;
        polls.lasts = options.measured + 2 * AROUND;
        let (beside, polled) = thread::scope(|scope| {
            let polled = scope.spawn(|| arrivals::ask(place, &polls));
            thread::sleep(AROUND);
            let beside = arrivals::ask(place, &decisions);
            (beside, polled.join())
        });
        let Ok(polled) = polled else {
            bail!("the thread of the polls failed");
        };
        seen.decisions.add(&quiet, &beside?)?;
        seen.polls.add(&alone, &polled?)?;
    }
    Ok(seen)
}

/// An environment with an approver, and a client with an API key, which it is.
async fn set_up(server: &Server) -> Result<String> {
    let phones = server.public.to_string();
    let environment = json!({
        "id": "polls", "mode": "sandbox", "issuer": format!("http://{HOST}"), "hosts": [HOST, phones],
        "phone_url": format!("http://{phones}"), "dialects": ["standard"],
    });
    server.create("/environments", &environment).await?;
    let organization = json!({ "id": "acme", "display_name": "Acme" });
    server.create("/organizations", &organization).await?;
    let approver = json!({ "id": "ada", "display_name": "Ada", "groups": ["finance"] });
    let approvers = "/environments/polls/organizations/acme/approvers";
    server.add(approvers, &approver).await?;
    let client = json!({ "organization": "acme", "display_name": "Payroll", "kind": "backend" });
    let clients = "/environments/polls/clients";
    let client = server.create(clients, &client).await?;
    let path = format!("{clients}/{}/credentials", text(&client, "id")?);
    let key = server.create(&path, &json!({ "kind": "api_key" })).await?;
    let guards = json!({ "guards": [
        {
            "name": "payouts", "paths": ["/payouts"], "accept": ["api_key"], "approval": "required",
            "approvers": { "organization": "acme", "group": "finance", "needed": 1 }, "body": "none",
            "sentence": "Pay {query.to}",
        },
        { "name": "sites", "paths": ["/sites"], "accept": ["api_key"] },
    ] });
    server.guards("polls", &guards).await?;
    Ok(text(&key, "secret")?.to_owned())
}

/// What a proxy asks about a request.
fn question(key: &str, method: &str, target: &str) -> String {
    format!(
        "GET /decision HTTP/1.1\r\nHost: countersign\r\nX-Original-Method: {method}\r\n\
         X-Original-Host: {HOST}\r\nX-Original-URI: {target}\r\nX-Original-Peer: 192.0.2.7\r\n\
         X-Original-Request-Id: 0f1e2d3c4b5a69788796a5b4c3d2e1f0\r\n\
         Authorization: Bearer {key}\r\n\r\n"
    )
}

/// Ask for a payout; the approval that is waited for.
async fn ask(server: &Server, key: &str, number: usize) -> Result<String> {
    let question = question(key, "POST", &format!("/payouts?to={number}"));
    let answer = ask_once(server.gateway, &question).await?;
    let poll = answer.header("location");
    let id = poll.and_then(|poll| Some(poll.rsplit_once('/')?.1));
    Ok(id
        .with_context(|| format!("no approval: {answer:?}"))?
        .to_owned())
}

/// The approver's phone: the server's own program, in a terminal.
struct Phone<'a> {
    place: &'a Place,
    program: &'a Path,
}

impl<'a> Phone<'a> {
    async fn enrol(place: &'a Place, program: &'a Path, server: &Server) -> Result<Self> {
        let phone = Self { place, program };
        let url = format!("http://{}", server.public);
        phone.run(&["enrol", "--url", &url])?;
        let path = "/environments/polls/organizations/acme/approvers/ada/link-nonce";
        let nonce: Value = expect(200, &server.post(path).await?, path)?;
        phone.run(&["type-in", text(&nonce, "nonce")?])?;
        Ok(phone)
    }

    fn run(&self, words: &[&str]) -> Result<()> {
        let pin = [("COUNTERSIGN_PHONE_PIN".to_owned(), PIN.to_owned())];
        let words = [&["phone"], words].concat();
        let core = self.place.load_core;
        let status = process::run(core, self.program, &words, &pin, &self.place.folder)?;
        ensure!(status.success(), "`{}` failed ({status})", words.join(" "));
        Ok(())
    }
}

/// The figures, for people.
///
/// # Errors
/// When there was no round.
pub fn table(seen: &Seen) -> Result<String> {
    let title = format!("{POLLS_PER_SECOND} polls a second");
    let decisions = seen.decisions.table(&title, "decision, API key")?;
    let polls = seen
        .polls
        .table("  the polls themselves, beside decisions", "poll")?;
    Ok(format!("{decisions}{polls}"))
}

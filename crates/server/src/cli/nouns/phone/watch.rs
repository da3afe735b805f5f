//! `countersign phone watch`: requests as they come, and what to answer.

use super::{
    Decision, Phone, Refused, Waiting, Which,
    pin::{self, Source},
    shown,
};
use crate::cli::{
    connect::Connection,
    failure::Failure,
    output::{self, Output},
};
use countersign_engine::secret::Secret;
use serde_json::Value;
use std::{
    collections::HashSet,
    io::{BufRead as _, Write as _},
    time::Duration,
};

/// How to watch.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Approve everything unread, with the PIN from --pin-file or COUNTERSIGN_PHONE_PIN: for scripts and tests
    #[arg(long)]
    auto_approve: bool,
    /// End after so many answers
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Which phone.
    #[command(flatten)]
    phone: Which,
    /// How the PIN is told.
    #[command(flatten)]
    pin: Source,
}

/// Between two attempts to reach the server, at first and at most.
const AGAIN_MIN: Duration = Duration::from_millis(500);
const AGAIN_MAX: Duration = Duration::from_secs(20);

/// Somebody who looks at requests.
struct Watcher {
    phone: Phone,
    pin: Source,
    /// Approves everything with this.
    auto: Option<Secret<String>>,
    json: bool,
    /// Requests that were shown: each is asked about once.
    seen: HashSet<String>,
    answers: u64,
}

pub(super) async fn run(
    arguments: Arguments,
    connection: &Connection,
    output: &Output,
) -> Result<(), Failure> {
    let auto = match arguments.auto_approve {
        true => Some(arguments.pin.said()?.ok_or_else(|| {
            Failure::usage("--auto-approve needs the PIN beforehand")
                .advise("give it with --pin-file FILE or COUNTERSIGN_PHONE_PIN")
        })?),
        false => None,
    };
    let mut watcher = Watcher {
        phone: arguments.phone.open(connection)?,
        pin: arguments.pin,
        auto,
        json: output.json,
        seen: HashSet::new(),
        answers: 0,
    };
    let mut version = None;
    let mut again = AGAIN_MIN;
    while arguments.count.is_none_or(|count| watcher.answers < count) {
        match watcher.phone.news(version).await {
            Ok(news) => {
                again = AGAIN_MIN;
                version = Some(news.version);
                for waiting in news.requests {
                    watcher.look_at(waiting).await?;
                }
            }
            Err(refused) if refused.may_pass() => {
                let failure: Failure = refused.into();
                complain(&failure.what);
                tokio::time::sleep(again).await;
                again = (again * 2).min(AGAIN_MAX);
                // What came meanwhile may have come and gone: look anew.
                version = None;
            }
            Err(refused) => return Err(refused.into()),
        }
    }
    Ok(())
}

impl Watcher {
    /// Show a request that is new, and answer it.
    async fn look_at(&mut self, waiting: Waiting) -> Result<(), Failure> {
        if !self.seen.insert(waiting.id.clone()) {
            return Ok(());
        }
        match self.json {
            true => tell(&waiting.json()),
            false => shown::print(&waiting, self.phone.now()),
        }?;
        let answered = match &self.auto {
            Some(pin) => self.phone.answer(&waiting, Decision::Approve(pin)).await,
            None if !pin::is_attended() => return Ok(()),
            None => match ask()? {
                Choice::Approve => {
                    let pin = self.pin.for_answer()?;
                    self.phone.answer(&waiting, Decision::Approve(&pin)).await
                }
                Choice::Reject => self.phone.answer(&waiting, Decision::Reject).await,
                Choice::Later => return Ok(()),
            },
        };
        match answered {
            Ok(answered) => {
                self.answers += 1;
                match self.json {
                    true => tell(&answered.json()),
                    false => say(shown::outcome(&answered)),
                }
            }
            Err(refused) => self.excuse(&waiting, refused),
        }
    }

    /// Whether watching goes on after a refusal. It does where the request is over, or was answered elsewhere.
    fn excuse(&mut self, waiting: &Waiting, refused: Refused) -> Result<(), Failure> {
        let is_over = matches!(&refused, Refused::Problem { status, .. } if matches!(status.as_u16(), 404 | 409 | 410));
        let is_typo = matches!(&refused, Refused::Problem { kind, .. } if kind == "wrong-pin");
        let may_pass = refused.may_pass();
        let failure: Failure = refused.into();
        // A script with a wrong PIN must not lock the phone: only somebody who typed it is asked again.
        if !(is_over || may_pass || is_typo && self.auto.is_none()) {
            return Err(failure);
        }
        complain(&failure.what);
        if !is_over {
            self.seen.remove(&waiting.id);
        }
        Ok(())
    }
}

enum Choice {
    Approve,
    Reject,
    Later,
}

/// Ask on the terminal.
fn ask() -> Result<Choice, Failure> {
    let unasked = |error: std::io::Error| Failure::refused(format!("cannot ask: {error}"));
    loop {
        let mut out = std::io::stderr().lock();
        out.write_all(b"[a]pprove, [r]eject or [l]ater? ")
            .and_then(|()| out.flush())
            .map_err(unasked)?;
        let mut line = String::new();
        if std::io::stdin()
            .lock()
            .read_line(&mut line)
            .map_err(unasked)?
            == 0
        {
            return Ok(Choice::Later);
        }
        match line.trim() {
            "a" | "approve" => return Ok(Choice::Approve),
            "r" | "reject" => return Ok(Choice::Reject),
            "l" | "later" => return Ok(Choice::Later),
            _ => {}
        }
    }
}

/// A document for machines, on one line, now.
fn tell(value: &Value) -> Result<(), Failure> {
    say(&value.to_string())
}

/// A line, now: watching goes on, and its reader must not wait for its end.
fn say(line: &str) -> Result<(), Failure> {
    output::print(&format!("{line}\n"))
}

fn complain(line: &str) {
    // Where standard error has gone there is nobody left to tell.
    let _ = writeln!(std::io::stderr(), "{line}");
}

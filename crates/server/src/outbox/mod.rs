//! The outbox's worker: what waits there leaves, at least once, in its lanes' order, and no receiver holds up another.
//!
//! A row stays in the store until what came of it is written, so nothing is lost when the process dies; it may
//! leave twice then, under the same name. Of a lane only the oldest row is due, so its order needs no memory.

mod courier;
mod letters;
mod mail;
pub mod network;
mod schedule;
mod webhook;

pub use mail::Mailer;
pub use schedule::ATTEMPTS_MAX;
pub use webhook::Sender;

use crate::{config::Config, state::ServerState, system, telemetry::outbox::OutboxNumbers};
use anyhow::Context as _;
use countersign_engine::ports::Entropy;
use courier::Courier;
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How often it is looked for what has come due, where nothing wakes the worker.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long attempts under way may take after the server was told to end: they are made again.
const GRACE: Duration = Duration::from_secs(5);

/// By what things leave.
pub struct Ways {
    /// Events.
    pub sender: Sender,
    /// Mails, where they are configured.
    pub mailer: Option<Mailer>,
    /// Chance, for the waits between attempts.
    pub entropy: Arc<dyn Entropy>,
    /// Rung when a commit wrote something into the outbox.
    pub written: Arc<Notify>,
    /// Counts.
    pub numbers: OutboxNumbers,
}

impl Ways {
    /// What the configuration says.
    ///
    /// # Errors
    /// What cannot be set up, and why.
    pub fn new(
        config: &Config,
        reach: network::Reach,
        entropy: Arc<dyn Entropy>,
        written: Arc<Notify>,
        numbers: OutboxNumbers,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            sender: Sender::new(reach).context("webhooks: cannot set up TLS")?,
            mailer: Mailer::new(&config.mail)?,
            entropy,
            written,
            numbers,
        })
    }
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Came {
    /// It is there.
    Arrived,
    /// Nobody wants it any more.
    Nobody,
    /// To be tried again, not before the receiver's own time if it named one.
    Later(Why, Option<Duration>),
    /// Not to be tried again by itself.
    GivenUp(Why),
    /// The same, and of no use to anybody later: it is not kept.
    Dropped(Why),
}

impl Came {
    /// Whether it is the destination that failed, and not only this one delivery: then it is asked less often. A mail
    /// server that puts off one recipient (4yz) is there for all others, unless it says that it is not (421, RFC 5321
    /// section 3.8): strangers may name any recipient.
    pub(crate) const fn is_of_destination(&self) -> bool {
        match self {
            Self::Later(Why::MailRefused(code), _) => *code == 421,
            Self::Later(..) => true,
            Self::Arrived | Self::Nobody | Self::GivenUp(_) | Self::Dropped(_) => false,
        }
    }
}

/// Why something did not arrive, in words of ours: nothing that a receiver says is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    Status(u16),
    Gone,
    Disabled,
    ProviderDisabled,
    Inside,
    TimedOut,
    Unreachable,
    Broken,
    Address,
    TooLate,
    NoMail,
    MailRefused(u16),
    Unwritable,
    Fault,
}

impl Why {
    fn text(self) -> String {
        let text = match self {
            Self::Status(code @ 300..=399) => {
                return format!("the receiver answered {code}, and redirects are not followed");
            }
            Self::Status(code) => return format!("the receiver answered {code}"),
            Self::MailRefused(code) => return format!("the mail server answered {code}"),
            Self::Gone => "the receiver answered 410, so its subscription was disabled",
            Self::Disabled => "its subscription is disabled",
            Self::ProviderDisabled => "its service provider is disabled",
            Self::Inside => "the target is inside the operator's network",
            Self::TimedOut => "there was no answer in time",
            Self::Unreachable => "there was no connection",
            Self::Broken => "the connection broke before an answer",
            Self::Address => "the address is none",
            Self::TooLate => "it is of no use any more",
            Self::NoMail => "no mail is configured",
            Self::Unwritable => "the mail folder cannot be written",
            Self::Fault => "the server could not make it ready",
        };
        text.into()
    }
}

/// Start the worker. It ends when `stop` says so, and takes nothing new from then on.
pub fn start(state: &Arc<ServerState>, ways: Ways, tasks: &TaskTracker, stop: &CancellationToken) {
    let written = Arc::clone(&ways.written);
    let courier = Arc::new(Courier::new(
        Arc::clone(state),
        ways,
        tasks.clone(),
        stop.clone(),
    ));
    let stop = stop.clone();
    system::spawn(tasks, async move {
        loop {
            courier.look().await;
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = written.notified() => {}
                () = courier.freed() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_recipient_who_is_put_off_says_nothing_of_the_mail_server() {
        for (came, expected) in [
            (Came::Later(Why::MailRefused(450), None), false),
            (Came::Later(Why::MailRefused(452), None), false),
            (Came::Later(Why::MailRefused(421), None), true),
            (Came::Later(Why::Unreachable, None), true),
            (Came::Later(Why::Status(429), None), true),
            (Came::GivenUp(Why::MailRefused(550)), false),
            (Came::GivenUp(Why::Address), false),
            (Came::Arrived, false),
        ] {
            assert_eq!(came.is_of_destination(), expected, "{came:?}");
        }
    }
}

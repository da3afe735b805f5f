//! Passcodes: six digits, kept as an HMAC under a pepper that is sealed beside it; and the guesses at them.
//!
//! A code belongs to an address at a client, and opens it from whatever network: phones change theirs between two
//! letters. A guess is compared with the code that its own network asked for, and with the one that was asked for
//! last. From where a code was asked for it takes five guesses; strangers elsewhere do not use it up. Wrong guesses
//! are remembered for the address: those of one network soon wait twice as long each time, those of all wait ten
//! seconds at most, and later, so that nobody can guess on with new codes, nor shut out another by wrong guesses.

use super::{KEPT_CHANGING, SignInPlace};
use crate::{
    Engine,
    bounds::{
        CONFLICT_TRIES_MAX, PASSCODE_FAILURES_FOR, PASSCODE_TRIES, PASSCODE_WAIT_ANYWHERE_MAX,
        PASSCODE_WAIT_MAX,
    },
    call::CallContext,
    commit::Change,
    compiled::Compiled,
    denied::{Denied, Fault, ProblemKind, Refusal},
    digest::Digest,
    kept_code::CodeOf,
    model::ticket::{Attempts, KeptCode, Purpose, Ticket},
    row::{Key, Row, Stored},
    secret::Secret,
    time::Timestamp,
};
use std::{sync::Arc, time::Duration};

const DIGITS: usize = 6;
const CODES: u32 = 1_000_000;
/// Wrong guesses without a wait, and the longest wait: of one network, and of all.
const OF_NETWORK: (u32, Duration) = (5, PASSCODE_WAIT_MAX);
const OF_ALL: (u32, Duration) = (50, PASSCODE_WAIT_ANYWHERE_MAX);

/// Six digits.
///
/// # Errors
/// [`Denied::Invalid`] of anything else: no guess is spent on it.
pub(super) fn check_form(passcode: &Secret<String>) -> Result<(), Denied> {
    let text = passcode.expose();
    let fits = text.len() == DIGITS && text.bytes().all(|b| b.is_ascii_digit());
    let expected = ProblemKind::Expected("six digits");
    fits.then_some(())
        .ok_or_else(|| Denied::invalid("passcode", expected))
}

/// When the next guess is looked at, after so many wrong ones: twice as long each time.
fn next_at(failures: u32, (free, longest): (u32, Duration), now: Timestamp) -> Timestamp {
    let Some(over) = failures.checked_sub(free).filter(|over| *over > 0) else {
        return now;
    };
    let seconds = 1u64.checked_shl(over.min(32)).unwrap_or(u64::MAX);
    now.plus(Duration::from_secs(seconds).min(longest))
}

impl Engine {
    /// A new passcode.
    pub(super) fn new_passcode(&self) -> Result<Secret<String>, Fault> {
        let fair = u32::MAX - u32::MAX % CODES;
        loop {
            let mut bytes = [0; 4];
            self.ports.entropy.fill(&mut bytes)?;
            let number = u32::from_be_bytes(bytes);
            if number < fair {
                return Ok(Secret::new(format!("{:06}", number % CODES)));
            }
        }
    }

    /// What is kept of a passcode: nothing that a copy of the store could be searched with.
    pub(super) fn kept_passcode(
        &self,
        compiled: &Compiled,
        ticket: Digest,
        code: &Secret<String>,
    ) -> Result<KeptCode, Fault> {
        self.kept_code(compiled, &CodeOf::ticket(ticket), code)
    }

    /// Whether this is the ticket's passcode.
    pub(super) fn is_passcode(
        &self,
        compiled: &Compiled,
        ticket: &Ticket,
        code: &Secret<String>,
    ) -> Result<bool, Fault> {
        let Some(kept) = &ticket.code else {
            return Ok(false);
        };
        self.is_kept_code(compiled, &CodeOf::ticket(ticket.digest), kept, code)
    }

    /// Spend a guess: at the code, and at the address. What it is compared with, two codes at most; nothing where there
    /// is nothing to guess at, or not yet.
    pub(super) async fn reserve(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        at: &SignInPlace,
    ) -> Result<Vec<(Ticket, u64)>, Refusal> {
        for _ in 0..CONFLICT_TRIES_MAX {
            let mut open = self.open_tickets(context, compiled, at).await?;
            let failures = self.failures_of(context, at).await?;
            let waits = |known: &Failures| {
                let attempts = known.stored.as_deref().and_then(Stored::attempts);
                attempts.is_some_and(|attempts| attempts.next_at > context.now)
            };
            let Some(subject) = open.first().map(|(ticket, _)| ticket.subject.clone()) else {
                return Ok(open);
            };
            if failures.iter().any(waits) {
                return Ok(Vec::new());
            }
            let mut changes = Vec::new();
            for (ticket, version) in open.iter_mut().filter(|(open, _)| at.asked_for(open)) {
                ticket.tries_left -= 1;
                changes.push(Change::Replace {
                    row: Row::Ticket(ticket.clone()),
                    if_version: *version,
                });
                *version += 1;
            }
            changes.extend(failures.iter().map(|known| known.one_more(context, at)));
            let actor = format!("client:{}", at.client.id);
            let target = format!("subject:{subject}");
            if self
                .commit_sign_in(context, at, changes, &actor, "sign_in.guess", &target)
                .await?
            {
                return Ok(open);
            }
        }
        Err(Fault::unavailable(KEPT_CHANGING).into())
    }

    /// The passcode that this network asked for, and the one that was asked for last where that was another network,
    /// as far as they still take guesses.
    async fn open_tickets(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        at: &SignInPlace,
    ) -> Result<Vec<(Ticket, u64)>, Fault> {
        let key = |digest| Key::Ticket(compiled.id.clone(), digest);
        let [own, latest] = self.load(&[key(at.ticket()), key(at.latest())]).await?;
        let latest = latest.as_deref().and_then(Stored::ticket);
        let elsewhere = latest.and_then(|ticket| ticket.leads_to);
        let elsewhere = match elsewhere.filter(|digest| *digest != at.ticket()) {
            None => None,
            Some(digest) => {
                let [found] = self.load(&[key(digest)]).await?;
                found
            }
        };
        let open = |stored: Arc<Stored>| {
            let ticket = open_ticket(&stored, context.now)?;
            Some((ticket.clone(), stored.version))
        };
        let both = [own, elsewhere].into_iter().flatten();
        Ok(both.filter_map(open).collect())
    }

    /// Give the try back of a passcode that was right and opened nothing. Whoever changed the ticket meanwhile has
    /// decided about it.
    pub(super) async fn give_back_try(
        &self,
        context: &CallContext,
        at: &SignInPlace,
        ticket: &Ticket,
        version: u64,
    ) -> Result<(), Refusal> {
        let mut changes = self.forgotten_failures(context, at).await?;
        let target = format!("subject:{}", ticket.subject);
        if at.asked_for(ticket) {
            let mut ticket = ticket.clone();
            ticket.tries_left = ticket.tries_left.saturating_add(1).min(PASSCODE_TRIES);
            changes.push(Change::Replace {
                row: Row::Ticket(ticket),
                if_version: version,
            });
        }
        let actor = format!("client:{}", at.client.id);
        self.commit_sign_in(context, at, changes, &actor, "sign_in.give_back", &target)
            .await
            .map(|_| ())
    }

    /// The changes that forget the wrong guesses at an address, once one was right.
    pub(super) async fn forgotten_failures(
        &self,
        context: &CallContext,
        at: &SignInPlace,
    ) -> Result<Vec<Change>, Fault> {
        let known = self.failures_of(context, at).await?;
        let forget = known.into_iter().filter_map(|known| {
            let stored = known.stored?;
            Some(Change::Remove {
                key: stored.row.key(),
                if_version: stored.version,
            })
        });
        Ok(forget.collect())
    }

    async fn failures_of(
        &self,
        context: &CallContext,
        at: &SignInPlace,
    ) -> Result<[Failures; 2], Fault> {
        let label = "countersign/passcode/failures";
        let digests = [at.here(label), at.anywhere(label)];
        let keys = digests.map(|digest| Key::Attempts(context.environment.clone(), digest));
        let [of_network, of_all] = self.load(&keys).await?;
        let [by_network, by_all] = digests;
        Ok([
            Failures {
                digest: by_network,
                limit: OF_NETWORK,
                stored: of_network,
            },
            Failures {
                digest: by_all,
                limit: OF_ALL,
                stored: of_all,
            },
        ])
    }
}

/// Wrong guesses that are remembered.
struct Failures {
    digest: Digest,
    limit: (u32, Duration),
    stored: Option<Arc<Stored>>,
}

impl Failures {
    fn one_more(&self, context: &CallContext, at: &SignInPlace) -> Change {
        let known = self.stored.as_deref().and_then(Stored::attempts);
        let known = known.filter(|attempts| attempts.expires_at > context.now);
        let failures = known
            .map_or(0, |attempts| attempts.failures)
            .saturating_add(1);
        let row = Row::Attempts(Attempts {
            environment: at.client.environment.clone(),
            digest: self.digest,
            failures,
            next_at: next_at(failures, self.limit, context.now),
            trusted_until: None,
            expires_at: context.now.plus(PASSCODE_FAILURES_FOR),
        });
        match &self.stored {
            None => Change::Insert(row),
            Some(stored) => Change::Replace {
                row,
                if_version: stored.version,
            },
        }
    }
}

/// The ticket in this row, if it still takes a guess.
fn open_ticket(stored: &Stored, now: Timestamp) -> Option<&Ticket> {
    let ticket = stored.ticket()?;
    let is_open =
        ticket.purpose == Purpose::Passcode && now < ticket.expires_at && ticket.tries_left > 0;
    is_open.then_some(ticket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_after_the_free_guesses_and_are_bounded() {
        let now = Timestamp::from_seconds(1000);
        for (failures, seconds) in [
            (1, 0),
            (5, 0),
            (6, 2),
            (7, 4),
            (14, 512),
            (15, 900),
            (u32::MAX, 900),
        ] {
            let expected = now.plus(Duration::from_secs(seconds));
            assert_eq!(next_at(failures, OF_NETWORK, now), expected, "{failures}");
        }
        for (failures, seconds) in [(50, 0), (51, 2), (53, 8), (54, 10), (u32::MAX, 10)] {
            let expected = now.plus(Duration::from_secs(seconds));
            assert_eq!(next_at(failures, OF_ALL, now), expected, "{failures}");
        }
    }

    #[test]
    fn only_six_digits_are_a_passcode() {
        for (text, is_one) in [
            ("123456", true),
            ("000000", true),
            ("12345", false),
            ("1234567", false),
            ("12345a", false),
            ("+12345", false),
            ("", false),
        ] {
            assert_eq!(
                check_form(&Secret::new(text.into())).is_ok(),
                is_one,
                "{text}"
            );
        }
    }
}

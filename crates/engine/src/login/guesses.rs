//! How often somebody may guess at an account: a try is counted before it is compared, and rows are the same for
//! accounts that do not exist.
//!
//! By account and network five are free, and then each waits twice as long as the one before, up to a quarter of an
//! hour. By account alone, after a hundred without a right one between them, all strangers together get one in
//! ten seconds. Whoever opened the account from a network before does not wait for what strangers do elsewhere.

use crate::{
    Engine,
    bounds::{
        CONFLICT_TRIES_MAX, GUESS_WAIT_MAX, GUESS_WAIT_MIN, GUESSES_ANYWHERE_MAX, GUESSES_FOR,
        GUESSES_FREE, GUESSES_OF_STRANGERS_FOR,
    },
    call::CallContext,
    commit::{Change, CommitError},
    denied::{Denied, Fault, Refusal},
    digest::Digest,
    id::EnvironmentId,
    model::{credential::RateLimit, ticket::Attempts},
    row::{Key, Row, Stored},
    time::Timestamp,
    verify::{network_of, too_many},
};
use std::{sync::Arc, time::Duration};

/// Guesses, right or wrong, from one network before the answer is 429: kept in memory, so that nobody can buy
/// writes without end. A large office logs in within it.
const FROM_NETWORK: RateLimit = RateLimit {
    per_minute: 120,
    burst: 300,
};

/// At what is guessed, and from where.
pub(super) struct Account {
    environment: EnvironmentId,
    anywhere: Digest,
    here: Digest,
}

impl Account {
    /// `purpose` keeps the guesses at a password from those at anything else; `name` is the account's in its one
    /// form. Whether it exists is not asked: waits must not tell.
    pub fn of(context: &CallContext, purpose: &str, name: &str) -> Self {
        let network = context.peer.map(network_of).unwrap_or_default();
        let place = context.environment.as_str().as_bytes();
        let parts = [place, purpose.as_bytes(), name.as_bytes()];
        let [place, purpose, name] = parts;
        Self {
            environment: context.environment.clone(),
            anywhere: Digest::of("countersign/guesses", &parts),
            here: Digest::of(
                "countersign/guesses/network",
                &[place, purpose, name, &network],
            ),
        }
    }

    fn keys(&self) -> [Key; 2] {
        [self.here, self.anywhere].map(|digest| Key::Attempts(self.environment.clone(), digest))
    }
}

/// A try that is counted: what the two rows are now, and were before.
pub(super) struct Reserved {
    now: [(Attempts, u64); 2],
    before: [Option<Attempts>; 2],
}

impl Engine {
    /// That one network does not ask for more than it should. No I/O.
    pub(super) fn take_from_network(&self, context: &CallContext) -> Result<(), Refusal> {
        let network = context.peer.map(network_of).unwrap_or_default();
        let key = Digest::of(
            "countersign/logins/network",
            &[context.environment.as_str().as_bytes(), &network],
        );
        let taken = self.rates.bucket(key).take(FROM_NETWORK, context.now);
        taken.map_err(|wait| too_many(wait).into())
    }

    /// Count a try, durably, before it is looked at.
    ///
    /// # Errors
    /// [`Denied::TooManyRequests`] when it has to wait: then it is neither counted nor looked at.
    pub(super) async fn reserve_guess(
        &self,
        context: &CallContext,
        account: &Account,
    ) -> Result<Reserved, Refusal> {
        let _turn = self.lanes.turn(account.anywhere).await?;
        for _ in 0..CONFLICT_TRIES_MAX {
            let known = self.load(&account.keys()).await?;
            let rows = known.each_ref().map(|stored| live(stored, context.now));
            let [here, anywhere] = decide_guess(account, rows, context.now)
                .map_err(|until| wait(until, context.now))?;
            let [at_here, at_anywhere] = &known;
            let (here, first) = counted(here, at_here.as_ref());
            let (anywhere, second) = counted(anywhere, at_anywhere.as_ref());
            let audit = self.event(context, "-", "guess.count", "account");
            let counted = vec![first, second];
            match self.commit_repeatable(context.now, counted, audit).await {
                Ok(()) => {
                    let before = rows.map(|row| row.cloned());
                    let now = [here, anywhere];
                    return Ok(Reserved { now, before });
                }
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Fault(fault)) => return Err(fault.into()),
            }
        }
        Err(Fault::unavailable("the guesses at an account kept changing").into())
    }

    /// Give a try back that was not looked at, by our own fault. Others may have guessed meanwhile: then it stays
    /// counted.
    pub(super) async fn give_back(
        &self,
        context: &CallContext,
        reserved: Reserved,
    ) -> Result<(), Fault> {
        let Reserved { now, before } = reserved;
        let changes = now.into_iter().zip(before).map(|((row, version), before)| {
            let none = Attempts {
                failures: 0,
                next_at: context.now,
                ..row
            };
            Change::Replace {
                row: Row::Attempts(before.unwrap_or(none)),
                if_version: version,
            }
        });
        let audit = self.event(context, "-", "guess.give_back", "account");
        let changes = changes.collect();
        match self.commit_repeatable(context.now, changes, audit).await {
            Ok(()) | Err(CommitError::Conflict { .. }) => Ok(()),
            Err(CommitError::Fault(fault)) => Err(fault),
        }
    }

    /// The changes that a right guess makes: nothing is held against the account any more, and this network is one
    /// that it was opened from.
    pub(super) async fn forgiven(
        &self,
        context: &CallContext,
        account: &Account,
    ) -> Result<Vec<Change>, Fault> {
        let [here, anywhere] = self.load(&account.keys()).await?;
        let until = context.now.plus(GUESSES_FOR);
        let opened = Attempts {
            environment: account.environment.clone(),
            digest: account.here,
            failures: 0,
            next_at: context.now,
            trusted_until: Some(until),
            expires_at: until,
        };
        let (_, first) = counted(opened, here.as_ref());
        let [_, key] = account.keys();
        let second = anywhere.map(|stored| Change::Remove {
            key,
            if_version: stored.version,
        });
        Ok(std::iter::once(first).chain(second).collect())
    }
}

/// The row, unless its time is over.
fn live(stored: &Option<Arc<Stored>>, now: Timestamp) -> Option<&Attempts> {
    let attempts = stored.as_deref()?.attempts()?;
    (now < attempts.expires_at).then_some(attempts)
}

/// The change that leaves `row`, with the row and the version that it then has.
fn counted(row: Attempts, stored: Option<&Arc<Stored>>) -> ((Attempts, u64), Change) {
    let after = Row::Attempts(row.clone());
    match stored.map(|stored| stored.version) {
        None => ((row, 1), Change::Insert(after)),
        Some(if_version) => (
            (row, if_version + 1),
            Change::Replace {
                row: after,
                if_version,
            },
        ),
    }
}

pub(super) fn wait(until: Timestamp, now: Timestamp) -> Denied {
    let seconds = until.since(now).as_millis().div_ceil(1000);
    too_many(u32::try_from(seconds).unwrap_or(u32::MAX).max(1))
}

/// Whether one more guess is looked at now; the rows with it counted.
///
/// # Errors
/// When the next one may come.
fn decide_guess(
    account: &Account,
    [here, anywhere]: [Option<&Attempts>; 2],
    now: Timestamp,
) -> Result<[Attempts; 2], Timestamp> {
    let trusted_until = here
        .and_then(|row| row.trusted_until)
        .filter(|until| now < *until);
    let waits = |row: Option<&Attempts>| row.map(|row| row.next_at).filter(|next| now < *next);
    let by_strangers = waits(anywhere).filter(|_| trusted_until.is_none());
    if let Some(until) = waits(here).max(by_strangers) {
        return Err(until);
    }
    let row = |digest, before: Option<&Attempts>, expires_at| Attempts {
        environment: account.environment.clone(),
        digest,
        failures: before.map_or(0, |row| row.failures).saturating_add(1),
        next_at: now,
        trusted_until: None,
        expires_at,
    };
    let mut at_here = row(
        account.here,
        here,
        now.plus(GUESSES_OF_STRANGERS_FOR)
            .max(trusted_until.unwrap_or(now)),
    );
    at_here.trusted_until = trusted_until;
    at_here.next_at = now.plus(wait_here(at_here.failures));
    let mut at_anywhere = row(
        account.anywhere,
        anywhere,
        now.plus(GUESSES_OF_STRANGERS_FOR),
    );
    if at_anywhere.failures >= GUESSES_ANYWHERE_MAX {
        at_anywhere.next_at = now.plus(GUESS_WAIT_MIN);
    }
    Ok([at_here, at_anywhere])
}

/// How long the guess after this many wrong ones waits.
fn wait_here(failures: u32) -> Duration {
    match failures.checked_sub(GUESSES_FREE) {
        None => Duration::ZERO,
        Some(more) => {
            let doubled = 1u32.checked_shl(more).unwrap_or(u32::MAX);
            GUESS_WAIT_MIN.saturating_mul(doubled).min(GUESS_WAIT_MAX)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::RequestId;

    fn account() -> Account {
        let context = CallContext {
            environment: EnvironmentId::parse("sandbox").unwrap(),
            now: Timestamp::EPOCH,
            request_id: RequestId::parse("r").unwrap(),
            peer: Some([192, 0, 2, 7].into()),
            dialect: "bitcanuck",
        };
        Account::of(&context, "password", "john@email.com")
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(second)
    }

    #[test]
    fn five_guesses_are_free_and_then_each_waits_twice_as_long() {
        let account = account();
        let (mut rows, mut now, mut waits) = (None, at(1000), Vec::new());
        for _ in 0..15 {
            let before = rows.as_ref().map(|[here, _]: &[Attempts; 2]| here);
            let after = decide_guess(&account, [before, None], now).unwrap();
            waits.push(after[0].next_at.since(now).as_secs());
            now = after[0].next_at;
            rows = Some(after);
        }
        let expected = [
            0, 0, 0, 0, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900, 900,
        ];
        assert_eq!(waits, expected);
        let [here, _] = rows.unwrap();
        let early = here.next_at.minus(Duration::from_micros(1));
        assert_eq!(
            decide_guess(&account, [Some(&here), None], early),
            Err(here.next_at)
        );
    }

    #[test]
    fn after_a_hundred_from_everywhere_strangers_get_one_in_ten_seconds() {
        let account = account();
        let (mut anywhere, now) = (None, at(1000));
        for count in 1..=GUESSES_ANYWHERE_MAX {
            let [_, after] = decide_guess(&account, [None, anywhere.as_ref()], now).unwrap();
            assert_eq!(after.failures, count);
            anywhere = Some(after);
        }
        let refused = decide_guess(&account, [None, anywhere.as_ref()], now);
        assert_eq!(refused, Err(at(1010)));
        assert!(decide_guess(&account, [None, anywhere.as_ref()], at(1010)).is_ok());
    }

    #[test]
    fn whoever_opened_it_from_here_does_not_wait_for_strangers() {
        let account = account();
        let [here, mut anywhere] = decide_guess(&account, [None, None], at(1000)).unwrap();
        anywhere.next_at = at(2000);
        let mut opened = here.clone();
        (opened.failures, opened.trusted_until) = (0, Some(at(1500)));
        let guess = |here, now| decide_guess(&account, [Some(here), Some(&anywhere)], now);
        assert!(guess(&opened, at(1001)).is_ok());
        assert_eq!(guess(&opened, at(1500)), Err(at(2000)), "its time is over");
        assert_eq!(guess(&here, at(1001)), Err(at(2000)));
    }

    #[test]
    fn what_strangers_guess_is_forgotten_a_day_after_the_last_of_it() {
        let account = account();
        let first = decide_guess(&account, [None, None], at(1000)).unwrap();
        let [here, anywhere] = &first;
        assert_eq!([here.expires_at, anywhere.expires_at], [at(87_400); 2]);
        let [here, anywhere] =
            decide_guess(&account, [Some(here), Some(anywhere)], at(2000)).unwrap();
        assert_eq!([here.expires_at, anywhere.expires_at], [at(88_400); 2]);
    }
}

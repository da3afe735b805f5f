//! How often somebody may guess at an account, at its password or at its passcode: a try is counted before it is
//! compared, and rows are the same for accounts that do not exist.
//!
//! By account and network five are free, and then each waits twice as long as the one before, up to a quarter of an
//! hour; so it is for the networks of one IPv6 site together, after twenty. By account alone, after a hundred without a
//! right one between them, all strangers together get one in ten seconds. Whoever opened the account from a network
//! before does not wait for what strangers do elsewhere.

use crate::{
    Engine,
    bounds::{
        CONFLICT_TRIES_MAX, GUESS_WAIT_MAX, GUESS_WAIT_MIN, GUESSES_ANYWHERE_MAX, GUESSES_FOR,
        GUESSES_FREE, GUESSES_OF_SITE_FREE, GUESSES_OF_STRANGERS_FOR,
    },
    call::CallContext,
    commit::{Change, CommitError},
    denied::{Denied, Fault, Refusal},
    digest::Digest,
    id::EnvironmentId,
    limits::Bucket,
    model::{credential::RateLimit, ticket::Attempts},
    row::{Key, Row, Stored},
    time::Timestamp,
    verify::{network_of, site_of, too_many},
};
use std::{sync::Arc, time::Duration};

/// Guesses, right or wrong, from one network before the answer is 429: kept in memory, so that nobody can buy
/// writes without end. A large office logs in within it.
const FROM_NETWORK: RateLimit = RateLimit {
    per_minute: 120,
    burst: 300,
};

/// How long neighbours of an IPv6 site make each other wait at most: some providers have one for many of their customers.
const SITE_WAIT_MAX: Duration = Duration::from_secs(60);

/// From where guesses are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Span {
    /// One network.
    Here,
    /// All networks of an IPv6 site: a guesser who has one has all of them.
    Site,
    Anywhere,
}

impl Span {
    /// How long the guess after this many wrong ones waits.
    fn wait(self, failures: u32) -> Duration {
        let doubled = |free: u32| match failures.checked_sub(free) {
            None => Duration::ZERO,
            Some(more) => {
                let doubled = 1u32.checked_shl(more).unwrap_or(u32::MAX);
                GUESS_WAIT_MIN.saturating_mul(doubled).min(GUESS_WAIT_MAX)
            }
        };
        match self {
            Self::Here => doubled(GUESSES_FREE),
            Self::Site => doubled(GUESSES_OF_SITE_FREE).min(SITE_WAIT_MAX),
            Self::Anywhere if failures >= GUESSES_ANYWHERE_MAX => GUESS_WAIT_MIN,
            Self::Anywhere => Duration::ZERO,
        }
    }
}

/// At what is guessed, and from where.
pub(crate) struct Account {
    environment: EnvironmentId,
    /// Guesses at it go one after the other.
    lane: Digest,
    /// Where its guesses are counted.
    counts: Vec<(Span, Digest)>,
}

impl Account {
    /// `purpose` keeps the guesses at a password from those at anything else; `name` is the account's in its one
    /// form. Whether it exists is not asked: waits must not tell.
    pub fn of(context: &CallContext, purpose: &str, name: &str) -> Self {
        let place = context.environment.as_str().as_bytes();
        let parts = [place, purpose.as_bytes(), name.as_bytes()];
        let [place, purpose, name] = parts;
        let from = |label, network: &[u8]| Digest::of(label, &[place, purpose, name, network]);
        let network = context.peer.map(network_of).unwrap_or_default();
        let anywhere = Digest::of("countersign/guesses", &parts);
        let mut counts = vec![
            (Span::Here, from("countersign/guesses/network", &network)),
            (Span::Anywhere, anywhere),
        ];
        let site = context.peer.and_then(site_of);
        counts.extend(site.map(|site| (Span::Site, from("countersign/guesses/site", &site))));
        Self {
            environment: context.environment.clone(),
            lane: anywhere,
            counts,
        }
    }
}

/// A try that is counted: what each row is now, with its version, and was before.
pub(crate) struct Reserved(Vec<Count>);

struct Count {
    now: Attempts,
    version: u64,
    before: Option<Attempts>,
}

impl Engine {
    /// That one network does not ask for more than it should. No I/O.
    pub(super) fn take_from_network(&self, context: &CallContext) -> Result<(), Refusal> {
        let taken = self.logins_of(context).take(FROM_NETWORK, context.now);
        taken.map_err(|wait| too_many(wait).into())
    }

    /// That what was taken was no guess.
    pub(super) fn give_back_to_network(&self, context: &CallContext) {
        self.logins_of(context).give_back(FROM_NETWORK);
    }

    fn logins_of(&self, context: &CallContext) -> Arc<Bucket> {
        let network = context.peer.map(network_of).unwrap_or_default();
        let names = [context.environment.as_str().as_bytes(), &network];
        let key = Digest::of("countersign/logins/network", &names);
        self.rates.bucket(key)
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
        let _turn = self.lanes.turn(account.lane).await?;
        for _ in 0..CONFLICT_TRIES_MAX {
            let (reserved, changes) = self.counted_guess(context, account).await?;
            let audit = self.event(context, "-", "guess.count", "account");
            match self.commit_repeatable(context.now, changes, audit).await {
                Ok(()) => return Ok(reserved),
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Fault(fault)) => return Err(fault.into()),
            }
        }
        Err(Fault::unavailable("the guesses at an account kept changing").into())
    }

    /// A try, and the changes that count it.
    ///
    /// # Errors
    /// [`Denied::TooManyRequests`] when it has to wait.
    pub(crate) async fn counted_guess(
        &self,
        context: &CallContext,
        account: &Account,
    ) -> Result<(Reserved, Vec<Change>), Refusal> {
        let known = self.guesses_at(account).await?;
        let before: Vec<_> = known.iter().map(|row| live(row, context.now)).collect();
        let after = decide_guess(account, &before, context.now)
            .map_err(|until| wait(until, context.now))?;
        let counted = after.into_iter().zip(&before).zip(&known);
        let counted = counted.map(|((now, before), stored)| {
            let (version, change) = kept(now.clone(), stored.as_ref());
            let before = before.cloned();
            let count = Count {
                now,
                version,
                before,
            };
            (count, change)
        });
        let (counts, changes) = counted.unzip();
        Ok((Reserved(counts), changes))
    }

    /// Give a try back that was not looked at, by our own fault. Others may have guessed meanwhile: then it stays
    /// counted.
    pub(super) async fn give_back(
        &self,
        context: &CallContext,
        reserved: Reserved,
    ) -> Result<(), Fault> {
        let changes = reserved.0.into_iter().map(|count| {
            let none = Attempts {
                failures: 0,
                next_at: context.now,
                ..count.now
            };
            Change::Replace {
                row: Row::Attempts(count.before.unwrap_or(none)),
                if_version: count.version,
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
    pub(crate) async fn forgiven(
        &self,
        context: &CallContext,
        account: &Account,
    ) -> Result<Vec<Change>, Fault> {
        let known = self.guesses_at(account).await?;
        let until = context.now.plus(GUESSES_FOR);
        let forgiven = account.counts.iter().zip(known);
        let forgiven = forgiven.filter_map(|((span, digest), stored)| match span {
            Span::Here => {
                let opened = Attempts {
                    environment: account.environment.clone(),
                    digest: *digest,
                    failures: 0,
                    next_at: context.now,
                    trusted_until: Some(until),
                    expires_at: until,
                };
                Some(kept(opened, stored.as_ref()).1)
            }
            Span::Site | Span::Anywhere => stored.map(|stored| Change::Remove {
                key: stored.row.key(),
                if_version: stored.version,
            }),
        });
        Ok(forgiven.collect())
    }

    /// The rows in which guesses at it are counted.
    async fn guesses_at(&self, account: &Account) -> Result<Vec<Option<Arc<Stored>>>, Fault> {
        let key =
            |(_, digest): &(Span, Digest)| Key::Attempts(account.environment.clone(), *digest);
        let keys: Vec<Key> = account.counts.iter().map(key).collect();
        self.ports.store.load(&keys).await
    }
}

/// The row, unless its time is over.
fn live(stored: &Option<Arc<Stored>>, now: Timestamp) -> Option<&Attempts> {
    let attempts = stored.as_deref()?.attempts()?;
    (now < attempts.expires_at).then_some(attempts)
}

/// The change that leaves `row`, with the version that it then has.
fn kept(row: Attempts, stored: Option<&Arc<Stored>>) -> (u64, Change) {
    let row = Row::Attempts(row);
    match stored.map(|stored| stored.version) {
        None => (1, Change::Insert(row)),
        Some(if_version) => (if_version + 1, Change::Replace { row, if_version }),
    }
}

pub(super) fn wait(until: Timestamp, now: Timestamp) -> Denied {
    let seconds = until.since(now).as_millis().div_ceil(1000);
    too_many(u32::try_from(seconds).unwrap_or(u32::MAX).max(1))
}

/// Whether one more guess is looked at now; the rows with it counted, in the order of the account's.
///
/// # Errors
/// When the next one may come.
fn decide_guess(
    account: &Account,
    before: &[Option<&Attempts>],
    now: Timestamp,
) -> Result<Vec<Attempts>, Timestamp> {
    let known = || account.counts.iter().zip(before);
    let here = known().find(|((span, _), _)| *span == Span::Here);
    let here = here.and_then(|(_, row)| row.as_ref());
    let trusted_until = here.and_then(|row| row.trusted_until);
    let trusted_until = trusted_until.filter(|until| now < *until);
    let holds_up = |span| span == Span::Here || trusted_until.is_none();
    let waiting = known().filter(|((span, _), _)| holds_up(*span));
    let waiting = waiting.filter_map(|(_, row)| row.map(|row| row.next_at));
    if let Some(until) = waiting.filter(|next| now < *next).max() {
        return Err(until);
    }
    let counted = known().map(|((span, digest), row)| {
        let failures = row.map_or(0, |row| row.failures).saturating_add(1);
        let trusted_until = trusted_until.filter(|_| *span == Span::Here);
        let forgotten_at = now.plus(GUESSES_OF_STRANGERS_FOR);
        Attempts {
            environment: account.environment.clone(),
            digest: *digest,
            failures,
            next_at: now.plus(span.wait(failures)),
            trusted_until,
            expires_at: forgotten_at.max(trusted_until.unwrap_or(now)),
        }
    });
    Ok(counted.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::RequestId;

    fn account_from(peer: &str) -> Account {
        let context = CallContext {
            environment: EnvironmentId::parse("sandbox").unwrap(),
            now: Timestamp::EPOCH,
            request_id: RequestId::parse("r").unwrap(),
            peer: Some(peer.parse().unwrap()),
            dialect: "bitcanuck",
        };
        Account::of(&context, "password", "john@email.com")
    }

    fn account() -> Account {
        account_from("192.0.2.7")
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(second)
    }

    #[test]
    fn five_guesses_are_free_and_then_each_waits_twice_as_long() {
        let account = account();
        let (mut here, mut now, mut waits) = (None, at(1000), Vec::new());
        for _ in 0..15 {
            let after = decide_guess(&account, &[here.as_ref(), None], now).unwrap();
            waits.push(after[0].next_at.since(now).as_secs());
            now = after[0].next_at;
            here = Some(after[0].clone());
        }
        let expected = [
            0, 0, 0, 0, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900, 900,
        ];
        assert_eq!(waits, expected);
        let early = now.minus(Duration::from_micros(1));
        assert_eq!(
            decide_guess(&account, &[here.as_ref(), None], early),
            Err(now)
        );
    }

    #[test]
    fn after_a_hundred_from_everywhere_strangers_get_one_in_ten_seconds() {
        let account = account();
        let (mut anywhere, now) = (None, at(1000));
        for count in 1..=GUESSES_ANYWHERE_MAX {
            let after = decide_guess(&account, &[None, anywhere.as_ref()], now).unwrap();
            assert_eq!(after[1].failures, count);
            anywhere = Some(after[1].clone());
        }
        let refused = decide_guess(&account, &[None, anywhere.as_ref()], now);
        assert_eq!(refused, Err(at(1010)));
        assert!(decide_guess(&account, &[None, anywhere.as_ref()], at(1010)).is_ok());
    }

    #[test]
    fn a_site_has_no_more_guesses_because_it_has_many_networks() {
        let (mut site, mut waits) = (None, Vec::new());
        for network in 0..24 {
            let account = account_from(&format!("2001:db8:7:{network:x}::1"));
            let now = site.as_ref().map_or(at(1000), |row: &Attempts| row.next_at);
            let after = decide_guess(&account, &[None, None, site.as_ref()], now).unwrap();
            waits.push(after[2].next_at.since(now).as_secs());
            site = Some(after[2].clone());
        }
        assert_eq!(waits[..19], [0; 19]);
        assert_eq!(waits[19..], [10, 20, 40, 60, 60]);
        let digests = |peer| account_from(peer).counts;
        let (one, two) = (digests("2001:db8:7:1::1"), digests("2001:db8:7:2::1"));
        assert_ne!(one[0], two[0]);
        assert_eq!(one[1..], two[1..]);
        assert_ne!(one[2], digests("2001:db8:8:1::1")[2]);
        assert_eq!(digests("192.0.2.7").len(), 2, "only IPv6 has sites");
    }

    #[test]
    fn whoever_opened_it_from_here_does_not_wait_for_strangers() {
        let account = account_from("2001:db8:7:1::1");
        let mut rows = decide_guess(&account, &[None; 3], at(1000)).unwrap();
        (rows[1].next_at, rows[2].next_at) = (at(2000), at(1900));
        let mut opened = rows[0].clone();
        (opened.failures, opened.trusted_until) = (0, Some(at(1500)));
        let guess = |here, now| {
            let rows = [Some(here), Some(&rows[1]), Some(&rows[2])];
            decide_guess(&account, &rows, now)
        };
        assert!(guess(&opened, at(1001)).is_ok());
        assert_eq!(guess(&opened, at(1500)), Err(at(2000)), "its time is over");
        assert_eq!(guess(&rows[0], at(1001)), Err(at(2000)));
    }

    #[test]
    fn what_strangers_guess_is_forgotten_a_day_after_the_last_of_it() {
        let account = account();
        let first = decide_guess(&account, &[None; 2], at(1000)).unwrap();
        let ends = |rows: &[Attempts]| [rows[0].expires_at, rows[1].expires_at];
        assert_eq!(ends(&first), [at(87_400); 2]);
        let known = [Some(&first[0]), Some(&first[1])];
        let second = decide_guess(&account, &known, at(2000)).unwrap();
        assert_eq!(ends(&second), [at(88_400); 2]);
    }
}

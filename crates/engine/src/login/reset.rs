//! A new password for whoever can read the account's mail.
//!
//! An address that nobody has is answered like one that somebody has, and costs the same: as many rows are written,
//! and as much is sealed. Only the letter is missing.

use super::{change::NEW, password::NOBODY, password::Person, rules};
use crate::{
    Engine,
    bounds::{CONFLICT_TRIES_MAX, RESET_FOR},
    call::CallContext,
    commit::{Change, Commit, CommitError},
    compiled::Compiled,
    denied::{Denied, Fault, ProblemKind, Refusal},
    digest::Digest,
    id::{EnvironmentId, OrganizationId, SubjectId},
    model::{
        credential::RateLimit,
        name::NameSpace,
        subject::Subject,
        ticket::{Attempts, Purpose, Ticket},
        webhook::LetterText,
    },
    opaque::random_text,
    outcome::Outcome,
    row::{Key, Row, Stored},
    secret::Secret,
    sessions::lane_of,
    subjects::{names, not_a_subject},
    time::Timestamp,
    verify::{network_of, site_of, too_many},
};
use std::{sync::Arc, time::Duration};

/// Letters and digits of a link's secret: 190 bits.
pub(super) const SECRET_CHARS: usize = 32;
/// Links that are asked for in one environment, by whoever and for whomever: each costs rows, and known addresses a mail.
/// A city's worth of people who forgot, at once; it takes seventeen networks or IPv6 sites at their most to use it up.
const ASKED_ANYWHERE: RateLimit = RateLimit {
    per_minute: 1200,
    burst: 5000,
};
/// Of these, from one IPv6 site: as many as from one network ([`site_of`]).
const ASKED_OF_SITE: RateLimit = RateLimit {
    per_minute: 120,
    burst: 300,
};
/// Letters to one address that one network asks for within [`LETTERS_WITHIN`].
const LETTERS_FROM_NETWORK_MAX: u32 = 3;
/// Letters to one address that all networks ask for: nobody's mailbox is for others to fill, and it takes more than
/// one of them to keep its owner from asking.
const LETTERS_MAX: u32 = 12;
const LETTERS_WITHIN: Duration = Duration::from_secs(60 * 60);
const TOKEN: &str = "token";

impl Engine {
    pub(super) async fn ask_reset(
        &self,
        context: &CallContext,
        email: &str,
    ) -> Result<Outcome, Refusal> {
        self.take_from_network(context)?;
        let place = context.environment.as_str().as_bytes();
        if let Some(site) = context.peer.and_then(site_of) {
            let of_site = Digest::of("countersign/letters/site", &[place, &site]);
            let of_site = self.rates.bucket(of_site);
            of_site.take(ASKED_OF_SITE, context.now).map_err(too_many)?;
        }
        let asked = self
            .rates
            .bucket(Digest::of("countersign/letters/environment", &[place]));
        // Before the address is looked at: it tells nothing of who has one.
        asked.take(ASKED_ANYWHERE, context.now).map_err(too_many)?;
        let compiled = self.arrived(context).await?;
        for _ in 0..CONFLICT_TRIES_MAX {
            let person = self.person(&compiled, email).await?;
            let Some(counted) = self
                .count_letters(context, &compiled, &person.email)
                .await?
            else {
                return Ok(Outcome::Done);
            };
            let (target, mut changes) = self.reset_changes(context, &compiled, &person)?;
            changes.extend(counted);
            let audit = self.event(context, "-", "password.ask_reset", &target);
            match self.commit_repeatable(context.now, changes, audit).await {
                Ok(()) => return Ok(Outcome::Done),
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Fault(fault)) => return Err(fault.into()),
            }
        }
        Err(Fault::unavailable("the account kept changing").into())
    }

    /// The changes that count a letter to this address, by network and by all; none where it had enough of them.
    async fn count_letters(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        email: &str,
    ) -> Result<Option<[Change; 2]>, Fault> {
        let network = context.peer.map(network_of).unwrap_or_default();
        let (place, email) = (compiled.id.as_str().as_bytes(), email.as_bytes());
        let here = Digest::of("countersign/letters/network", &[place, email, &network]);
        let anywhere = Digest::of("countersign/letters", &[place, email]);
        let keys = [here, anywhere].map(|digest| Key::Attempts(compiled.id.clone(), digest));
        let [at_here, at_anywhere] = self.load(&keys).await?;
        let count = |stored, digest, most| counted(compiled, stored, digest, most, context.now);
        let first = count(at_here, here, LETTERS_FROM_NETWORK_MAX);
        let second = count(at_anywhere, anywhere, LETTERS_MAX);
        Ok(first.zip(second).map(|(first, second)| [first, second]))
    }

    /// What a link makes, and whom the audit log names: a ticket and its letter, or two rows that nobody finds.
    fn reset_changes(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        person: &Person,
    ) -> Result<(String, Vec<Change>), Fault> {
        let secret = Secret::new(random_text(SECRET_CHARS, &*self.ports.entropy)?);
        let public_url = compiled.environment()?.public_url.as_deref();
        let text = LetterText::PasswordReset {
            link: link(public_url.unwrap_or_default(), &secret),
            minutes: u32::try_from(RESET_FOR.as_secs() / 60).unwrap_or(u32::MAX),
        };
        let digest = lookup(&compiled.id, &secret);
        let known = person.decided().ok();
        if known.is_some() && public_url.is_none() {
            let outcome = "no_public_url";
            self.note(context, "-", "letter.unsent", context.dialect, outcome);
        }
        let Some((stored, subject)) = known.filter(|_| public_url.is_some()) else {
            self.letter(context, compiled, &person.email, text, NOBODY)?;
            let ticket = decoy_ticket(compiled, digest, &person.email, context.now)?;
            let other = Digest::of("countersign/decoy", &[digest.as_bytes()]);
            let ends = context.now.plus(RESET_FOR);
            let row = row_of(&compiled.id, other, context.now, ends);
            let changes = [Row::Ticket(ticket), Row::Attempts(row)];
            return Ok(("account".into(), changes.map(Change::Insert).into()));
        };
        let order = subject.id.as_str();
        let letter = self.letter(context, compiled, &person.email, text, order)?;
        let ticket = ticket_of(subject, stored.not_before, digest, context.now);
        let changes = vec![Change::Insert(Row::Ticket(ticket)), letter];
        Ok((format!("subject:{}", subject.id), changes))
    }

    pub(super) async fn reset_password(
        &self,
        context: &CallContext,
        token: &Secret<String>,
        new: &Secret<String>,
    ) -> Result<Outcome, Refusal> {
        self.take_from_network(context)?;
        let new = rules::normalised(new, NEW)?;
        let compiled = self.arrived(context).await?;
        let key = Key::Ticket(compiled.id.clone(), lookup(&compiled.id, token));
        let mut hash = None;
        for _ in 0..CONFLICT_TRIES_MAX {
            let (ticket, person) = self.holder_of(context, &compiled, &key).await?;
            // A password that is refused does not use the link up.
            rules::decide_password(&new, Some(&person.email), NEW)?;
            let made = match &hash {
                Some(hash) => hash,
                None => hash.insert(self.ports.passwords.hash(&new).await?),
            };
            let id = person.subject.as_deref().and_then(Stored::subject);
            let id = id.ok_or_else(not_a_subject)?.id.clone();
            let _turn = self.lanes.turn(lane_of(&compiled.id, &id)).await?;
            let changed = self
                .changed_password(context, &compiled, &person, made)
                .await?;
            let (subject, mut changes) = (changed.subject, changed.changes);
            // A link for a first password may be older than the account of somebody else with this address.
            self.decide_free_login(&subject).await?;
            changes.push(Change::Remove {
                key: key.clone(),
                if_version: ticket.version,
            });
            changes.extend(self.forgiven_password(context, &person).await?);
            let target = format!("subject:{}", subject.id);
            let commit = Commit {
                at: context.now,
                changes,
                audit: self.audit_of(context, &subject, "password.reset", &target),
            };
            match self.ports.store.commit(commit).await {
                Ok(()) => return Ok(Outcome::Done),
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Fault(fault)) => return Err(fault.into()),
            }
        }
        Err(Fault::unavailable("the account kept changing").into())
    }

    /// Nobody else logs in by the address, in whatever organization.
    async fn decide_free_login(&self, after: &Subject) -> Result<(), Refusal> {
        let Some(login) = names(after).find(|name| name.space == NameSpace::Login) else {
            return Ok(());
        };
        let [found] = self.load(&[Row::Name(login.clone()).key()]).await?;
        let owner = found.as_deref().and_then(Stored::name);
        match owner.is_some_and(|owner| owner.target != login.target) {
            true => Err(Denied::invalid(TOKEN, ProblemKind::NoSuch).into()),
            false => Ok(()),
        }
    }

    /// The ticket under `key`, while it is good, and whose it is.
    async fn holder_of(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        key: &Key,
    ) -> Result<(Arc<Stored>, Person), Refusal> {
        let unknown = || Denied::invalid(TOKEN, ProblemKind::NoSuch);
        let [stored] = self.load(std::array::from_ref(key)).await?;
        let stored = stored.ok_or_else(unknown)?;
        let ticket = stored.ticket().ok_or_else(unknown)?;
        let owners = [
            Key::Subject(compiled.id.clone(), ticket.subject.clone()),
            Key::Organization(ticket.organization.clone()),
        ];
        let [subject, organization] = self.load(&owners).await?;
        let subject = subject.ok_or_else(unknown)?;
        if !decide_ticket(ticket, &subject, context.now) {
            return Err(unknown().into());
        }
        let email = subject.subject().and_then(|subject| subject.email.clone());
        let person = Person {
            email: email.unwrap_or_default(),
            subject: Some(subject),
            organization,
        };
        person.decided().map_err(|_| unknown())?;
        Ok((stored, person))
    }
}

/// The change that counts one more letter in this row; none where there were as many as there may be.
pub(super) fn counted(
    compiled: &Compiled,
    stored: Option<Arc<Stored>>,
    digest: Digest,
    most: u32,
    now: Timestamp,
) -> Option<Change> {
    let before = stored.as_deref().and_then(Stored::attempts);
    let before = before.filter(|row| now < row.expires_at);
    let failures = before.map_or(0, |row| row.failures);
    if failures >= most {
        return None;
    }
    let ends = before.map_or(now.plus(LETTERS_WITHIN), |row| row.expires_at);
    let row = Row::Attempts(Attempts {
        failures: failures + 1,
        ..row_of(&compiled.id, digest, now, ends)
    });
    Some(match stored {
        Some(stored) => Change::Replace {
            row,
            if_version: stored.version,
        },
        None => Change::Insert(row),
    })
}

/// One that is for this, in time, for this subject under this address; and not older than its last new password.
fn decide_ticket(ticket: &Ticket, stored: &Stored, now: Timestamp) -> bool {
    let email = stored
        .subject()
        .and_then(|subject| subject.email.as_deref());
    ticket.purpose == Purpose::PasswordReset
        && now < ticket.expires_at
        && stored.not_before <= ticket.created_at
        && email.is_some_and(|email| ticket.sent_to == Some(sent_to(email)))
}

pub(super) fn ticket_of(
    subject: &Subject,
    not_before: Timestamp,
    digest: Digest,
    now: Timestamp,
) -> Ticket {
    Ticket {
        environment: subject.environment.clone(),
        digest,
        purpose: Purpose::PasswordReset,
        subject: subject.id.clone(),
        organization: subject.organization.clone(),
        client: None,
        code: None,
        sent_to: subject.email.as_deref().map(sent_to),
        leads_to: None,
        tries_left: 1,
        tries_elsewhere: 0,
        created_at: now.max(not_before),
        expires_at: now.plus(RESET_FOR),
    }
}

/// As large as a real one. Its secret is forgotten, and there is nobody whom it is for.
fn decoy_ticket(
    compiled: &Compiled,
    digest: Digest,
    email: &str,
    now: Timestamp,
) -> Result<Ticket, Fault> {
    Ok(Ticket {
        environment: compiled.id.clone(),
        digest,
        purpose: Purpose::PasswordReset,
        subject: SubjectId::parse(NOBODY).map_err(Fault::internal)?,
        organization: OrganizationId::parse("-").map_err(Fault::internal)?,
        client: None,
        code: None,
        sent_to: Some(sent_to(email)),
        leads_to: None,
        tries_left: 1,
        tries_elsewhere: 0,
        created_at: now,
        expires_at: now.plus(RESET_FOR),
    })
}

fn row_of(
    environment: &EnvironmentId,
    digest: Digest,
    now: Timestamp,
    expires_at: Timestamp,
) -> Attempts {
    Attempts {
        environment: environment.clone(),
        digest,
        failures: 0,
        next_at: now,
        trusted_until: None,
        expires_at,
    }
}

/// The address that a link went to: it is good only while that is still the account's.
fn sent_to(email: &str) -> Digest {
    Digest::of("countersign/reset/sent-to", &[email.as_bytes()])
}

pub(super) fn lookup(environment: &EnvironmentId, secret: &Secret<String>) -> Digest {
    let parts = [environment.as_str().as_bytes(), secret.expose().as_bytes()];
    Digest::of("countersign/reset", &parts)
}

/// Behind `#`: no server, proxy or log sees it on its way.
pub(super) fn link(public_url: &str, secret: &Secret<String>) -> String {
    let page = public_url.trim_end_matches('/');
    format!("{page}/password-reset#token={}", secret.expose())
}

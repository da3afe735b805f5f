//! A session for an e-mail address and its password.
//!
//! An account that does not exist is answered like one whose password is wrong: the same rows are read and written,
//! one hash is computed, and the answer has the same bytes.

use super::{
    guesses::Account,
    rules,
    sessions::{Grant, Made},
};
use crate::{
    Engine,
    bounds::CONFLICT_TRIES_MAX,
    call::CallContext,
    commit::{Change, Commit, CommitError},
    compiled::Compiled,
    denied::{Denied, Fault, Reason, Refusal},
    digest::Digest,
    id::{OrganizationId, SubjectId},
    model::{
        contact,
        name::NameSpace,
        scopes::Scopes,
        subject::{PasswordHash, Subject},
    },
    outcome::Outcome,
    ports::Verified,
    row::{Key, Row, Stored},
    secret::Secret,
    sessions::lane_of,
    time::Timestamp,
    verify::decide_subject,
};
use data_encoding::HEXLOWER;
use std::sync::Arc;

/// The account that an address leads to, if there is one.
pub(super) struct Person {
    /// The one form of the address.
    pub email: String,
    pub subject: Option<Arc<Stored>>,
    pub organization: Option<Arc<Stored>>,
}

impl Person {
    /// Its subject, where that may act.
    pub fn decided(&self) -> Result<(&Arc<Stored>, &Subject), Reason> {
        let stored = self.subject.as_ref().ok_or(Reason::Unknown)?;
        // Of a session that is made now, nothing was ended before.
        let (subject, owner) = (Some(stored), self.organization.as_ref());
        Ok((stored, decide_subject(subject, owner, Timestamp::FAR)?))
    }

    /// Its password's hash.
    pub fn password(&self) -> Option<&PasswordHash> {
        self.subject.as_ref()?.subject()?.password.as_ref()
    }
}

impl Engine {
    pub(super) async fn password_login(
        &self,
        context: &CallContext,
        email: &str,
        password: &Secret<String>,
    ) -> Result<Outcome, Refusal> {
        self.take_from_network(context)?;
        let password = rules::normalised(password, "password")?;
        let admitted = self.ports.passwords.admit();
        let _admitted =
            admitted.ok_or_else(|| Fault::unavailable("too many passwords wait to be compared"))?;
        let compiled = self.arrived(context).await?;
        let person = self.person(&compiled, email).await?;
        let verified = self.compared(context, &person, &password).await?;
        let decided = match verified.matches {
            true => person.decided(),
            false => Err(Reason::Mismatch),
        };
        if let Err(reason) = decided {
            return Err(self.refused_login(context, reason));
        }
        let renewed = match verified.is_outdated {
            true => self.renewed_hash(&password).await?,
            false => None,
        };
        self.begin_by_password(context, &compiled, person, renewed)
            .await
    }

    /// The hash made again; none where too many wait, which is no reason to keep somebody out: the next login
    /// renews it.
    async fn renewed_hash(&self, password: &Secret<String>) -> Result<Option<PasswordHash>, Fault> {
        match self.ports.passwords.hash(password).await {
            Ok(hash) => Ok(Some(hash)),
            Err(Fault::Unavailable(_)) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// The account that this address logs in to. An address that nobody has costs as many look-ups, and nobody's row is
    /// at hand sooner because others asked for it of late.
    pub(super) async fn person(&self, compiled: &Compiled, email: &str) -> Result<Person, Fault> {
        // One counter for each account, however its address is typed.
        let email = contact::email(email).unwrap_or_else(|| no_address(email));
        let place = &compiled.id;
        let name = Key::Name(place.clone(), NameSpace::Login, email.clone());
        let name = self.load_from_store(place, name).await?;
        let target = name.as_deref().and_then(Stored::name);
        let id = target.map_or(NOBODY, |name| name.target.as_str());
        let id = SubjectId::parse(id).map_err(Fault::internal)?;
        let key = Key::Subject(place.clone(), id);
        let stored = self.load_from_store(place, key).await?;
        // The address may have moved to another subject between the two readings.
        let stored = stored.filter(|stored| {
            let subject = stored.subject();
            subject.is_some_and(|subject| subject.email.as_ref() == Some(&email))
        });
        let owner = stored.as_deref().and_then(Stored::subject);
        let owner = match owner {
            Some(subject) => subject.organization.clone(),
            None => OrganizationId::parse(NO_ORGANIZATION).map_err(Fault::internal)?,
        };
        let key = Key::Organization(owner);
        let organization = self.load_from_store(place, key).await?;
        Ok(Person {
            email,
            subject: stored,
            organization,
        })
    }

    /// Whether this is the account's password: counted first, then compared.
    pub(super) async fn compared(
        &self,
        context: &CallContext,
        person: &Person,
        password: &Secret<String>,
    ) -> Result<Verified, Refusal> {
        let account = password_of(context, person);
        let reserved = self.reserve_guess(context, &account).await?;
        let verified = self
            .ports
            .passwords
            .verify(password, person.password())
            .await;
        match verified {
            Ok(verified) => Ok(verified),
            Err(fault) => {
                self.give_back(context, reserved).await?;
                Err(fault.into())
            }
        }
    }

    /// What a right password changes for the guesses at it.
    pub(super) async fn forgiven_password(
        &self,
        context: &CallContext,
        person: &Person,
    ) -> Result<Vec<Change>, Fault> {
        let account = password_of(context, person);
        self.forgiven(context, &account).await
    }

    /// What everyone is told who is not let in; and the line for the audit log, without the address.
    pub(super) fn refused_login(&self, context: &CallContext, reason: Reason) -> Refusal {
        self.note(context, "-", "login.refuse", context.dialect, reason.word());
        Denied::InvalidClient(reason).into()
    }

    async fn begin_by_password(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        mut person: Person,
        renewed: Option<PasswordHash>,
    ) -> Result<Outcome, Refusal> {
        let compared_with = person.password().cloned();
        // Whoever changes the password meanwhile sees this session and ends it, or is seen here.
        let _turn = match person.subject.as_deref().and_then(Stored::subject) {
            Some(subject) => Some(self.lanes.turn(lane_of(&compiled.id, &subject.id)).await?),
            None => None,
        };
        for _ in 0..CONFLICT_TRIES_MAX {
            let (stored, subject) = match person.decided() {
                // Changed meanwhile: what was compared is no longer its password.
                Ok((_, subject)) if subject.password != compared_with => {
                    return Err(self.refused_login(context, Reason::Mismatch));
                }
                Ok(decided) => decided,
                Err(reason) => return Err(self.refused_login(context, reason)),
            };
            let mut changes = self.forgiven_password(context, &person).await?;
            changes.push(kept_or_renewed(stored, subject, renewed.as_ref()));
            let organization = person.organization.as_ref();
            let made = self
                .new_session(
                    context,
                    compiled,
                    Grant {
                        subject,
                        platform: None,
                        scopes: Scopes::default(),
                        not_before: organization
                            .map_or(stored.not_before, |row| row.not_before)
                            .max(stored.not_before),
                    },
                )
                .await?;
            if let Some(made) = self
                .begun(context, subject, made, changes, "login.password")
                .await?
            {
                return Ok(made.outcome());
            }
            person = self.person(compiled, &person.email).await?;
        }
        Err(Fault::unavailable("the account kept changing").into())
    }

    /// Commit a session with what goes along with it; nothing where something has changed meanwhile.
    pub(super) async fn begun(
        &self,
        context: &CallContext,
        subject: &Subject,
        mut made: Made,
        mut changes: Vec<Change>,
        action: &str,
    ) -> Result<Option<Made>, Fault> {
        changes.append(&mut made.changes);
        let target = format!("session:{}", made.hint);
        let commit = Commit {
            at: context.now,
            changes,
            audit: self.audit_of(context, subject, action, &target),
        };
        match self.ports.store.commit(commit).await {
            Ok(()) => Ok(Some(made)),
            Err(CommitError::Conflict { .. }) => Ok(None),
            Err(CommitError::Fault(fault)) => Err(fault),
        }
    }
}

/// No subject has this identifier (RFC 9562 section 5.9), and no organization this name: decoys, so that the same is read.
pub(super) const NOBODY: &str = "00000000-0000-0000-0000-000000000000";
const NO_ORGANIZATION: &str = "-";

/// What stands for a text that is no address: short, whatever was sent, and nobody logs in by it.
fn no_address(text: &str) -> String {
    let digest = Digest::of("countersign/logins/no-address", &[text.as_bytes()]);
    HEXLOWER.encode(digest.as_bytes())
}

fn password_of(context: &CallContext, person: &Person) -> Account {
    Account::of(context, "password", &person.email)
}

/// The subject's hash made again with today's parameters; or that the subject is still what was decided about.
fn kept_or_renewed(stored: &Stored, subject: &Subject, renewed: Option<&PasswordHash>) -> Change {
    match renewed {
        Some(hash) => Change::Replace {
            row: Row::Subject(Subject {
                password: Some(hash.clone()),
                ..subject.clone()
            }),
            if_version: stored.version,
        },
        None => Change::Require {
            key: stored.row.key(),
            if_version: stored.version,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_is_a_short_name_of_its_own() {
        let long = "x".repeat(16 * 1024);
        let names = ["", "john", long.as_str()].map(no_address);
        for (place, name) in names.iter().enumerate() {
            assert_eq!(name.len(), 64);
            assert_eq!(contact::email(name), None);
            assert!(!names.iter().skip(place + 1).any(|other| other == name));
        }
    }
}

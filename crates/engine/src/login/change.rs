//! A new password for whoever knows the old one; and what every change of a password entails.

use super::{
    password::Person,
    rules,
    sessions::{Grant, Made},
};
use crate::{
    Engine,
    bounds::CONFLICT_TRIES_MAX,
    call::CallContext,
    commit::Change,
    compiled::Compiled,
    denied::{Denied, Fault, Reason, Refusal},
    model::{
        scopes::Scopes,
        subject::{PasswordHash, Subject},
        webhook::LetterText,
    },
    outcome::Outcome,
    row::Stored,
    secret::Secret,
    time::Timestamp,
    verify::{Authenticated, SessionCaller},
};
use std::time::Duration;

/// The members of the requests that bring passwords.
const CURRENT: &str = "currentPassword";
pub(super) const NEW: &str = "newPassword";

impl Engine {
    /// Knowing the session is not enough: whoever found an open browser does not get the account for good.
    pub(super) async fn change_password(
        &self,
        context: &CallContext,
        caller: &Authenticated<SessionCaller>,
        current: &Secret<String>,
        new: &Secret<String>,
    ) -> Result<Outcome, Refusal> {
        self.take_from_network(context)?;
        let current = rules::normalised(current, CURRENT)?;
        let new = rules::normalised(new, NEW)?;
        let who = caller.who();
        let email = who.subject.email.as_deref();
        rules::decide_password(&new, email, NEW)?;
        let compiled = self.arrived(context).await?;
        let mut person = self.own_account(&compiled, &who.subject).await?;
        let verified = self.compared(context, &person, &current).await?;
        if !verified.matches {
            return Err(self.refused_login(context, Reason::Mismatch));
        }
        let hash = self.ports.passwords.hash(&new).await?;
        let compared_with = person.password().cloned();
        for _ in 0..CONFLICT_TRIES_MAX {
            if person.password() != compared_with.as_ref() {
                return Err(self.refused_login(context, Reason::Mismatch));
            }
            let changed = self
                .changed_password(context, &compiled, &person, &hash)
                .await?;
            let (subject, mut changes) = changed;
            changes.extend(self.forgiven_password(context, &person).await?);
            let made = self
                .session_after_change(context, &compiled, &person, &subject)
                .await?;
            let begun = self
                .begun(context, &subject, made, changes, "password.change")
                .await?;
            if let Some(made) = begun {
                return Ok(made.outcome());
            }
            person = self.own_account(&compiled, &who.subject).await?;
        }
        Err(Fault::unavailable("the account kept changing").into())
    }

    /// The account that the caller itself logs in to. Somebody else may have the same address: whom a platform
    /// vouches for is not who has a password here.
    async fn own_account(&self, compiled: &Compiled, caller: &Subject) -> Result<Person, Fault> {
        let email = caller.email.as_deref().unwrap_or_default();
        let mut person = self.person(compiled, email).await?;
        let is_own = |stored: &Stored| {
            stored
                .subject()
                .is_some_and(|subject| subject.id == caller.id)
        };
        person.subject = person.subject.filter(|stored| is_own(stored));
        Ok(person)
    }

    /// The subject with this hash, and the changes that every new password makes: all its sessions end, and its
    /// address is told.
    pub(super) async fn changed_password(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        person: &Person,
        hash: &PasswordHash,
    ) -> Result<(Subject, Vec<Change>), Refusal> {
        let (stored, before) = person.decided().map_err(Denied::InvalidClient)?;
        let after = Subject {
            password: Some(hash.clone()),
            updated_at: context.now,
            ..before.clone()
        };
        let mut changes = self.amended_subject(stored, after.clone()).await?;
        changes.push(Change::Raise {
            key: stored.row.key(),
            not_before: ended_at(context, compiled, person),
        });
        if let Some(email) = &after.email {
            let text = LetterText::PasswordChanged { at: context.now };
            changes.push(self.letter(context, compiled, email, text, after.id.as_str())?);
        }
        Ok((after, changes))
    }

    async fn session_after_change(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        person: &Person,
        subject: &Subject,
    ) -> Result<Made, Fault> {
        let grant = Grant {
            subject,
            platform: None,
            scopes: Scopes::default(),
            not_before: ended_at(context, compiled, person),
        };
        self.new_session(context, compiled, grant).await
    }
}

/// Sessions from before this second are over: the first one in which none can have begun yet. A session that is made
/// in the second of another mark begins at that mark, so this one has to lie beyond them all. In whole seconds,
/// because a token prints its start in those.
fn ended_at(context: &CallContext, compiled: &Compiled, person: &Person) -> Timestamp {
    let rows = [person.subject.as_ref(), person.organization.as_ref()];
    let rows = rows.into_iter().flatten().chain([&compiled.stored]);
    let marks = rows.map(|stored| stored.not_before);
    let latest = marks.fold(context.now, Timestamp::max);
    Timestamp::from_seconds(latest.seconds()).plus(Duration::from_secs(1))
}

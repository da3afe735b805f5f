//! A new password for whoever knows the old one; and what every change of a password entails.

use super::{password::Person, rules, sessions::Grant};
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
    sessions::lane_of,
    time::Timestamp,
    verify::{Authenticated, SessionCaller},
};

/// The members of the requests that bring passwords.
const CURRENT: &str = "currentPassword";
pub(super) const NEW: &str = "newPassword";

/// A subject with a new password.
pub(super) struct Changed {
    pub subject: Subject,
    /// Its sessions from before are over.
    pub ended_at: Timestamp,
    pub changes: Vec<Change>,
}

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
        let _turn = self
            .lanes
            .turn(lane_of(&compiled.id, &who.subject.id))
            .await?;
        for _ in 0..CONFLICT_TRIES_MAX {
            if person.password() != compared_with.as_ref() {
                return Err(self.refused_login(context, Reason::Mismatch));
            }
            let changed = self
                .changed_password(context, &compiled, &person, &hash)
                .await?;
            let Changed {
                subject,
                ended_at,
                mut changes,
            } = changed;
            changes.extend(self.forgiven_password(context, &person).await?);
            let grant = Grant {
                subject: &subject,
                platform: None,
                scopes: Scopes::default(),
                not_before: ended_at,
            };
            let made = self.new_session(context, &compiled, grant).await?;
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

    /// What every new password changes: all the subject's sessions end, and its address is told. To be made and
    /// committed in the subject's turn ([`lane_of`]).
    pub(super) async fn changed_password(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        person: &Person,
        hash: &PasswordHash,
    ) -> Result<Changed, Refusal> {
        let (stored, before) = person.decided().map_err(Denied::InvalidClient)?;
        let after = Subject {
            password: Some(hash.clone()),
            updated_at: context.now,
            ..before.clone()
        };
        let ended_at = self.ended_at(context.now, stored).await?;
        let mut changes = self.amended_subject(stored, after.clone()).await?;
        changes.push(Change::Raise {
            key: stored.row.key(),
            not_before: ended_at,
        });
        if let Some(email) = &after.email {
            let text = LetterText::PasswordChanged { at: context.now };
            changes.push(self.letter(context, compiled, email, text, after.id.as_str())?);
        }
        Ok(Changed {
            subject: after,
            ended_at,
            changes,
        })
    }
}

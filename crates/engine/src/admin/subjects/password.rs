//! A password for a subject: the first one, because a link for a new one goes only to accounts that have one.

use super::subject_of;
use crate::{
    Engine,
    bounds::CONFLICT_TRIES_MAX,
    call::CallContext,
    commit::{Change, Commit, CommitError},
    denied::{Fault, Refusal},
    id::{EnvironmentId, SubjectId},
    login::rules,
    model::subject::Subject,
    outcome::Outcome,
    row::Key,
    secret::Secret,
    sessions::lane_of,
    verify::{Authenticated, OperatorCaller},
};

const MEMBER: &str = "password";

impl Engine {
    /// The rules are those of every password. Whoever was logged in with the old one is no more.
    pub(super) async fn set_password(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        environment: &EnvironmentId,
        id: &SubjectId,
        password: &Secret<String>,
    ) -> Result<Outcome, Refusal> {
        let password = rules::normalised(password, MEMBER)?;
        let stored = self.stored_subject(environment, id).await?;
        let email = subject_of(&stored)?.email.as_deref();
        rules::decide_password(&password, email, MEMBER)?;
        let hash = self.ports.passwords.hash(&password).await?;
        let _turn = self.lanes.turn(lane_of(environment, id)).await?;
        for _ in 0..CONFLICT_TRIES_MAX {
            let stored = self.stored_subject(environment, id).await?;
            let after = Subject {
                password: Some(hash.clone()),
                updated_at: context.now,
                ..subject_of(&stored)?.clone()
            };
            let audit = self.subject_event(context, caller, &after, "subject.set-password");
            let mut changes = self.amended_subject(&stored, after).await?;
            changes.push(Change::Raise {
                key: Key::Subject(environment.clone(), id.clone()),
                not_before: self.ended_at(context.now, &stored).await?,
            });
            let commit = Commit {
                at: context.now,
                changes,
                audit,
            };
            match self.ports.store.commit(commit).await {
                Ok(()) => return Ok(Outcome::Done),
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Fault(fault)) => return Err(fault.into()),
            }
        }
        Err(Fault::unavailable("the subject kept changing").into())
    }
}

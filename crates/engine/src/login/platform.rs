//! A session for somebody whom a platform vouches for.

use super::sessions::{Grant, Made};
use crate::{
    Engine,
    bounds::{CONFLICT_TRIES_MAX, SUBJECTS_PER_ORGANIZATION_MAX},
    call::CallContext,
    commit::{Change, Commit, CommitError},
    compiled::Compiled,
    denied::{Denied, Fault, Reason, Refusal},
    model::{
        State,
        name::NameSpace,
        subject::{Attributes, Subject},
    },
    outcome::Outcome,
    row::Stored,
    secret::Secret,
    subjects::{POPULATED, new_subject},
    time::Timestamp,
    verify::{Authenticated, Refused, Vouched, decide_subject},
};
use std::sync::Arc;

/// What came of a commit.
enum Tried {
    Done(Made),
    /// The token was used before.
    Spent,
    /// Something has changed since it was read.
    Changed,
}

/// For whom the session is: one who is known, or one who is made with it.
struct Known {
    subject: Subject,
    stored: Option<Arc<Stored>>,
}

impl Engine {
    pub(super) async fn platform_login(
        &self,
        context: &CallContext,
        code: &str,
        token: &Secret<String>,
    ) -> Result<Outcome, Refusal> {
        self.take_from_network(context)?;
        let outcome = self.vouched_login(context, code, token).await?;
        // A partner's server brings all its users from one address, and has a limit of its own where it was given one.
        self.give_back_to_network(context);
        Ok(outcome)
    }

    async fn vouched_login(
        &self,
        context: &CallContext,
        code: &str,
        token: &Secret<String>,
    ) -> Result<Outcome, Refusal> {
        let vouched = match self.verify_platform(context, code, token).await {
            Ok(vouched) => vouched,
            Err(refused) => return Err(self.refuse_caller(context, refused)),
        };
        let refuse = |reason| {
            let refused = Refused::from(Denied::InvalidClient(reason));
            Err(self.refuse_caller(context, refused))
        };
        let compiled = self.arrived(context).await?;
        for _ in 0..CONFLICT_TRIES_MAX {
            let known = match self.vouched_for(context, &vouched).await? {
                Ok(known) => known,
                Err(reason) => return refuse(reason),
            };
            let tried = self.begin_vouched(context, &compiled, &vouched, known);
            match tried.await? {
                Tried::Done(made) => return Ok(made.outcome()),
                Tried::Spent => return refuse(Reason::Spent),
                Tried::Changed => {}
            }
        }
        Err(Fault::unavailable("the account kept changing").into())
    }

    /// Whom the platform means. Its addresses are its own: they never lead to somebody else's user.
    async fn vouched_for(
        &self,
        context: &CallContext,
        vouched: &Authenticated<Vouched>,
    ) -> Result<Result<Known, Reason>, Fault> {
        let who = vouched.who();
        let (platform, place) = (&who.platform, &context.environment);
        let space = NameSpace::SubjectEmail;
        let owner = &platform.organization;
        let stored = self
            .subject_by_contact(place, owner, Some(&platform.id), space, &who.email)
            .await?;
        if stored.is_some() {
            // A new session: nothing was ended after it.
            let organization = Some(&who.organization);
            let decided = decide_subject(stored.as_ref(), organization, Timestamp::FAR);
            let known = |subject: &Subject| Known {
                subject: subject.clone(),
                stored: stored.clone(),
            };
            return Ok(decided.map(known));
        }
        if !who.enrols {
            return Ok(Err(Reason::Unknown));
        }
        let subject = Subject {
            environment: place.clone(),
            id: self.new_subject_id()?,
            organization: owner.clone(),
            platform: Some(platform.id.clone()),
            email: Some(who.email.clone()),
            phone: None,
            attributes: Attributes::default(),
            metadata: None,
            state: State::Active,
            closing_at: None,
            password: None,
            devices: Vec::new(),
            created_at: context.now,
            updated_at: context.now,
        };
        Ok(Ok(Known {
            subject,
            stored: None,
        }))
    }

    /// All in one commit: what is used up, the user where new, the session, and who is told.
    async fn begin_vouched(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        vouched: &Authenticated<Vouched>,
        known: Known,
    ) -> Result<Tried, Refusal> {
        let who = vouched.who();
        let Known { subject, stored } = known;
        let spent = who.spends.clone().map(Change::Spend);
        let spends = spent.is_some();
        let mut changes: Vec<Change> = spent.into_iter().collect();
        let mark = stored
            .as_ref()
            .map_or(Timestamp::EPOCH, |row| row.not_before);
        match &stored {
            Some(stored) => changes.push(Change::Require {
                key: stored.row.key(),
                if_version: stored.version,
            }),
            None => {
                let (place, owner) = (&subject.environment, &subject.organization);
                let most = SUBJECTS_PER_ORGANIZATION_MAX;
                self.decide_population(place, owner, most, context.now, POPULATED)
                    .await?;
                changes.extend(new_subject(&subject));
                changes.extend(self.told_of_new(context, &subject).await?);
            }
        }
        let grant = Grant {
            subject: &subject,
            platform: Some((&who.platform.id, who.credential)),
            scopes: who.scopes.clone(),
            not_before: who.not_before.max(mark),
        };
        let mut made = self.new_session(context, compiled, grant).await?;
        changes.append(&mut made.changes);
        let target = format!("session:{}", made.hint);
        let mut audit = self.audit_of(context, &subject, "login.platform", &target);
        audit.actor = format!("client:{}", who.platform.id);
        let commit = Commit {
            at: context.now,
            changes,
            audit,
        };
        match self.ports.store.commit(commit).await {
            Ok(()) => Ok(Tried::Done(made)),
            Err(CommitError::Conflict { change: 0 }) if spends => Ok(Tried::Spent),
            Err(CommitError::Conflict { .. }) => Ok(Tried::Changed),
            Err(CommitError::Fault(fault)) => Err(fault.into()),
        }
    }

    /// The changes that tell the organization's subscriptions of a user, as however else it is made.
    async fn told_of_new(
        &self,
        context: &CallContext,
        subject: &Subject,
    ) -> Result<Vec<Change>, Refusal> {
        let (place, owner) = (&subject.environment, &subject.organization);
        let (kind, record) = ("profile.created", crate::profiles::record(subject)?);
        self.announce(context, place, owner, kind, Some(subject), record)
            .await
    }
}

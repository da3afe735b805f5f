//! Profiles: a server looks after its users (Quiltt). Subjects of its own organization, and no others.

mod members;

pub(crate) use members::record;

pub use members::ProfileMembers;

use crate::{
    Engine,
    bounds::{CONFLICT_TRIES_MAX, PAGE_ROWS_MAX, PROFILES_READ_MAX, SUBJECTS_PER_ORGANIZATION_MAX},
    call::CallContext,
    commit::{Change, Commit, CommitError},
    denied::{Denied, Fault, ProblemKind, Reason, Refusal},
    id::{OrganizationId, SubjectId},
    model::{client::Client, subject::Subject},
    outcome::Outcome,
    ports::Query,
    row::{Key, Stored},
    sessions::lane_of,
    subjects::{BEING_ERASED, decide_subject_members, nameless, new_subject, not_a_subject},
    verify::{Authenticated, ClientCaller},
};
use serde_json::Map;
use std::sync::Arc;

/// What whoever makes one profile too many is told: 403, by the vendor's document.
pub(crate) const FULL: Denied = Denied::Forbidden(Reason::Full);

/// What can be asked of profiles.
#[derive(Debug)]
pub enum ProfileCall {
    /// A page of them, numbered from 1.
    List {
        /// Which page.
        page: u32,
        /// Rows of a page.
        limit: u32,
    },
    /// Make one.
    Create(ProfileMembers),
    /// One of them.
    Show(ProfileName),
    /// Change one: members that are not named stay.
    Change(ProfileName, ProfileMembers),
    /// Delete one.
    Remove(ProfileName),
}

/// A profile as a caller named it: by global id or by UUID, which are two spellings of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileName {
    /// Which.
    pub id: SubjectId,
    /// Spelled as a UUID, which a caller may have brought along.
    pub is_uuid: bool,
}

/// What came of it.
#[derive(Debug, Clone)]
pub enum ProfileAnswer {
    /// One profile.
    One {
        /// The profile.
        profile: Box<Subject>,
        /// It was just made.
        is_new: bool,
    },
    /// A page.
    Page {
        /// Its profiles.
        profiles: Vec<Subject>,
        /// Which page.
        page: u32,
        /// Rows of a page.
        limit: u32,
        /// How many there are; of more than [`PROFILES_READ_MAX`] rows only those that were counted.
        total: u64,
    },
    /// It is being deleted.
    Removed,
}

impl ProfileCall {
    /// The word for logs and audit.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::List { .. } => "subject.list",
            Self::Create(_) => "subject.create",
            Self::Show(_) => "subject.show",
            Self::Change(..) => "subject.change",
            Self::Remove(_) => "subject.erase",
        }
    }
}

impl Engine {
    /// Answer a call about profiles.
    pub(crate) async fn profile_call(
        &self,
        context: &CallContext,
        caller: &Authenticated<ClientCaller>,
        call: ProfileCall,
    ) -> Result<Outcome, Refusal> {
        let client = &caller.who().client;
        let answer = match call {
            ProfileCall::List { page, limit } => self.list_profiles(client, page, limit).await,
            ProfileCall::Create(members) => self.create_profile(context, client, members).await,
            ProfileCall::Show(name) => {
                let stored = self.profile(context, client, &name).await?;
                one(&stored, false)
            }
            ProfileCall::Change(name, members) => {
                self.change_profile(context, client, &name, &members).await
            }
            ProfileCall::Remove(name) => self.remove_profile(context, client, &name).await,
        };
        answer.map(Outcome::Profile)
    }

    /// A profile of the caller's organization that is not being deleted.
    async fn profile(
        &self,
        context: &CallContext,
        client: &Client,
        name: &ProfileName,
    ) -> Result<Arc<Stored>, Refusal> {
        let key = Key::Subject(context.environment.clone(), name.id.clone());
        let [stored] = self.load(&[key]).await?;
        let is_own = |stored: &Arc<Stored>| {
            stored
                .subject()
                .is_some_and(|subject| is_profile(subject, client) && subject.closing_at.is_none())
        };
        let own = stored.filter(is_own);
        own.ok_or_else(|| Denied::NotFound { noun: "profile" }.into())
    }

    async fn create_profile(
        &self,
        context: &CallContext,
        client: &Client,
        members: ProfileMembers,
    ) -> Result<ProfileAnswer, Refusal> {
        let id = match &members.uuid {
            Some(id) => id.clone(),
            None => self.new_subject_id()?,
        };
        let key = Key::Subject(context.environment.clone(), id.clone());
        for _ in 0..CONFLICT_TRIES_MAX {
            let [stored] = self.load(std::array::from_ref(&key)).await?;
            if stored.is_some() {
                return Err(Denied::Conflict("the uuid is taken").into());
            }
            let (subject, changes) = self
                .new_profile(context, &client.organization, id.clone(), &members)
                .await?;
            if self
                .commit_profile(context, client, &subject, changes, "subject.create")
                .await?
            {
                return Ok(ProfileAnswer::One {
                    profile: Box::new(subject),
                    is_new: true,
                });
            }
        }
        Err(Fault::unavailable(KEPT_CHANGING).into())
    }

    async fn change_profile(
        &self,
        context: &CallContext,
        client: &Client,
        name: &ProfileName,
        members: &ProfileMembers,
    ) -> Result<ProfileAnswer, Refusal> {
        let _turn = self
            .lanes
            .turn(lane_of(&context.environment, &name.id))
            .await?;
        for _ in 0..CONFLICT_TRIES_MAX {
            let stored = self.profile(context, client, name).await?;
            let (subject, changes) = self.profile_in_use(context, &stored, members).await?;
            if self
                .commit_profile(context, client, &subject, changes, "subject.change")
                .await?
            {
                return Ok(ProfileAnswer::One {
                    profile: Box::new(subject),
                    is_new: false,
                });
            }
        }
        Err(Fault::unavailable(KEPT_CHANGING).into())
    }

    /// What was known of the person goes at once, and so does everything that the profile could do. The rest
    /// follows when nothing names it any more.
    async fn remove_profile(
        &self,
        context: &CallContext,
        client: &Client,
        name: &ProfileName,
    ) -> Result<ProfileAnswer, Refusal> {
        let _turn = self
            .lanes
            .turn(lane_of(&context.environment, &name.id))
            .await?;
        for _ in 0..CONFLICT_TRIES_MAX {
            let stored = self.profile(context, client, name).await?;
            let subject = stored.subject().ok_or_else(not_a_subject)?;
            let mut changes = self.erased_subject(&stored, context.now).await?;
            let (organization, erased) = (&client.organization, nameless(subject));
            let told = self
                .announce(
                    context,
                    &context.environment,
                    organization,
                    "profile.deleted",
                    Some(&erased),
                    Map::new(),
                )
                .await?;
            changes.extend(told);
            if self
                .commit_profile(context, client, subject, changes, "subject.erase")
                .await?
            {
                return Ok(ProfileAnswer::Removed);
            }
        }
        Err(Fault::unavailable(KEPT_CHANGING).into())
    }

    /// Whether the changes were committed; if not, load and decide again.
    async fn commit_profile(
        &self,
        context: &CallContext,
        client: &Client,
        subject: &Subject,
        changes: Vec<Change>,
        action: &str,
    ) -> Result<bool, Refusal> {
        let actor = format!("client:{}", client.id);
        let target = crate::sessions::actor_of(subject);
        let mut audit = self.event(context, &actor, action, &target);
        audit.organization = Some(client.organization.clone());
        let commit = Commit {
            at: context.now,
            changes,
            audit,
        };
        match self.ports.store.commit(commit).await {
            Ok(()) => Ok(true),
            Err(CommitError::Conflict { .. }) => Ok(false),
            Err(CommitError::Fault(fault)) => Err(fault.into()),
        }
    }

    /// A page by its number, as the vendor's clients ask for it: the pages before it have to be read.
    async fn list_profiles(
        &self,
        client: &Client,
        page: u32,
        limit: u32,
    ) -> Result<ProfileAnswer, Refusal> {
        let organization: &OrganizationId = &client.organization;
        let query = Query::Subjects(client.environment.clone(), organization.clone());
        let first = u64::from(page.saturating_sub(1)) * u64::from(limit);
        let wanted = first..first + u64::from(limit);
        let (mut profiles, mut total, mut read, mut after) = (Vec::new(), 0u64, 0u64, None);
        loop {
            let rows = self
                .ports
                .store
                .list(&query, after.as_ref(), PAGE_ROWS_MAX)
                .await?;
            read += u64::try_from(rows.rows.len()).unwrap_or(u64::MAX);
            let live = rows.rows.iter().filter_map(|stored| stored.subject());
            let live = live.filter(|subject| is_profile(subject, client));
            for subject in live.filter(|subject| subject.closing_at.is_none()) {
                if wanted.contains(&total) {
                    profiles.push(subject.clone());
                }
                total += 1;
            }
            after = rows.next;
            let is_bounded = read >= PROFILES_READ_MAX;
            if after.is_none() || (is_bounded && total >= wanted.end) {
                return Ok(ProfileAnswer::Page {
                    profiles,
                    page,
                    limit,
                    total,
                });
            }
            if is_bounded {
                let why = "there are too many profiles before this page; ask for one at a time";
                return Err(Denied::Conflict(why).into());
            }
        }
    }

    /// A new profile, its rows and what is told of it.
    pub(crate) async fn new_profile(
        &self,
        context: &CallContext,
        organization: &OrganizationId,
        id: SubjectId,
        members: &ProfileMembers,
    ) -> Result<(Subject, Vec<Change>), Refusal> {
        let (place, most) = (&context.environment, SUBJECTS_PER_ORGANIZATION_MAX);
        self.decide_population(place, organization, most, context.now, FULL)
            .await?;
        let blank = members::blank(context, organization, id);
        let subject = members.applied(&blank, context.now)?;
        decide_subject_members(&subject)?;
        self.decide_free(None, &subject).await?;
        let mut changes = new_subject(&subject);
        let record = members::record(&subject)?;
        let told = self
            .announce(
                context,
                &context.environment,
                organization,
                "profile.created",
                Some(&subject),
                record,
            )
            .await?;
        changes.extend(told);
        Ok((subject, changes))
    }

    /// A profile that is there, with what its caller sets in it. Where that is nothing, the commit still stands
    /// only if the profile stays as it is.
    pub(crate) async fn profile_in_use(
        &self,
        context: &CallContext,
        stored: &Arc<Stored>,
        members: &ProfileMembers,
    ) -> Result<(Subject, Vec<Change>), Refusal> {
        let before = stored.subject().ok_or_else(not_a_subject)?;
        if before.closing_at.is_some() {
            return Err(Denied::Conflict(BEING_ERASED).into());
        }
        let same = members.applied(before, before.updated_at)?;
        if same == *before {
            let key = stored.row.key();
            let if_version = stored.version;
            return Ok((same, vec![Change::Require { key, if_version }]));
        }
        let after = members.applied(before, context.now)?;
        // Whoever can read its mail can choose its password: that is for the person, or an operator, to move.
        if before.password.is_some() && after.email != before.email {
            let expected = "the one that it has: the profile logs in by it with a password";
            return Err(Denied::invalid("email", ProblemKind::Expected(expected)).into());
        }
        let changes = self.amended_subject(stored, after.clone()).await?;
        self.decide_free(Some(before), &after).await?;
        Ok((after, changes))
    }

    /// Import the subject of a self-signed session.
    pub(crate) async fn import_subject(
        &self,
        context: &CallContext,
        client: &Client,
        id: &SubjectId,
    ) -> Result<Subject, Refusal> {
        let _turn = self.lanes.turn(lane_of(&context.environment, id)).await?;
        let members = ProfileMembers::default();
        let organization = &client.organization;
        for _ in 0..CONFLICT_TRIES_MAX {
            let key = Key::Subject(context.environment.clone(), id.clone());
            let [stored] = self.load(&[key]).await?;
            // Another call with the same session has just imported it.
            if let Some(subject) = stored.as_deref().and_then(Stored::subject) {
                let is_own = is_profile(subject, client) && subject.may_act();
                let refused = Denied::InvalidToken(crate::denied::Reason::Disabled);
                return if is_own {
                    Ok(subject.clone())
                } else {
                    Err(refused.into())
                };
            }
            let (subject, changes) = self
                .new_profile(context, organization, id.clone(), &members)
                .await?;
            if self
                .commit_profile(context, client, &subject, changes, "subject.import")
                .await?
            {
                return Ok(subject);
            }
        }
        Err(Fault::unavailable(KEPT_CHANGING).into())
    }
}

const KEPT_CHANGING: &str = "the profile kept changing";

fn one(stored: &Stored, is_new: bool) -> Result<ProfileAnswer, Refusal> {
    let profile = stored.subject().ok_or_else(not_a_subject)?;
    Ok(ProfileAnswer::One {
        profile: Box::new(profile.clone()),
        is_new,
    })
}

/// Whether a client has this subject as a profile: whom a platform vouches for comes by that platform only.
fn is_profile(subject: &Subject, client: &Client) -> bool {
    subject.organization == client.organization && subject.platform.is_none()
}

//! Subjects under an operator's eyes: made, changed, found and erased.

use super::{Making, at_version};
use crate::{
    Engine,
    bounds::{CONFLICT_TRIES_MAX, SUBJECTS_PER_ORGANIZATION_MAX},
    call::{CallContext, Contact, NewSubject, SubjectCall, SubjectChange},
    commit::{Change, CommitError, Version},
    denied::{Denied, Fault, ProblemKind, Refusal},
    engine::not_found,
    id::{ClientId, EnvironmentId, OrganizationId, SubjectId},
    model::{State, client::ClientKind, contact, name::NameSpace, subject::Subject},
    outcome::Outcome,
    row::{Key, Row, Stored},
    subjects::{
        POPULATED, decide_subject_members, email_of, nameless, names, not_a_subject, phone_of,
        subject_id,
    },
    verify::{Authenticated, OperatorCaller},
};
use serde_json::{Map, Value};
use std::sync::Arc;

mod export;
mod password;
mod password_link;
mod sessions;

impl Engine {
    pub(super) async fn admin_subjects(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        call: SubjectCall,
    ) -> Result<Outcome, Refusal> {
        match call {
            SubjectCall::Find {
                environment,
                organization,
                platform,
                contact,
            } => {
                self.find_subject(&environment, &organization, platform.as_ref(), &contact)
                    .await
            }
            SubjectCall::Export(environment, id) => {
                self.export_subject(context, caller, &environment, &id)
                    .await
            }
            SubjectCall::Sessions {
                environment,
                subject,
                after,
                limit,
            } => {
                self.subject_sessions(context, &environment, &subject, after, limit)
                    .await
            }
            SubjectCall::EndSession {
                environment,
                subject,
                session,
            } => {
                self.admin_end_session(context, caller, &environment, &subject, &session)
                    .await
            }
            SubjectCall::SendPasswordLink(environment, id) => {
                self.send_password_link(context, caller, &environment, &id)
                    .await
            }
            SubjectCall::SetPassword {
                environment,
                subject,
                password,
            } => {
                self.set_password(context, caller, &environment, &subject, &password)
                    .await
            }
        }
    }

    pub(super) async fn make_subject(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        new: NewSubject,
    ) -> Result<Making, Refusal> {
        self.named_environment(&new.environment).await?;
        let owner = Key::Organization(new.organization.clone());
        let [organization] = self.load(std::array::from_ref(&owner)).await?;
        let organization = organization.ok_or_else(|| not_found("organization"))?;
        let (place, most) = (&new.environment, SUBJECTS_PER_ORGANIZATION_MAX);
        self.decide_population(place, &new.organization, most, context.now, POPULATED)
            .await?;
        // What it belongs to must still be there, as it was, when the subject begins.
        let mut changes = vec![Change::Require {
            key: owner,
            if_version: organization.version,
        }];
        if let Some(platform) = &new.platform {
            let place = &new.environment;
            changes.push(self.platform_of(place, &new.organization, platform).await?);
        }
        let id = match &new.id {
            None => self.new_subject_id()?,
            Some(text) => subject_id(text).ok_or_else(|| {
                Denied::invalid("id", ProblemKind::Expected("a UUID with hyphens"))
            })?,
        };
        let subject = Subject {
            environment: new.environment,
            id,
            organization: new.organization,
            platform: new.platform,
            email: new.email.map(|text| normal(contact::email, text)),
            phone: new.phone.map(|text| normal(contact::phone, text)),
            attributes: new.attributes,
            metadata: new.metadata,
            state: State::Active,
            closing_at: None,
            password: None,
            devices: Vec::new(),
            created_at: context.now,
            updated_at: context.now,
        };
        decide_subject_members(&subject)?;
        let record = crate::profiles::record(&subject)?;
        let told = self.told(context, &subject, "profile.created", record);
        changes.extend(told.await?);
        let audit = self.subject_event(context, caller, &subject, "subject.create");
        let mut rows: Vec<Row> = names(&subject).map(Row::Name).collect();
        rows.insert(0, Row::Subject(subject));
        Ok(Making {
            rows,
            changes,
            secret: None,
            audit,
        })
    }

    /// The platform that is to vouch for a subject of this organization.
    async fn platform_of(
        &self,
        environment: &EnvironmentId,
        organization: &OrganizationId,
        id: &ClientId,
    ) -> Result<Change, Refusal> {
        let key = Key::Client(environment.clone(), id.clone());
        let [stored] = self.load(std::array::from_ref(&key)).await?;
        let is_its = |stored: &Arc<Stored>| {
            stored.client().is_some_and(|client| {
                client.kind == ClientKind::Platform && client.organization == *organization
            })
        };
        let stored = stored.filter(is_its).ok_or_else(|| {
            let expected = ProblemKind::Expected("a platform of this organization");
            Denied::invalid("platform", expected)
        })?;
        Ok(Change::Require {
            key,
            if_version: stored.version,
        })
    }

    pub(super) async fn amend_subject(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        environment: &EnvironmentId,
        id: &SubjectId,
        change: SubjectChange,
        if_version: Version,
    ) -> Result<Outcome, Refusal> {
        let key = Key::Subject(environment.clone(), id.clone());
        let [stored] = self.load(std::array::from_ref(&key)).await?;
        let stored = at_version(stored, "subject", if_version)?;
        let mut after = subject_of(&stored)?.clone();
        apply(&mut after, change);
        after.updated_at = context.now;
        let audit = self.subject_event(context, caller, &after, "subject.change");
        let changes = self.amended_subject(&stored, after).await?;
        self.commit_changes(context, changes, audit).await?;
        self.row_view(&key).await
    }

    /// What was known of the person goes now, and everything of it is refused from now on. Housekeeping sweeps
    /// the row when nothing can hang on it any more.
    pub(super) async fn erase_subject(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        environment: &EnvironmentId,
        id: &SubjectId,
        if_version: Version,
    ) -> Result<Outcome, Refusal> {
        for _ in 0..CONFLICT_TRIES_MAX {
            let key = Key::Subject(environment.clone(), id.clone());
            let [stored] = self.load(&[key]).await?;
            let stored = at_version(stored, "subject", if_version)?;
            let subject = subject_of(&stored)?;
            let audit = self.subject_event(context, caller, subject, "subject.erase");
            let mut changes = self.erased_subject(&stored, context.now).await?;
            let erased = nameless(subject);
            let told = self.told(context, &erased, "profile.deleted", Map::new());
            changes.extend(told.await?);
            match self.commit(context.now, changes, audit).await {
                Ok(()) => return Ok(Outcome::Done),
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Fault(fault)) => return Err(fault.into()),
            }
        }
        Err(Fault::unavailable("the subject kept changing").into())
    }

    /// The changes that tell the organization's subscriptions, as when its own servers had asked.
    async fn told(
        &self,
        context: &CallContext,
        subject: &Subject,
        kind: &str,
        record: Map<String, Value>,
    ) -> Result<Vec<Change>, Refusal> {
        let (place, owner) = (&subject.environment, &subject.organization);
        self.announce(context, place, owner, kind, Some(subject), record)
            .await
    }

    async fn find_subject(
        &self,
        environment: &EnvironmentId,
        organization: &OrganizationId,
        platform: Option<&ClientId>,
        contact: &Contact,
    ) -> Result<Outcome, Refusal> {
        self.check_environment(environment).await?;
        self.check_organization(organization).await?;
        let (space, contact) = match contact {
            Contact::Email(text) => (NameSpace::SubjectEmail, email_of(text, "email")?),
            Contact::Phone(text) => (NameSpace::SubjectPhone, phone_of(text, "phone")?),
        };
        let found = self
            .subject_by_contact(environment, organization, platform, space, &contact)
            .await?;
        let stored = found.ok_or_else(|| not_found("subject"))?;
        Ok(Outcome::Row(self.view(stored).await?))
    }

    pub(super) async fn stored_subject(
        &self,
        environment: &EnvironmentId,
        id: &SubjectId,
    ) -> Result<Arc<Stored>, Refusal> {
        let [stored] = self
            .load(&[Key::Subject(environment.clone(), id.clone())])
            .await?;
        stored.ok_or_else(|| not_found("subject"))
    }

    fn subject_event(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        subject: &Subject,
        action: &str,
    ) -> crate::model::audit::AuditEvent {
        let owner = Some(subject.organization.clone());
        let target = format!("subject:{}", subject.id);
        self.admin_event(
            context,
            caller,
            &subject.environment,
            owner,
            action,
            &target,
        )
    }
}

/// The normal form, or what cannot have one as it is: the rules name it with everything else that is wrong.
fn normal(form: fn(&str) -> Option<String>, text: String) -> String {
    form(&text).unwrap_or(text)
}

fn apply(subject: &mut Subject, change: SubjectChange) {
    if let Some(email) = change.email {
        subject.email = email.map(|text| normal(contact::email, text));
    }
    if let Some(phone) = change.phone {
        subject.phone = phone.map(|text| normal(contact::phone, text));
    }
    let attributes = &mut subject.attributes;
    if let Some(name) = change.name {
        attributes.name = name;
    }
    if let Some(names) = change.names {
        attributes.names = names;
    }
    if let Some(date) = change.date_of_birth {
        attributes.date_of_birth = date;
    }
    if let Some(address) = change.address {
        attributes.address = address;
    }
    if let Some(metadata) = change.metadata {
        subject.metadata = metadata;
    }
    if let Some(state) = change.state {
        subject.state = state;
    }
}

fn subject_of(stored: &Stored) -> Result<&Subject, Fault> {
    stored.subject().ok_or_else(not_a_subject)
}

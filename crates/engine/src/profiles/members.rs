//! What a server may set in a profile, and how a profile reads in an event.

use crate::{
    Engine,
    call::CallContext,
    denied::{Denied, Fault, ProblemKind, Refusal},
    global_id,
    id::{OrganizationId, SubjectId},
    model::{
        State,
        name::NameSpace,
        subject::{Address, Attributes, Names, Subject},
    },
    row::Stored,
    subjects::{email_of, phone_of},
    time::Timestamp,
};
use serde_json::{Map, Value, json};

/// Members of a profile as a caller sets them: `None` stays, `Some(None)` is cleared.
#[derive(Debug, Clone, Default)]
pub struct ProfileMembers {
    /// An identifier that the caller brings along; of a new profile only.
    pub uuid: Option<SubjectId>,
    /// Its e-mail address, as written.
    pub email: Option<Option<String>>,
    /// Its phone number, as written.
    pub phone: Option<Option<String>>,
    /// The whole name.
    pub name: Option<Option<String>>,
    /// The name in parts.
    pub names: Option<Option<Names>>,
    /// A calendar date.
    pub date_of_birth: Option<Option<String>>,
    /// Where the person lives.
    pub address: Option<Option<Address>>,
    /// What the caller notes of it, all of it.
    pub metadata: Option<Option<Map<String, Value>>>,
}

impl ProfileMembers {
    /// The subject with these members.
    ///
    /// # Errors
    /// [`Denied::Invalid`] of a contact that is none.
    pub(super) fn applied(&self, before: &Subject, now: Timestamp) -> Result<Subject, Denied> {
        let mut after = before.clone();
        if let Some(email) = &self.email {
            let email = email.as_ref().map(|text| email_of(text, "email"));
            after.email = email.transpose()?;
        }
        if let Some(phone) = &self.phone {
            let phone = phone.as_ref().map(|text| phone_of(text, "phone"));
            after.phone = phone.transpose()?;
        }
        let own = &mut after.attributes;
        set(&mut own.name, &self.name);
        set(&mut own.names, &self.names);
        set(&mut own.date_of_birth, &self.date_of_birth);
        set(&mut own.address, &self.address);
        set(&mut after.metadata, &self.metadata);
        after.updated_at = now;
        Ok(after)
    }
}

fn set<T: Clone>(member: &mut Option<T>, new: &Option<Option<T>>) {
    if let Some(new) = new {
        member.clone_from(new);
    }
}

/// A profile of which nothing is known yet.
pub(super) fn blank(
    context: &CallContext,
    organization: &OrganizationId,
    id: SubjectId,
) -> Subject {
    Subject {
        environment: context.environment.clone(),
        id,
        organization: organization.clone(),
        platform: None,
        email: None,
        phone: None,
        attributes: Attributes::default(),
        metadata: None,
        state: State::Active,
        closing_at: None,
        password: None,
        devices: Vec::new(),
        created_at: context.now,
        updated_at: context.now,
    }
}

/// A profile as an event tells of it.
pub(crate) fn record(subject: &Subject) -> Result<Map<String, Value>, Fault> {
    let (id, _) = global_id::of_subject(&subject.id)?;
    let members = [
        ("id", json!(id)),
        ("uuid", json!(subject.id)),
        ("metadata", json!(subject.metadata)),
        ("email", json!(subject.email)),
        ("phone", json!(subject.phone)),
        ("name", json!(subject.attributes.name)),
        ("dateOfBirth", json!(subject.attributes.date_of_birth)),
    ];
    let named = |(name, value): (&str, Value)| (name.to_owned(), value);
    Ok(members.into_iter().map(named).collect())
}

fn taken(field: &str) -> Refusal {
    let expected = ProblemKind::Expected("one that no other profile has");
    Denied::invalid(field, expected).into()
}

impl Engine {
    /// No other profile of the organization has the contacts that this one is to have.
    pub(super) async fn decide_free(
        &self,
        before: Option<&Subject>,
        after: &Subject,
    ) -> Result<(), Refusal> {
        let had =
            |contact: fn(&Subject) -> &Option<String>| before.and_then(|s| contact(s).clone());
        let contacts = [
            (
                NameSpace::SubjectEmail,
                "email",
                &after.email,
                had(|s| &s.email),
            ),
            (
                NameSpace::SubjectPhone,
                "phone",
                &after.phone,
                had(|s| &s.phone),
            ),
        ];
        for (space, field, contact, had) in contacts {
            let Some(contact) = contact.as_ref().filter(|new| had.as_ref() != Some(new)) else {
                continue;
            };
            let platform = after.platform.as_ref();
            let place = &after.environment;
            let found = self
                .subject_by_contact(place, &after.organization, platform, space, contact)
                .await?;
            let other = found.as_deref().and_then(Stored::subject);
            if other.is_some_and(|other| other.id != after.id) {
                return Err(taken(field));
            }
        }
        // Nobody logs in by them yet: a profile that has a password keeps its address.
        Ok(())
    }
}

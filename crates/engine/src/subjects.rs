//! Subjects, for every dialect that has people: found by contact, made, changed and erased by one set of rules.

use crate::{
    Engine,
    admin::check::Problems,
    bounds::{
        ERASED_DELIVERIES_MAX, PAGE_ROWS_MAX, SUBJECTS_COUNTED_FOR, SUBJECTS_PER_ORGANIZATION_MAX,
    },
    commit::Change,
    denied::{Denied, Fault, ProblemKind, Refusal},
    global_id,
    id::{ClientId, EnvironmentId, OrganizationId, SubjectId},
    model::{
        contact,
        device::Link,
        name::{Name, NameSpace},
        subject::{Attributes, Subject},
        webhook::Destination,
    },
    ports::{Housekeeping, Kept, Query},
    row::{Key, Row, Stored},
    time::Timestamp,
};
use std::sync::Arc;
use uuid::Uuid;

impl Engine {
    /// The subject that has this contact, in its normal form ([`contact::email`], [`contact::phone`]), among those
    /// whom `platform` vouches for. One round trip where nobody has it, two where somebody has.
    ///
    /// # Errors
    /// [`Fault`] when that cannot be known.
    pub(crate) async fn subject_by_contact(
        &self,
        environment: &EnvironmentId,
        organization: &OrganizationId,
        platform: Option<&ClientId>,
        space: NameSpace,
        contact: &str,
    ) -> Result<Option<Arc<Stored>>, Fault> {
        let name = Subject::name_of(organization, platform, contact);
        let [found] = self
            .load(&[Key::Name(environment.clone(), space, name)])
            .await?;
        let Some(name) = found.as_deref().and_then(Stored::name) else {
            return Ok(None);
        };
        let id = SubjectId::parse(&name.target).map_err(Fault::internal)?;
        let [stored] = self.load(&[Key::Subject(environment.clone(), id)]).await?;
        // The contact may have moved to another subject between the two readings.
        Ok(stored.filter(|stored| {
            stored.subject().is_some_and(|subject| {
                names(subject).any(|known| known.space == space && known.name == name.name)
            })
        }))
    }

    /// The changes that give a subject its new content, `after`, with the unique names that move. Its place among
    /// the changes of a commit: any; a conflict at the first of them means that it has changed meanwhile, at any
    /// other that a contact is taken.
    ///
    /// # Errors
    /// [`Denied::Invalid`] by [`decide_subject_members`]; [`Denied::Conflict`] when it is being erased.
    pub(crate) async fn amended_subject(
        &self,
        before: &Stored,
        after: Subject,
    ) -> Result<Vec<Change>, Refusal> {
        let old = before.subject().ok_or_else(not_a_subject)?;
        if old.closing_at.is_some() {
            return Err(Denied::Conflict(BEING_ERASED).into());
        }
        // An address from before a rule was made stays, and does not keep the rest from being changed.
        let new_email = after.email.clone().filter(|_| after.email != old.email);
        decide_subject_members(&Subject {
            email: new_email,
            ..after.clone()
        })?;
        let gone: Vec<Key> = names(old)
            .filter(|name| !names(&after).any(|kept| kept == *name))
            .map(|name| Row::Name(name).key())
            .collect();
        let came = names(&after).filter(|name| !names(old).any(|kept| kept == *name));
        let came: Vec<Change> = came.map(|name| Change::Insert(Row::Name(name))).collect();
        let mut changes = vec![Change::Replace {
            row: Row::Subject(after),
            if_version: before.version,
        }];
        changes.extend(self.removed_names(gone).await?);
        changes.extend(came);
        Ok(changes)
    }

    /// The changes that begin to erase a subject: what was known of the person goes at once, with the letters and
    /// events that tell of it and have not left, and its contacts are free again; no device approves for
    /// it any more. A conflict at a later change than the first may mean that such a delivery was just tried, or that
    /// such a device just changed: erase again. The emptied row stays for a while and refuses what still names it; see [`Row::sweep_at`].
    ///
    /// # Errors
    /// [`Denied::Conflict`] when it is being erased already.
    pub(crate) async fn erased_subject(
        &self,
        before: &Stored,
        now: Timestamp,
    ) -> Result<Vec<Change>, Refusal> {
        let old = before.subject().ok_or_else(not_a_subject)?;
        let after = Subject {
            email: None,
            phone: None,
            attributes: Attributes::default(),
            metadata: None,
            password: None,
            devices: Vec::new(),
            closing_at: Some(now),
            updated_at: now,
            ..old.clone()
        };
        let mut changes = self.amended_subject(before, after).await?;
        let link = Link::Subject(old.id.clone());
        let place = &old.environment;
        changes.extend(self.unlinked(now, place, &old.devices, &link).await?);
        changes.extend(self.withdrawn_deliveries(old).await?);
        Ok(changes)
    }

    /// The changes that take back what has not left yet, or was given up, to and about a subject.
    async fn withdrawn_deliveries(&self, subject: &Subject) -> Result<Vec<Change>, Fault> {
        let place = &subject.environment;
        let subscriptions = self.subscriptions_of(place, &subject.organization).await?;
        let subscriptions = subscriptions.iter().filter_map(|row| row.subscription());
        let receivers = subscriptions.map(|one| Destination::Webhook(one.id.clone()));
        let mut changes = Vec::new();
        let destinations: Vec<_> = [Destination::Mail].into_iter().chain(receivers).collect();
        let lanes = [false, true].into_iter().flat_map(|dead| {
            destinations.iter().map(move |destination| Query::Lane {
                place: destination.place(place),
                order: subject.id.to_string(),
                dead,
            })
        });
        let lanes: Vec<Query> = lanes.collect();
        for lane in lanes {
            let mut after = None;
            while changes.len() < ERASED_DELIVERIES_MAX {
                let page = self.ports.store.list(&lane, after.as_ref(), PAGE_ROWS_MAX);
                let page = page.await?;
                changes.extend(page.rows.iter().map(|stored| Change::Remove {
                    key: stored.row.key(),
                    if_version: stored.version,
                }));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        changes.truncate(ERASED_DELIVERIES_MAX);
        Ok(changes)
    }

    /// Whether an organization may have one more subject, where it may have `most`. Counted anew each minute, and not
    /// to the last one: what is made meanwhile has limits of its own.
    ///
    /// # Errors
    /// `full`, in the words of whoever asks, where it has as many.
    pub(crate) async fn decide_population(
        &self,
        environment: &EnvironmentId,
        organization: &OrganizationId,
        most: u32,
        now: Timestamp,
        full: Denied,
    ) -> Result<(), Refusal> {
        let key = (environment.clone(), organization.clone());
        let known = self.populations.get(&key);
        let known = known.filter(|(_, at)| now < at.plus(SUBJECTS_COUNTED_FOR));
        let count = match known {
            Some((count, _)) => count,
            None => {
                let work = Housekeeping::CountSubjects {
                    environment: environment.clone(),
                    organization: organization.clone(),
                    limit: SUBJECTS_PER_ORGANIZATION_MAX,
                };
                let Kept::Rows(count) = self.ports.store.keep(work).await? else {
                    return Err(Fault::internal("subjects were counted by table").into());
                };
                self.populations.insert(key, (count, now));
                count
            }
        };
        match count < u64::from(most) {
            true => Ok(()),
            false => Err(full.into()),
        }
    }

    async fn removed_names(&self, names: Vec<Key>) -> Result<Vec<Change>, Fault> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.ports.store.load(&names).await?;
        let removed = names.into_iter().zip(found).filter_map(|(key, stored)| {
            let if_version = stored?.version;
            Some(Change::Remove { key, if_version })
        });
        Ok(removed.collect())
    }
}

/// What whoever makes one subject too many is told.
pub(crate) const POPULATED: Denied =
    Denied::Conflict("the organization has as many end users as it may have");

/// A key of a subject's led to another row.
pub(crate) fn not_a_subject() -> Fault {
    Fault::internal("a subject's row is not one")
}

/// A subject as its deletion is told of: by its identifier, and nothing that its organization noted.
pub(crate) fn nameless(subject: &Subject) -> Subject {
    Subject {
        metadata: None,
        ..subject.clone()
    }
}

/// What whoever changes a subject that is going is told.
pub(crate) const BEING_ERASED: &str = "the subject is being erased";

/// The changes that make a subject: its row, then its unique names. A conflict at the first means that its
/// identifier is taken, at any other that a contact is.
pub(crate) fn new_subject(subject: &Subject) -> Vec<Change> {
    let row = std::iter::once(Row::Subject(subject.clone()));
    row.chain(names(subject).map(Row::Name))
        .map(Change::Insert)
        .collect()
}

/// The unique names of a subject's contacts; and the one it logs in by, where it has a password.
pub(crate) fn names(subject: &Subject) -> impl Iterator<Item = Name> {
    let known_as =
        |contact: &str| Subject::name_of(&subject.organization, subject.platform.as_ref(), contact);
    let email = subject.email.as_deref();
    // Whom a platform vouches for comes by that platform only.
    let logs_in = subject.password.is_some() && subject.platform.is_none();
    let names = [
        (NameSpace::SubjectEmail, email.map(known_as)),
        (
            NameSpace::SubjectPhone,
            subject.phone.as_deref().map(known_as),
        ),
        (
            NameSpace::Login,
            email.filter(|_| logs_in).map(str::to_owned),
        ),
    ];
    names.into_iter().filter_map(|(space, name)| {
        Some(Name {
            environment: subject.environment.clone(),
            space,
            name: name?,
            target: subject.id.to_string(),
        })
    })
}

/// The identifier of a subject that a caller brings along: a UUID with hyphens, in either case (RFC 9562 section 4).
pub(crate) fn subject_id(text: &str) -> Option<SubjectId> {
    let uuid = Uuid::try_parse(text).ok().filter(|_| text.len() == 36)?;
    SubjectId::parse(&uuid.to_string()).ok()
}

impl Engine {
    /// A new random identifier.
    ///
    /// # Errors
    /// [`Fault`] when there is no randomness.
    pub(crate) fn new_subject_id(&self) -> Result<SubjectId, Fault> {
        let uuid = global_id::random(&*self.ports.entropy)?;
        SubjectId::parse(&uuid.to_string()).map_err(Fault::internal)
    }
}

/// The address in its normal form.
///
/// # Errors
/// [`Denied::Invalid`] of `field` when mail could not reach it.
pub(crate) fn email_of(text: &str, field: &str) -> Result<String, Denied> {
    contact::email(text).ok_or_else(|| Denied::invalid(field, ProblemKind::Expected(EMAIL)))
}

/// The phone number in its normal form.
///
/// # Errors
/// [`Denied::Invalid`] of `field` when it is none.
pub(crate) fn phone_of(text: &str, field: &str) -> Result<String, Denied> {
    contact::phone(text).ok_or_else(|| Denied::invalid(field, ProblemKind::Expected(PHONE)))
}

const EMAIL: &str = "an e-mail address, name@example.com";
const PHONE: &str = "a phone number in E.164, +15551234567";

/// Whatever made or changed it, a subject obeys these rules. Fields are named as the admin API names them.
///
/// # Errors
/// [`Denied::Invalid`], naming every member that is wrong.
pub(crate) fn decide_subject_members(subject: &Subject) -> Result<(), Denied> {
    let mut problems = Problems::default();
    problems.expect(
        subject_id(subject.id.as_str()).as_ref() == Some(&subject.id),
        "id",
        "a UUID in lower case, with hyphens",
    );
    let email = subject.email.as_deref();
    let is_normal = email.is_none_or(|text| contact::email(text).as_deref() == Some(text));
    problems.expect(is_normal, "email", EMAIL);
    let phone = subject.phone.as_deref();
    let is_normal = phone.is_none_or(|text| contact::phone(text).as_deref() == Some(text));
    problems.expect(is_normal, "phone", PHONE);
    problems.metadata(subject.metadata.as_ref(), "metadata");
    decide_attributes(&subject.attributes, &mut problems);
    problems.done()
}

fn decide_attributes(attributes: &Attributes, problems: &mut Problems) {
    let mut text = |text: &Option<String>, field: &str| {
        if let Some(text) = text {
            problems.text(text, field);
        }
    };
    text(&attributes.name, "name");
    if let Some(names) = &attributes.names {
        text(&names.first, "names.first");
        text(&names.last, "names.last");
    }
    if let Some(address) = &attributes.address {
        text(&address.line1, "address.line1");
        text(&address.line2, "address.line2");
        text(&address.city, "address.city");
        text(&address.state, "address.state");
        text(&address.postal_code, "address.postal_code");
    }
    let born = attributes.date_of_birth.as_deref();
    problems.expect(
        born.is_none_or(is_calendar_date),
        "date_of_birth",
        "a calendar date, YYYY-MM-DD",
    );
    let country = attributes.address.as_ref();
    let country = country.and_then(|address| address.country_code.as_deref());
    problems.expect(
        country.is_none_or(|code| code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase())),
        "address.country_code",
        "a country by ISO 3166-1 alpha-3: USA, DEU",
    );
}

/// `YYYY-MM-DD` of the Gregorian calendar (RFC 3339 section 5.6, `full-date`).
fn is_calendar_date(text: &str) -> bool {
    let number = |range: std::ops::Range<usize>| {
        let digits = text.get(range)?;
        let plain = digits.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| digits.parse::<u32>().ok())?
    };
    let hyphens = text.len() == 10 && text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
    let (true, Some(year), Some(month), Some(day)) =
        (hyphens, number(0..4), number(5..7), number(8..10))
    else {
        return false;
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => return false,
    };
    (1..=days).contains(&day)
}

#[cfg(test)]
mod tests;

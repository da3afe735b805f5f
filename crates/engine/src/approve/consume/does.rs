//! What a nonce does when it is typed in, by whoever shows it.

use super::{Typed, wrong};
use crate::{
    Engine,
    approve::identifications::{HAS_DEVICE, MANY_DEVICES},
    bounds::{DEVICES_PER_SUBJECT_MAX, PAGE_ROWS_MAX},
    call::CallContext,
    commit::Change,
    denied::{Denied, Fault, Refusal},
    id::{ApproverId, ClientId, SubjectId},
    model::{
        State,
        client::Client,
        credential::{Credential, CredentialKind, Holder},
        device::Link,
        identification::{Identification, IdentificationPurpose},
        organization::Organization,
        subject::Subject,
    },
    ports::Query,
    row::{Key, Row, Stored},
    verify::decide_client,
};
use std::sync::Arc;

/// What typing it in does beside ending the nonce.
pub(super) struct Consumption {
    /// Whose asset the device needs; none: the environment's own.
    pub provider: Option<(Client, u64)>,
    /// A link that the device gets.
    pub link: Option<Link>,
    /// Changes of whoever shows the nonce, and of another device that loses its link.
    pub changes: Vec<Change>,
    /// What the person is told.
    pub shown_by: String,
    pub purpose: &'static str,
    /// What the audit log says.
    pub action: &'static str,
    pub target: String,
}

impl Engine {
    /// What typing this nonce in does beside ending it.
    pub(super) async fn consumption(
        &self,
        context: &CallContext,
        typed: &Typed,
    ) -> Result<Consumption, Refusal> {
        let row = &typed.identification;
        match &row.purpose {
            IdentificationPurpose::Provider(client) => {
                let (client, version, stands) = self.acting_provider(row, client).await?;
                let settings = client.provider.as_ref();
                if settings.is_none() || client.is_unconfirmed() {
                    return Err(wrong().into());
                }
                Ok(Consumption {
                    link: None,
                    changes: vec![stands],
                    shown_by: client.display_name.clone(),
                    purpose: "provider",
                    action: "identification.consume",
                    target: format!("identification:{}", row.id),
                    provider: Some((client, version)),
                })
            }
            IdentificationPurpose::Registration(client) => {
                let (client, version, stands) = self.acting_provider(row, client).await?;
                let mut changes = self.confirmed_keys(context, &client).await?;
                changes.push(stands);
                Ok(Consumption {
                    link: None,
                    changes,
                    shown_by: client.display_name.clone(),
                    purpose: "registration",
                    action: "provider.confirm",
                    target: format!("client:{}", client.id),
                    provider: Some((client, version)),
                })
            }
            IdentificationPurpose::Subject(subject)
            | IdentificationPurpose::FirstDevice(subject) => {
                self.subject_linked(context, typed, subject).await
            }
            IdentificationPurpose::Approver(approver) => {
                self.approver_linked(context, typed, approver).await
            }
        }
    }

    /// The service provider that shows a nonce, if it may act, its version, and that its organization stands.
    async fn acting_provider(
        &self,
        row: &Identification,
        id: &ClientId,
    ) -> Result<(Client, u64, Change), Refusal> {
        let keys = [
            Key::Client(row.environment.clone(), id.clone()),
            Key::Organization(row.organization.clone()),
        ];
        let [client, organization] = self.load(&keys).await?;
        let version = client.as_ref().map_or(0, |stored| stored.version);
        let (client, _) = decide_client(client.as_ref(), organization.as_ref(), row.created_at)
            .map_err(|_| wrong())?;
        let (_, stands) = acting_organization(organization.as_ref())?;
        Ok((client.clone(), version, stands))
    }

    /// The API keys of a provider that is confirmed end no more with the nonce.
    async fn confirmed_keys(
        &self,
        context: &CallContext,
        client: &Client,
    ) -> Result<Vec<Change>, Refusal> {
        let keys = self.keys_of(client).await?;
        let live = keys
            .into_iter()
            .filter(|(key, _)| key.lives(context.now).is_ok());
        let kept = live.map(|(key, if_version)| Change::Replace {
            row: Row::Credential(Credential {
                expires_at: None,
                ..key
            }),
            if_version,
        });
        Ok(kept.collect())
    }

    /// The API keys of a provider that registers itself: the one that it was told.
    pub(in crate::approve) async fn keys_of(
        &self,
        client: &Client,
    ) -> Result<Vec<(Credential, u64)>, Fault> {
        let holder = Holder::Client(client.organization.clone(), client.id.clone());
        let query = Query::Credentials(client.environment.clone(), Some(holder));
        let most = PAGE_ROWS_MAX;
        let page = self.ports.store.list(&query, None, most).await?;
        let keys = page.rows.iter().filter_map(|stored| {
            let key = stored.credential()?;
            (key.kind == CredentialKind::ApiKey).then(|| (key.clone(), stored.version))
        });
        Ok(keys.collect())
    }

    async fn subject_linked(
        &self,
        context: &CallContext,
        typed: &Typed,
        id: &SubjectId,
    ) -> Result<Consumption, Refusal> {
        let row = &typed.identification;
        let key = Key::Subject(row.environment.clone(), id.clone());
        let [stored, owner] = self
            .load(&[key, Key::Organization(row.organization.clone())])
            .await?;
        let stored = stored.ok_or_else(wrong)?;
        let subject = stored.subject().ok_or_else(wrong)?;
        let (owner, stands) = acting_organization(owner.as_ref())?;
        // One that was removed and made again under the same identifier was shown nothing.
        if !subject.may_act() || subject.created_at > row.created_at {
            return Err(wrong().into());
        }
        let mut after = subject.clone();
        let device = &typed.device.id;
        if !after.devices.contains(device) {
            decide_another(&after, &row.purpose)?;
            after.devices.push(device.clone());
        }
        after.updated_at = context.now;
        Ok(Consumption {
            provider: None,
            link: Some(Link::Subject(id.clone())),
            changes: vec![
                Change::Replace {
                    row: Row::Subject(after),
                    if_version: stored.version,
                },
                stands,
            ],
            shown_by: owner.display_name.clone(),
            purpose: "subject",
            action: "device.link",
            target: format!("subject:{id}"),
        })
    }

    async fn approver_linked(
        &self,
        context: &CallContext,
        typed: &Typed,
        id: &ApproverId,
    ) -> Result<Consumption, Refusal> {
        let row = &typed.identification;
        let whose = &row.organization;
        let keys = [
            Key::Approvers(row.environment.clone(), whose.clone()),
            Key::Organization(whose.clone()),
        ];
        let [stored, owner] = self.load(&keys).await?;
        let stored = stored.ok_or_else(wrong)?;
        let (owner, stands) = acting_organization(owner.as_ref())?;
        let mut list = stored.approvers().ok_or_else(wrong)?.clone();
        let approver = list.approvers.iter_mut().find(|known| known.id == *id);
        // One that was removed and added again under the same name was shown nothing.
        let approver = approver.filter(|known| known.created_at <= row.created_at);
        let approver = approver.ok_or_else(wrong)?;
        let device = &typed.device.id;
        let before = approver.device.replace(device.clone());
        let link = Link::Approver(whose.clone(), id.clone());
        let mut changes = vec![
            Change::Replace {
                row: Row::Approvers(list),
                if_version: stored.version,
            },
            stands,
        ];
        if let Some(before) = before.filter(|before| before != device) {
            let (now, place) = (context.now, &row.environment);
            changes.extend(self.unlinked(now, place, &[before], &link).await?);
        }
        Ok(Consumption {
            provider: None,
            link: Some(link),
            changes,
            shown_by: owner.display_name.clone(),
            purpose: "approver",
            action: "device.link",
            target: format!("approver:{whose}/{id}"),
        })
    }
}

/// Whether one more device may approve for the subject. Asked again when the nonce is typed in: whoever holds a session
/// may have been shown it before the first device was linked.
fn decide_another(subject: &Subject, purpose: &IdentificationPurpose) -> Result<(), Denied> {
    let is_by_session = matches!(purpose, IdentificationPurpose::FirstDevice(_));
    if is_by_session && !subject.devices.is_empty() {
        return Err(HAS_DEVICE);
    }
    match subject.devices.len() < DEVICES_PER_SUBJECT_MAX {
        true => Ok(()),
        false => Err(MANY_DEVICES),
    }
}

/// The organization behind a nonce, if it may act, and that it still does when the nonce's end is committed.
fn acting_organization(stored: Option<&Arc<Stored>>) -> Result<(&Organization, Change), Denied> {
    let stored = stored.ok_or_else(wrong)?;
    let organization = stored.organization();
    let organization = organization.filter(|it| it.state == State::Active);
    let organization = organization.ok_or_else(wrong)?;
    let stands = Change::Require {
        key: Key::Organization(organization.id.clone()),
        if_version: stored.version,
    };
    Ok((organization, stands))
}

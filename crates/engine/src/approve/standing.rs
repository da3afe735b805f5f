//! What an approval still stands on: whoever asks, and whoever may answer. Asked at every step, so that whoever was
//! disabled, locked, unlinked or removed in between opens nothing.

use super::record::{MayApprove, Record};
use crate::{
    Engine,
    commit::Change,
    denied::{Denied, Fault, Reason},
    id::{DeviceId, SubjectId},
    model::{
        State,
        approval::{Approval, Asked, Seat},
        asset::{Asset, AssetState},
        client::Client,
        device::{Device, Link},
        organization::Organization,
        subject::Subject,
    },
    row::{Key, Stored},
    time::Timestamp,
};
use std::{collections::HashMap, sync::Arc};

/// The rows behind an approval, as they are now.
pub(super) struct Standing {
    /// What is asked, and of whom.
    approval: Approval,
    record: Record,
    rows: HashMap<Key, Arc<Stored>>,
}

impl Engine {
    /// The rows behind an approval, as they are now, in one round trip.
    pub(super) async fn standing(&self, approval: &Approval) -> Result<Standing, Fault> {
        let record = Record::read(&approval.record)
            .ok_or_else(|| Fault::internal("an approval's record cannot be read"))?;
        let keys = keys_of(approval, &record);
        let found = self.ports.store.load(&keys).await?;
        let there = keys.into_iter().zip(found);
        Ok(Standing {
            approval: approval.clone(),
            record,
            rows: there.filter_map(|(key, row)| Some((key, row?))).collect(),
        })
    }
}

/// Everything that is named by an approval.
fn keys_of(approval: &Approval, record: &Record) -> Vec<Key> {
    let place = || approval.environment.clone();
    let mut keys = Vec::new();
    let owner = approval.organization.as_ref();
    keys.extend(owner.map(|id| Key::Organization(id.clone())));
    keys.extend(client_of(approval).map(|id| Key::Client(place(), id.clone())));
    keys.extend(subject_of(approval).map(|id| Key::Subject(place(), id)));
    if let Some(MayApprove::Group(group)) = &record.approvers {
        keys.push(Key::Approvers(place(), group.organization.clone()));
        keys.push(Key::Organization(group.organization.clone()));
    }
    for seat in &approval.seats {
        keys.push(Key::Device(place(), seat.device.clone()));
        keys.push(Key::Asset(place(), seat.asset.clone()));
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The application that asks.
fn client_of(approval: &Approval) -> Option<&crate::id::ClientId> {
    match &approval.asked {
        Asked::Operation(operation) => Some(&operation.provider),
        Asked::Countersignature(bound) => bound.client.as_ref(),
    }
}

/// The end user for whom the caller speaks. A client that speaks for itself is none: its name has a colon.
fn subject_of(approval: &Approval) -> Option<SubjectId> {
    let bound = approval.bound()?;
    SubjectId::parse(&bound.subject).ok()
}

impl Standing {
    /// What was asked.
    pub const fn record(&self) -> &Record {
        &self.record
    }

    /// Whoever asks may still ask.
    pub fn decide_asker(&self) -> Result<(), Denied> {
        let owner = self.approval.organization.as_ref();
        let is_owned = owner.is_none_or(|id| self.is_active(id));
        let is_asked = client_of(&self.approval).is_none_or(|_| self.client_stands());
        let is_spoken_for = subject_of(&self.approval).is_none_or(|id| self.subject(&id).is_some());
        (is_owned && is_asked && is_spoken_for)
            .then_some(())
            .ok_or(Denied::Forbidden(Reason::Disabled))
    }

    fn is_active(&self, id: &crate::id::OrganizationId) -> bool {
        let row = self.row(&Key::Organization(id.clone()));
        let found: Option<&Organization> = row.and_then(Stored::organization);
        found.is_some_and(|organization| organization.state == State::Active)
    }

    fn client_stands(&self) -> bool {
        self.client().is_some_and(|client| {
            let confirmed = |it: &crate::model::client::ServiceProvider| !it.unconfirmed;
            client.state == State::Active
                && Some(&client.organization) == self.approval.organization.as_ref()
                && client.provider.as_ref().is_none_or(confirmed)
                && !self.is_later(client.created_at)
        })
    }

    /// The application that asks, whatever its state.
    pub fn client(&self) -> Option<&Client> {
        let id = client_of(&self.approval)?;
        self.row(&Key::Client(self.approval.environment.clone(), id.clone()))?
            .client()
    }

    /// An end user that may act, and is the one that it was.
    fn subject(&self, id: &SubjectId) -> Option<&Subject> {
        let key = Key::Subject(self.approval.environment.clone(), id.clone());
        let subject = self.row(&key)?.subject()?;
        let is_same = subject.may_act() && !self.is_later(subject.created_at);
        is_same.then_some(subject)
    }

    /// Whoever has this seat may still answer from it, or stand by the answer.
    pub fn decide_seat(&self, seat: &Seat) -> Result<(), Denied> {
        let (device, _) = self.device(&seat.device).ok_or(GONE)?;
        if device.is_locked() {
            return Err(Denied::Forbidden(Reason::Locked));
        }
        self.decide_linked(seat)
    }

    /// The same of whoever has just typed the right PIN, which may have been its last try.
    pub fn decide_linked(&self, seat: &Seat) -> Result<(), Denied> {
        let (device, _) = self.device(&seat.device).ok_or(GONE)?;
        if device.locked_at.is_some() {
            return Err(Denied::Forbidden(Reason::Locked));
        }
        let is_usable = self
            .asset(seat)
            .is_some_and(|asset| asset.state == AssetState::Active && asset.device == device.id);
        (is_usable && self.is_linked(seat))
            .then_some(())
            .ok_or(GONE)
    }

    /// Whether whoever has this seat would still be asked, locked or not.
    pub fn is_linked(&self, seat: &Seat) -> bool {
        let Some((device, _)) = self.device(&seat.device) else {
            return false;
        };
        let operation = self.approval.operation();
        let provider = operation.map(|operation| &operation.provider);
        device.asset_at(provider) == Some(&seat.asset)
            && match &self.record.approvers {
                None => true,
                Some(MayApprove::Subject) => self.is_subjects(device),
                Some(MayApprove::Group(_)) => self.is_approvers(seat, device),
            }
    }

    fn is_subjects(&self, device: &Device) -> bool {
        subject_of(&self.approval).is_some_and(|id| {
            let knows = |subject: &Subject| subject.devices.contains(&device.id);
            device.links.contains(&Link::Subject(id.clone()))
                && self.subject(&id).is_some_and(knows)
        })
    }

    fn is_approvers(&self, seat: &Seat, device: &Device) -> bool {
        let (Some(MayApprove::Group(group)), Some(id)) = (&self.record.approvers, &seat.approver)
        else {
            return false;
        };
        let organization = &group.organization;
        let key = Key::Approvers(self.approval.environment.clone(), organization.clone());
        let list = self.row(&key).and_then(Stored::approvers);
        let approver = list.and_then(|list| list.of_group(&group.group).find(|it| it.id == *id));
        let is_same = approver.is_some_and(|approver| {
            approver.device.as_ref() == Some(&device.id) && !self.is_later(approver.created_at)
        });
        let link = Link::Approver(organization.clone(), id.clone());
        is_same && self.is_active(organization) && device.links.contains(&link)
    }

    /// The same name, given to another meanwhile.
    fn is_later(&self, made_at: Timestamp) -> bool {
        made_at > self.approval.created_at
    }

    /// A device, and the version of its row.
    pub fn device(&self, id: &DeviceId) -> Option<(&Device, u64)> {
        let row = self.row(&Key::Device(self.approval.environment.clone(), id.clone()))?;
        Some((row.device()?, row.version))
    }

    /// The asset of a seat.
    pub fn asset(&self, seat: &Seat) -> Option<&Asset> {
        let key = Key::Asset(self.approval.environment.clone(), seat.asset.clone());
        self.row(&key)?.asset()
    }

    fn row(&self, key: &Key) -> Option<&Stored> {
        self.rows.get(key).map(|row| &**row)
    }

    /// What a commit that builds on all of this requires: that nothing of it has changed since. Without the rows that
    /// the commit changes itself.
    pub fn requirements(&self, changed: &[Change]) -> Vec<Change> {
        let own: Vec<Key> = changed.iter().map(Change::key).collect();
        let others = self.rows.iter().filter(|(key, _)| !own.contains(key));
        let mut required: Vec<_> = others
            .map(|(key, row)| Change::Require {
                key: key.clone(),
                if_version: row.version,
            })
            .collect();
        // In one order everywhere, so that no two commits wait for each other.
        required.sort_by_cached_key(Change::key);
        required
    }
}

const GONE: Denied = Denied::Forbidden(Reason::Revoked);

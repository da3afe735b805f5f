//! Whom a guard asks: those of its people who have a device that can approve now.

use super::{Countersigning, unapproved};
use crate::{
    Engine,
    approve::record::{ApproverGroup, MayApprove},
    bounds::SEATS_MAX,
    denied::{Refusal, Unapproved},
    id::{ApproverId, AssetId, DeviceId, SubjectId},
    model::{
        State,
        approval::Seat,
        device::{Device, Link},
    },
    row::{Key, Stored},
};
use std::collections::HashSet;

impl Engine {
    /// Those who are asked. At least as many as must approve.
    pub(super) async fn seats_of(&self, it: &Countersigning<'_>) -> Result<Vec<Seat>, Refusal> {
        let seats = match &it.approvers {
            MayApprove::Subject => self.seats_of_subject(it).await?,
            MayApprove::Group(group) => self.seats_of_group(it, group).await?,
        };
        if seats.len() < usize::from(it.approvers.needed()).max(1) {
            return Err(unapproved(Unapproved::NoApprover).into());
        }
        Ok(seats)
    }

    /// The end user for whom the caller speaks, on any of its devices. A client that speaks for itself has none.
    async fn seats_of_subject(&self, it: &Countersigning<'_>) -> Result<Vec<Seat>, Refusal> {
        let Ok(id) = SubjectId::parse(&it.bound.subject) else {
            return Ok(Vec::new());
        };
        let [row] = self
            .load(&[Key::Subject(it.compiled.id.clone(), id.clone())])
            .await?;
        let subject = row.as_deref().and_then(Stored::subject);
        let Some(subject) = subject.filter(|subject| subject.may_act()) else {
            return Ok(Vec::new());
        };
        let asked = subject.devices.iter().map(|device| Asked {
            approver: None,
            display_name: None,
            device,
            link: Link::Subject(id.clone()),
        });
        self.seated(it, asked.collect()).await
    }

    /// The approvers of a group who have a device.
    async fn seats_of_group(
        &self,
        it: &Countersigning<'_>,
        group: &ApproverGroup,
    ) -> Result<Vec<Seat>, Refusal> {
        let owner = group.organization.clone();
        let [organization, list] = self
            .load(&[
                Key::Organization(owner.clone()),
                Key::Approvers(it.compiled.id.clone(), owner.clone()),
            ])
            .await?;
        let organization = organization.as_deref().and_then(Stored::organization);
        let list = list.as_deref().and_then(Stored::approvers);
        let (Some(State::Active), Some(list)) = (organization.map(|it| it.state), list) else {
            return Ok(Vec::new());
        };
        let with_device = list.of_group(&group.group).filter_map(|approver| {
            Some(Asked {
                approver: Some(approver.id.clone()),
                display_name: Some(approver.display_name.clone()),
                device: approver.device.as_ref()?,
                link: Link::Approver(owner.clone(), approver.id.clone()),
            })
        });
        self.seated(it, with_device.collect()).await
    }

    /// The seats on those devices that are linked, not locked, and have the asset that signs countersignatures. A device
    /// has one, for whomever it approves: it answers once, and so counts as one person.
    async fn seated(
        &self,
        it: &Countersigning<'_>,
        asked: Vec<Asked<'_>>,
    ) -> Result<Vec<Seat>, Refusal> {
        let keys: Vec<_> = asked
            .iter()
            .map(|one| Key::Device(it.compiled.id.clone(), one.device.clone()))
            .collect();
        let rows = self.ports.store.load(&keys).await?;
        let mut seated = HashSet::new();
        let seats = asked.into_iter().zip(&rows).filter_map(|(one, row)| {
            let device = row.as_deref().and_then(Stored::device)?;
            let asset = usable_asset(device).filter(|_| device.links.contains(&one.link))?;
            seated.insert(&device.id).then(|| Seat {
                approver: one.approver,
                display_name: one.display_name,
                device: device.id.clone(),
                asset: asset.clone(),
            })
        });
        Ok(seats.take(SEATS_MAX).collect())
    }
}

/// Somebody who may approve, and what the device has to say of it.
struct Asked<'a> {
    approver: Option<ApproverId>,
    display_name: Option<String>,
    device: &'a DeviceId,
    link: Link,
}

fn usable_asset(device: &Device) -> Option<&AssetId> {
    device.asset_at(None).filter(|_| !device.is_locked())
}

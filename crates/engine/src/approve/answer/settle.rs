//! Writing an answer down, in one commit with everything that follows from it.

use super::{Answering, Request, kept_changing, keys::Made};
use crate::{
    Engine,
    approve::{facts::operation_object, receipt::counted},
    bounds::CONFLICT_TRIES_MAX,
    commit::{Change, CommitError},
    denied::{Denied, Fault, Reason, Refusal},
    id::DeviceId,
    model::{
        approval::{Approval, ApprovalState, Vote},
        device::Device,
        name::NameSpace,
    },
    octets::Octets,
    row::{Key, Row, Stored},
};

impl Engine {
    /// Write the answer down: an approval with what the asset's key made, or a rejection. What somebody else changed
    /// meanwhile is read and decided again; the asset does not sign again.
    pub(super) async fn settle_answer(
        &self,
        it: &Answering<'_>,
        made: Option<&Made>,
    ) -> Result<Approval, Refusal> {
        for _ in 0..CONFLICT_TRIES_MAX {
            let request = self.request(it).await?;
            let standing = &request.standing;
            let seat = match made {
                // Its try is counted, and may have been the last.
                Some(_) => standing.decide_linked(&request.seat),
                None => standing.decide_seat(&request.seat),
            };
            request.decide(it, seat)?;
            let approval = self.with_answer(it, &request, made).await?;
            let mut changes = self.changes_of_answer(it, &request, &approval).await?;
            let required = standing.requirements(&changes);
            changes.extend(required);
            let spends = made.is_none();
            if spends {
                changes.insert(0, Change::Spend(it.who.nonce.clone()));
            }
            let action = match made {
                Some(_) => "approval.approve",
                None => "approval.reject",
            };
            let mut audit = self.event(it.context, &it.actor(), action, &it.target());
            audit.organization.clone_from(&approval.organization);
            if let Some(why) = made.and_then(|made| made.failed) {
                audit.outcome = why.into();
            }
            match self.commit(it.context.now, changes, audit).await {
                Ok(()) => return Ok(approval),
                Err(CommitError::Conflict { change: 0 }) if spends => {
                    return Err(self.spent(it.context, &it.who.device.id));
                }
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Fault(fault)) => return Err(fault.into()),
            }
        }
        Err(kept_changing())
    }

    /// The approval with this answer, and what came of it.
    async fn with_answer(
        &self,
        it: &Answering<'_>,
        request: &Request,
        made: Option<&Made>,
    ) -> Result<Approval, Fault> {
        let mut approval = request.approval.clone();
        let own = &it.who.device.id;
        approval.votes.push(Vote {
            device: own.clone(),
            approves: made.is_some(),
            at: it.context.now,
            statement: it.answer.statement.clone(),
            device_signature: Octets(it.answer.signature.clone()),
            asset_signature: made.and_then(|made| made.signature.clone()),
        });
        approval.updated_at = it.context.now;
        approval.state = match made {
            None => ApprovalState::Rejected,
            Some(Made {
                failed: Some(_), ..
            }) => ApprovalState::Failed,
            Some(_) => {
                let counted = counted(&approval, &request.standing, Some(own));
                let approving = counted.iter().filter(|(vote, _)| vote.approves).count();
                match approving >= usize::from(approval.needed).max(1) {
                    true => ApprovalState::Approved,
                    false => ApprovalState::Pending,
                }
            }
        };
        if approval.operation().is_some() {
            approval.signature = made.and_then(|made| made.answer.clone());
        }
        if matches!(
            approval.state,
            ApprovalState::Approved | ApprovalState::Rejected
        ) {
            let standing = &request.standing;
            let receipt = self.receipt_of(it.context, it.compiled, &approval, standing, own);
            approval.receipt = Some(receipt.await?);
        }
        Ok(approval)
    }

    /// Everything that changes with the answer. Once it is finished, nobody else is asked any more.
    async fn changes_of_answer(
        &self,
        it: &Answering<'_>,
        request: &Request,
        approval: &Approval,
    ) -> Result<Vec<Change>, Refusal> {
        let mut changes = vec![Change::Replace {
            row: Row::Approval(Box::new(approval.clone())),
            if_version: request.version,
        }];
        let own = &it.who.device.id;
        let is_finished = approval.state != ApprovalState::Pending;
        let mut devices: Vec<&DeviceId> = approval.seats.iter().map(|seat| &seat.device).collect();
        devices.sort_unstable();
        devices.dedup();
        for id in devices {
            let Some((device, version)) = request.standing.device(id) else {
                continue;
            };
            let is_asked = device.waiting.iter().any(|one| one.approval == approval.id);
            if id == own || (is_finished && is_asked) {
                let device = without(device, approval, id == own);
                changes.push(Change::Replace {
                    row: Row::Device(Box::new(device)),
                    if_version: version,
                });
            }
        }
        if is_finished {
            changes.extend(self.name_freed(approval).await?);
            changes.extend(self.provider_told(it, request, approval)?);
        }
        Ok(changes)
    }

    /// The same request asked again is another approval from here on.
    async fn name_freed(&self, approval: &Approval) -> Result<Option<Change>, Fault> {
        let Some(bound) = approval.bound() else {
            return Ok(None);
        };
        let place = approval.environment.clone();
        let name = bound.name(&place);
        let key = Key::Name(place, NameSpace::Countersigned, name);
        let [row] = self.load(std::array::from_ref(&key)).await?;
        let is_its_own = |row: &&std::sync::Arc<Stored>| {
            row.name()
                .is_some_and(|name| name.target == approval.id.as_str())
        };
        Ok(row.as_ref().filter(is_its_own).map(|row| Change::Remove {
            key,
            if_version: row.version,
        }))
    }

    fn provider_told(
        &self,
        it: &Answering<'_>,
        request: &Request,
        approval: &Approval,
    ) -> Result<Vec<Change>, Refusal> {
        if approval.operation().is_none() {
            return Ok(Vec::new());
        }
        let gone = Denied::Forbidden(Reason::Disabled);
        let provider = request.standing.client().ok_or_else(|| gone.clone())?;
        let asset = request.standing.asset(&request.seat).ok_or(gone)?;
        let told = operation_object(approval, asset, it.context.now);
        match told {
            None => Ok(Vec::new()),
            Some(told) => Ok(self.tell_provider(it.context, provider, &told)?),
        }
    }
}

/// The device without the request. Of the one that answered the count of tries starts anew.
fn without(device: &Device, approval: &Approval, answers: bool) -> Device {
    let mut device = device.clone();
    device.waiting.retain(|one| one.approval != approval.id);
    let approved = |own: &DeviceId| approval.vote(own).is_some_and(|vote| vote.approves);
    if answers && approved(&device.id) {
        device.wrong_pins = 0;
    }
    device.updated_at = approval.updated_at;
    device
}

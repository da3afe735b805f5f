//! Asking people: the approval, and a place on each of their devices, in one commit.

use super::{
    devices::lane_of_device,
    record::{AskedBy, MayApprove, Record},
};
use crate::{
    Engine,
    bounds::{
        APPROVAL_FOR, ASKING_RATE, CONFLICT_TRIES_MAX, WAITING_OF_ONE_PROVIDER_MAX,
        WAITING_PER_DEVICE_MAX, WAITING_PER_ORGANIZATION_MAX, WAITING_PER_PROVIDER_MAX,
    },
    call::CallContext,
    commit::{Change, CommitError},
    compiled::Compiled,
    denied::{Denied, Fault, Reason, Refusal, Unapproved},
    digest::Digest,
    id::{ApprovalId, ClientId, EnvironmentId, OrganizationId},
    model::{
        approval::{Approval, ApprovalState, Asked, Seat},
        client::Client,
        device::{Device, Waiting},
        organization::Organization,
    },
    ports::{Housekeeping, Kept, WaitingOf},
    row::{Key, Row, Stored},
    time::Timestamp,
    verify::too_many,
};
use std::{collections::HashSet, sync::Arc};

/// What is asked of whom.
pub(super) struct NewApproval {
    /// Who asks.
    pub organization: Option<OrganizationId>,
    /// What.
    pub asked: Asked,
    /// Of whom.
    pub seats: Vec<Seat>,
    /// How many must approve.
    pub needed: u8,
    /// The sentence that they are shown.
    pub text: String,
    /// The actor, for the audit log.
    pub actor: String,
}

/// The same, and who may answer a countersignature.
pub(super) struct Question {
    pub new: NewApproval,
    pub approvers: Option<MayApprove>,
}

/// What came of asking.
pub(super) enum Put {
    /// People are asked.
    Asked(Box<Approval>),
    /// The change that goes with it did not apply: whoever made it has to look again.
    Moved,
}

/// A device that is asked: its row with the new entry, and the version that was read.
struct Place {
    device: Device,
    version: u64,
}

impl Engine {
    /// One more request to people by whoever is called `names`, counted before anything is loaded. No I/O.
    pub(super) fn take_asking(
        &self,
        context: &CallContext,
        label: &str,
        names: [&str; 2],
    ) -> Result<(), Refusal> {
        let [one, other] = names;
        let names = [context.environment.as_str(), one, other].map(str::as_bytes);
        let bucket = self.rates.bucket(Digest::of(label, &names));
        let taken = bucket.take(ASKING_RATE, context.now);
        taken.map_err(|wait| too_many(wait).into())
    }

    /// Ask the people of `seats`. `text` is the sentence that they are shown.
    ///
    /// # Errors
    /// [`Denied::TooManyRequests`] where as many requests wait already as may, until the first of them ends;
    /// [`Denied::Forbidden`] when the device is locked.
    pub(super) async fn ask_people(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        people: NewApproval,
    ) -> Result<Approval, Refusal> {
        let question = Question {
            new: people,
            approvers: None,
        };
        match self.put(context, compiled, &question, |_| None).await? {
            Put::Asked(approval) => Ok(*approval),
            Put::Moved => {
                Err(Fault::internal("nothing went with an operation, and it moved").into())
            }
        }
    }

    /// Ask, whatever is asked; `further` is the change that goes with the approval. Devices are entered one after the
    /// other on this node, in one order; what other nodes change meanwhile is read and decided again.
    pub(super) async fn put(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        question: &Question,
        further: impl Fn(&Approval) -> Option<Change> + Send,
    ) -> Result<Put, Refusal> {
        self.decide_room(context, compiled, &question.new).await?;
        let _turns = self.turns_of(&compiled.id, &question.new.seats).await?;
        for _ in 0..CONFLICT_TRIES_MAX {
            let (approval, places) = self.placed(context, compiled, question).await?;
            let mut changes = vec![Change::Insert(Row::Approval(Box::new(approval.clone())))];
            changes.extend(places.into_iter().map(|place| Change::Replace {
                row: Row::Device(Box::new(place.device)),
                if_version: place.version,
            }));
            let own = changes.len();
            changes.extend(further(&approval));
            let target = format!("approval:{}", approval.id);
            let mut audit = self.event(context, &question.new.actor, "approval.create", &target);
            audit.organization.clone_from(&approval.organization);
            match self.commit(context.now, changes, audit).await {
                Ok(()) => return Ok(Put::Asked(Box::new(approval))),
                Err(CommitError::Conflict { change }) if change >= own => return Ok(Put::Moved),
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Fault(fault)) => return Err(fault.into()),
            }
        }
        Err(Fault::unavailable("the devices that are asked kept changing").into())
    }

    /// The turns of all devices, in one order, so that no two calls wait for each other.
    async fn turns_of(
        &self,
        environment: &EnvironmentId,
        seats: &[Seat],
    ) -> Result<Vec<crate::lanes::Turn<'_>>, Fault> {
        let mut lanes: Vec<_> = seats
            .iter()
            .map(|seat| lane_of_device(environment, &seat.device))
            .collect();
        lanes.sort_unstable();
        lanes.dedup();
        let mut turns = Vec::with_capacity(lanes.len());
        for lane in lanes {
            turns.push(self.lanes.turn(lane).await?);
        }
        Ok(turns)
    }

    /// Not more waits for answers than anybody needs. Counted before, so a few more may come at once.
    async fn decide_room(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        new: &NewApproval,
    ) -> Result<(), Refusal> {
        let provider = asking_provider(&new.asked).map(|id| {
            let of = WaitingOf::Provider(id.clone());
            (of, WAITING_PER_PROVIDER_MAX)
        });
        let organization = new.organization.as_ref().map(|id| {
            let of = WaitingOf::Organization(id.clone());
            (of, WAITING_PER_ORGANIZATION_MAX)
        });
        for (of, limit) in provider.into_iter().chain(organization) {
            let counted = Housekeeping::CountWaiting {
                environment: compiled.id.clone(),
                of,
                now: context.now,
                limit,
            };
            match self.ports.store.keep(counted).await? {
                Kept::Rows(count) if count >= u64::from(limit) => {
                    return Err(too_many_waiting(&new.asked, None, context.now).into());
                }
                Kept::Rows(_) => {}
                Kept::Counts(_) => {
                    return Err(Fault::internal("approvals were counted by name").into());
                }
            }
        }
        Ok(())
    }

    /// The approval, and the devices with a place for it.
    async fn placed(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        question: &Question,
    ) -> Result<(Approval, Vec<Place>), Refusal> {
        let new = &question.new;
        let mut approval = Approval {
            environment: compiled.id.clone(),
            id: ApprovalId::parse(&self.random_hex()?).map_err(Fault::internal)?,
            organization: new.organization.clone(),
            asked: new.asked.clone(),
            token: self.random_hex()?,
            otp: self.random_hex()?,
            record: String::new(),
            seats: Vec::new(),
            needed: new.needed,
            votes: Vec::new(),
            state: ApprovalState::Pending,
            signature: None,
            used: None,
            receipt: None,
            created_at: context.now,
            updated_at: context.now,
            expires_at: context.now.plus(APPROVAL_FOR),
        };
        let places = self.places(context, compiled, new, &approval).await?;
        let has_place = |seat: &&Seat| places.iter().any(|it| it.device.id == seat.device);
        approval.seats = new.seats.iter().filter(has_place).cloned().collect();
        let issuer = &compiled.environment()?.issuer;
        let asked_by = self.asked_by(&approval).await?;
        let approvers = question.approvers.clone();
        let record = Record::of(&approval, issuer, asked_by, approvers, new.text.clone());
        approval.record = record
            .write()
            .ok_or_else(|| Fault::internal("a record cannot be written"))?;
        Ok((approval, places))
    }

    /// A place on each device that has one. As many as must approve are needed: a device on which too much waits keeps
    /// nobody else from being asked.
    async fn places(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        new: &NewApproval,
        approval: &Approval,
    ) -> Result<Vec<Place>, Refusal> {
        let key = |seat: &Seat| Key::Device(compiled.id.clone(), seat.device.clone());
        let keys: Vec<_> = new.seats.iter().map(key).collect();
        let rows = self.ports.store.load(&keys).await?;
        let asked = &new.asked;
        let over = self.finished_of(context, compiled, asked, &rows).await?;
        let (mut places, mut full) = (Vec::new(), Vec::new());
        for (seat, row) in new.seats.iter().zip(&rows) {
            let Some((row, device)) = row.as_deref().and_then(|row| Some((row, row.device()?)))
            else {
                continue;
            };
            if !is_usable(device, seat, &new.asked) {
                continue;
            }
            match with_place(device, approval, &over, context.now) {
                Some(device) => places.push(Place {
                    device,
                    version: row.version,
                }),
                None => full.push(device),
            }
        }
        if places.len() >= usize::from(new.needed).max(1) {
            return Ok(places);
        }
        Err(match (full.is_empty(), &new.asked) {
            (true, Asked::Operation(_)) => Denied::Forbidden(Reason::Locked),
            (true, Asked::Countersignature(_)) => {
                Denied::Unapproved(Box::new(Unapproved::NoApprover))
            }
            (false, asked) => {
                let ends = full
                    .iter()
                    .flat_map(|device| in_the_way(device, asked, context.now));
                too_many_waiting(asked, ends.map(|one| one.expires_at).min(), context.now)
            }
        }
        .into())
    }

    /// What stands as waiting on these devices and is over: answered elsewhere, or gone. Only looked at where a device
    /// seems to be full.
    async fn finished_of(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        asked: &Asked,
        rows: &[Option<Arc<Stored>>],
    ) -> Result<HashSet<ApprovalId>, Fault> {
        let devices = rows.iter().flatten().filter_map(|row| row.device());
        let full = devices.filter(|device| {
            let waiting: Vec<_> = device.waiting_at(context.now).collect();
            !has_room(&waiting, asked)
        });
        let waiting = full.flat_map(|device| device.waiting_at(context.now));
        let ids: Vec<_> = waiting.map(|one| one.approval.clone()).collect();
        let keys: Vec<_> = ids
            .iter()
            .map(|id| Key::Approval(compiled.id.clone(), id.clone()))
            .collect();
        let rows = self.ports.store.load(&keys).await?;
        let is_over = |row: &Option<Arc<Stored>>| {
            let approval = row.as_deref().and_then(Stored::approval);
            approval.is_none_or(|it| it.state_at(context.now) != ApprovalState::Pending)
        };
        let over = ids.into_iter().zip(rows).filter(|(_, row)| is_over(row));
        Ok(over.map(|(id, _)| id).collect())
    }

    /// Who asks, in words.
    async fn asked_by(&self, approval: &Approval) -> Result<AskedBy, Fault> {
        let (client, subject) = match &approval.asked {
            Asked::Operation(operation) => (Some(operation.provider.clone()), None),
            Asked::Countersignature(bound) => (bound.client.clone(), Some(bound.subject.clone())),
        };
        let place = || approval.environment.clone();
        let owner = approval.organization.clone().map(Key::Organization);
        let known = client.clone().map(|id| Key::Client(place(), id));
        let keys: Vec<_> = owner.into_iter().chain(known).collect();
        let rows = self.ports.store.load(&keys).await?;
        let rows = || rows.iter().flatten();
        let named = |it: &Organization| it.display_name.clone();
        let organization = rows().find_map(|row| row.organization().map(named));
        let named = |it: &Client| it.display_name.clone();
        Ok(AskedBy {
            organization: approval.organization.clone(),
            organization_name: organization,
            client,
            client_name: rows().find_map(|row| row.client().map(named)),
            subject,
        })
    }

    /// Sixteen random bytes in lower-case hexadecimal, as the objects of service providers are named.
    pub(super) fn random_hex(&self) -> Result<String, Fault> {
        let mut bytes = [0; 16];
        self.ports.entropy.fill(&mut bytes)?;
        Ok(data_encoding::HEXLOWER.encode(&bytes))
    }
}

/// Whether the device can be asked for what the seat says: it is not locked, and has the asset.
fn is_usable(device: &Device, seat: &Seat, asked: &Asked) -> bool {
    !device.is_locked() && device.asset_at(asking_provider(asked)) == Some(&seat.asset)
}

/// The service provider that asks; none: a guard.
const fn asking_provider(asked: &Asked) -> Option<&ClientId> {
    match asked {
        Asked::Operation(operation) => Some(&operation.provider),
        Asked::Countersignature(_) => None,
    }
}

/// Whether one more may wait beside these.
fn has_room(waiting: &[&Waiting], asked: &Asked) -> bool {
    waiting.len() < WAITING_PER_DEVICE_MAX && !is_held_by(waiting, asked)
}

/// Whether the service provider that asks has all the places that one may have.
fn is_held_by(waiting: &[&Waiting], asked: &Asked) -> bool {
    let provider = asking_provider(asked);
    let own = |one: &&&Waiting| provider.is_some() && one.provider.as_ref() == provider;
    waiting.iter().filter(own).count() >= WAITING_OF_ONE_PROVIDER_MAX
}

/// What has to end before there is room.
fn in_the_way<'a>(device: &'a Device, asked: &Asked, now: Timestamp) -> Vec<&'a Waiting> {
    let mut waiting: Vec<_> = device.waiting_at(now).collect();
    if is_held_by(&waiting, asked) {
        waiting.retain(|one| one.provider.as_ref() == asking_provider(asked));
    }
    waiting
}

/// The device with a place for the approval, without what is over; none when it is full.
fn with_place(
    device: &Device,
    approval: &Approval,
    over: &HashSet<ApprovalId>,
    now: Timestamp,
) -> Option<Device> {
    let mut device = device.clone();
    device
        .waiting
        .retain(|one| now < one.expires_at && !over.contains(&one.approval));
    let waiting: Vec<_> = device.waiting.iter().collect();
    if !has_room(&waiting, &approval.asked) {
        return None;
    }
    device.waiting.push(Waiting {
        approval: approval.id.clone(),
        provider: asking_provider(&approval.asked).cloned(),
        expires_at: approval.expires_at,
    });
    device.updated_at = now;
    Some(device)
}

/// A service provider is told when to come back; the caller of a guard, that people have enough to answer.
fn too_many_waiting(asked: &Asked, until: Option<Timestamp>, now: Timestamp) -> Denied {
    match asked {
        Asked::Countersignature(_) => Denied::Unapproved(Box::new(Unapproved::TooManyWaiting)),
        Asked::Operation(_) => {
            let wait = until.unwrap_or_else(|| now.plus(APPROVAL_FOR)).since(now);
            let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX);
            Denied::TooManyRequests {
                retry_after_s: seconds.saturating_add(1),
            }
        }
    }
}

//! A person's answer: the PIN, the device's signature, and the asset's.
//!
//! To approve takes two commits. The first writes a try of the PIN down, before it is compared; the second is the answer.
//! Whoever crashes in between has spent a try and answered nothing. To reject takes one, and no PIN. Of two answers at
//! once the first commit wins; the other reads again, and is told that it came too late.

mod keys;
mod pin;
mod settle;

use super::{
    devices::lane_of_device,
    record::{Record, Stated, digest_of},
    standing::Standing,
};
use crate::{
    Engine,
    bounds::{CONFLICT_TRIES_MAX, DEVICE_CLOCK_SKEW_MAX, PIN_DIGITS_MAX, PIN_DIGITS_MIN},
    call::{Answer, CallContext},
    compiled::Compiled,
    denied::{Denied, Fault, ProblemKind, Refusal, Unapproved},
    id::ApprovalId,
    model::{
        approval::{Approval, ApprovalState, Seat},
        device::Device,
    },
    outcome::{DeviceOutcome, News},
    row::{Key, Stored},
    secret::Secret,
    time::Timestamp,
    verify::{Authenticated, DeviceCaller},
};
use countersign_jose::{Algorithm, VerifyingKey};
use std::{sync::Arc, time::Duration};

const NO_REQUEST: Denied = Denied::NotFound { noun: "request" };
const ANSWERED: Denied = Denied::Conflict("it was answered already; the first answer stands");

/// An answer that is being given.
struct Answering<'a> {
    context: &'a CallContext,
    compiled: &'a Compiled,
    who: &'a DeviceCaller,
    answer: &'a Answer,
}

/// The request that is answered, as it is now.
struct Request {
    approval: Approval,
    version: u64,
    standing: Standing,
    seat: Seat,
}

impl Engine {
    pub(super) async fn answer_request(
        &self,
        context: &CallContext,
        caller: &Authenticated<DeviceCaller>,
        answer: Answer,
    ) -> Result<DeviceOutcome, Refusal> {
        let compiled = self.arrived(context).await?;
        let it = Answering {
            context,
            compiled: &compiled,
            who: caller.who(),
            answer: &answer,
        };
        let lane = lane_of_device(&compiled.id, &it.who.device.id);
        let _turn = self.lanes.turn(lane).await?;
        let answered = match answer.approves {
            true => self.approve(&it).await,
            false => self.settle_answer(&it, None).await,
        };
        if let Err(Refusal::Denied(why)) = &answered {
            let target = format!("approval:{}", answer.approval);
            self.note(context, &it.actor(), "approval.refuse", &target, why.word());
        }
        answered.map(|approval| DeviceOutcome::Request(Box::new(approval)))
    }

    /// A try is written down, then the PIN is compared, then the asset's key is used, then that is written down.
    async fn approve(&self, it: &Answering<'_>) -> Result<Approval, Refusal> {
        let pin = it.answer.pin.as_ref();
        let pin = pin.ok_or_else(|| Denied::invalid("pin", ProblemKind::Missing))?;
        decide_form(pin)?;
        let request = self.reserve_try(it).await?;
        let (device, _) = request.device(it)?;
        if !self.is_pin(it.compiled, device, pin)? {
            let tries_left = self.settle_wrong_pin(it).await?;
            return Err(Denied::WrongPin { tries_left }.into());
        }
        let answered = match self.use_key(it, &request).await {
            Ok(made) => self.settle_answer(it, Some(&made)).await,
            Err(refusal) => Err(refusal),
        };
        if answered.is_err() {
            // The PIN was right: neither a keystore nor a store that is away for a moment must lock anybody out.
            self.settle_right_pin(it).await?;
        }
        answered
    }

    /// The request as it is now, with everything that it stands on.
    async fn request(&self, it: &Answering<'_>) -> Result<Request, Refusal> {
        let key = Key::Approval(it.compiled.id.clone(), it.answer.approval.clone());
        let [stored] = self.load(&[key]).await?;
        let stored = stored.ok_or(NO_REQUEST)?;
        let approval = stored.approval().ok_or(NO_REQUEST)?;
        let seat = approval.seat(&it.who.device.id).ok_or(NO_REQUEST)?;
        Ok(Request {
            standing: self.standing(approval).await?,
            seat: seat.clone(),
            version: stored.version,
            approval: approval.clone(),
        })
    }

    pub(super) async fn show_request(
        &self,
        context: &CallContext,
        caller: &Authenticated<DeviceCaller>,
        id: &ApprovalId,
    ) -> Result<DeviceOutcome, Refusal> {
        let [stored] = self
            .load(&[Key::Approval(context.environment.clone(), id.clone())])
            .await?;
        let approval = stored.as_deref().and_then(Stored::approval);
        let approval = approval.ok_or(NO_REQUEST)?;
        match self.may_see(&caller.who().device, approval).await? {
            true => Ok(DeviceOutcome::Request(Box::new(approval.clone()))),
            false => Err(NO_REQUEST.into()),
        }
    }

    /// Whether the device is asked, and whoever has it would still be: who was removed since is told nothing more. A
    /// locked one may look.
    async fn may_see(&self, device: &Device, approval: &Approval) -> Result<bool, Fault> {
        match approval.seat(&device.id) {
            Some(seat) => Ok(self.standing(approval).await?.is_linked(seat)),
            None => Ok(false),
        }
    }

    pub(super) async fn waiting(
        &self,
        context: &CallContext,
        caller: &Authenticated<DeviceCaller>,
        seen: Option<u64>,
    ) -> Result<DeviceOutcome, Refusal> {
        let DeviceCaller {
            device, version, ..
        } = caller.who();
        let keys: Vec<_> = device
            .waiting_at(context.now)
            .map(|one| Key::Approval(context.environment.clone(), one.approval.clone()))
            .collect();
        let rows = self.ports.store.load(&keys).await?;
        let approvals = rows.iter().flatten().filter_map(|row| row.approval());
        let open = approvals.filter(|it| {
            it.state_at(context.now) == ApprovalState::Pending && it.vote(&device.id).is_none()
        });
        let mut requests = Vec::new();
        for approval in open {
            if self.may_see(device, approval).await? {
                requests.push(Arc::new(approval.clone()));
            }
        }
        Ok(DeviceOutcome::Waiting {
            news: News {
                is_there: seen != Some(*version),
                of: Key::Device(device.environment.clone(), device.id.clone()),
            },
            version: *version,
            requests,
        })
    }
}

impl Answering<'_> {
    fn actor(&self) -> String {
        super::devices::actor_of(&self.who.device.id)
    }

    fn target(&self) -> String {
        format!("approval:{}", self.answer.approval)
    }
}

impl Request {
    /// The device that answers, and the version of its row.
    fn device(&self, it: &Answering<'_>) -> Result<(&Device, u64), Denied> {
        self.standing.device(&it.who.device.id).ok_or(NO_REQUEST)
    }

    /// Whether the request can still be answered by this device, by when the answer arrived; and whether what it signed
    /// is an answer to it. `seat` tells whether its seat stands.
    fn decide(&self, it: &Answering<'_>, seat: Result<(), Denied>) -> Result<(), Denied> {
        decide_open(&self.approval, it)?;
        self.standing.decide_asker()?;
        seat?;
        let (device, _) = self.device(it)?;
        decide_statement(&self.approval, self.standing.record(), device, it)
    }
}

/// Nobody answered before, and it is not too late.
fn decide_open(approval: &Approval, it: &Answering<'_>) -> Result<(), Denied> {
    if approval.vote(&it.who.device.id).is_some() {
        return Err(ANSWERED);
    }
    match approval.state_at(it.context.now) {
        ApprovalState::Pending => Ok(()),
        ApprovalState::Expired => Err(Denied::Unapproved(Box::new(Unapproved::Expired))),
        ApprovalState::Approved | ApprovalState::Rejected | ApprovalState::Failed => Err(ANSWERED),
    }
}

/// The device signed this very decision about this very record, now.
fn decide_statement(
    approval: &Approval,
    record: &Record,
    device: &Device,
    it: &Answering<'_>,
) -> Result<(), Denied> {
    let answer = it.answer;
    let stated = Stated {
        approval: &approval.id,
        approves: answer.approves,
        record: digest_of(&approval.record),
        device: &device.id,
        audience: &record.issuer,
    };
    let expected = "the statement of this request, device and decision, made now";
    let invalid = || Denied::invalid("statement", ProblemKind::Expected(expected));
    let at = stated.at(&answer.statement).ok_or_else(invalid)?;
    if !is_now(at, it.context.now) {
        return Err(invalid());
    }
    let expected = "the device's ES256 signature over the statement";
    let invalid = || Denied::invalid("signature", ProblemKind::Expected(expected));
    let key = VerifyingKey::from_jwk(Algorithm::Es256, &device.public_key);
    let verified = key.map(|key| key.verify(answer.statement.as_bytes(), &answer.signature));
    match verified {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(invalid()),
    }
}

/// As near as clocks may differ, to the second that statements tell.
fn is_now(at: Timestamp, now: Timestamp) -> bool {
    let second = Duration::from_secs(1);
    at <= now.plus(DEVICE_CLOCK_SKEW_MAX) && now <= at.plus(DEVICE_CLOCK_SKEW_MAX + second)
}

/// No try is spent on what cannot be a PIN.
fn decide_form(pin: &Secret<String>) -> Result<(), Denied> {
    let text = pin.expose();
    let fits = (PIN_DIGITS_MIN..=PIN_DIGITS_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_digit());
    let expected = ProblemKind::Expected("6 to 12 digits");
    fits.then_some(())
        .ok_or_else(|| Denied::invalid("pin", expected))
}

/// What keeps changing under a call until it gives up.
fn kept_changing() -> Refusal {
    let tries = CONFLICT_TRIES_MAX;
    Fault::unavailable(format_args!("the request kept changing, {tries} times")).into()
}

//! Receipts: made once an approval is answered, and checked by anybody without us (docs/receipts.md).
//!
//! **Keys of receipts stay published** for as long as a receipt that they signed can still be fetched here
//! ([`crate::bounds::RECEIPT_KEY_KEPT_FOR`] after they last signed), because receipts outlive keys. Who keeps receipts for longer
//! exports the keys, or notes a thumbprint. They are not among the keys of tokens: nothing but receipts is signed by them.

mod verify;

pub use verify::{Anchor, CheckedVote, Receipt, ReceiptError, verify_receipt};

use super::{
    facts::pair_of,
    record::{Kind, VERSION, decision_word},
    standing::Standing,
};
use crate::{
    Engine,
    call::CallContext,
    compiled::Compiled,
    denied::{Fault, Refusal},
    id::{ApproverId, AssetId, DeviceId},
    model::{
        approval::{Approval, ApprovalState, Asked, OperationKind, Seat, Vote},
        asset::Asset,
        held_key::HeldKey,
        signing::SigningKey,
    },
};
use countersign_jose::{Jwk, JwkSet, base64url_encode};
use serde::{Deserialize, Serialize};

/// The set whose keys sign receipts: of every environment, beside those of its token profiles.
pub(crate) const KEY_SET: &str = "receipts";
/// `typ` of a receipt.
const TYPE: &str = "countersign-receipt+jwt";

/// What a receipt says. Its members stand in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    v: u8,
    record: String,
    outcome: String,
    needed: u8,
    votes: Vec<VoteClaim>,
    finished_at: String,
    receipt_key: Jwk,
}

/// One answer in a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct VoteClaim {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    approver: Option<ApproverId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    approver_name: Option<String>,
    decision: String,
    statement: String,
    device_key: Jwk,
    device_signature: String,
    asset: AssetId,
    asset_key: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    asset_signature: Option<String>,
}

impl Engine {
    /// The receipt of an approval that was just approved or rejected by those of its answers that stand.
    pub(super) async fn receipt_of(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        approval: &Approval,
        standing: &Standing,
        own: &DeviceId,
    ) -> Result<String, Fault> {
        let place = compiled.place()?;
        let ready = compiled
            .key_set(KEY_SET)
            .and_then(|(set, _)| set.current().cloned());
        let key = match ready {
            Some(key) => key,
            None => self.current_key(context, &place, KEY_SET).await?,
        };
        let payload = payload_of(context, approval, standing, own, &key)?;
        let header = format!(
            r#"{{"alg":"{}","kid":"{}","typ":"{TYPE}"}}"#,
            key.algorithm.name(),
            key.id
        );
        let payload = serde_json::to_vec(&payload).map_err(Fault::internal)?;
        let signed = format!(
            "{}.{}",
            base64url_encode(header.as_bytes()),
            base64url_encode(&payload)
        );
        let signature = self
            .ports
            .keystore
            .sign(&place, &key, signed.as_bytes())
            .await?;
        Ok(format!("{signed}.{}", base64url_encode(&signature)))
    }

    /// The public keys of receipts, retired ones too: whoever holds a receipt may have to check it long after.
    pub(super) async fn receipt_keys(&self, context: &CallContext) -> Result<JwkSet, Refusal> {
        let compiled = self.arrived(context).await?;
        let ready = compiled.key_set(KEY_SET).map(|(set, _)| set);
        let set = match ready.filter(|set| set.current().is_some()) {
            Some(set) => set.clone(),
            // Nobody should export an empty set.
            None => {
                let place = compiled.place()?;
                self.key_set_with_current(context, &place, KEY_SET).await?
            }
        };
        let public = set.accepted(context.now);
        let public = public.filter_map(|key| Some((key.id.clone(), key.public.clone()?)));
        let keys = public.map(|(id, jwk)| jwk.with_kid(id.as_str())).collect();
        Ok(JwkSet { keys })
    }
}

fn payload_of(
    context: &CallContext,
    approval: &Approval,
    standing: &Standing,
    own: &DeviceId,
    key: &SigningKey,
) -> Result<Payload, Fault> {
    let outcome = match approval.state {
        ApprovalState::Approved => "approved",
        ApprovalState::Rejected => "rejected",
        _ => return Err(Fault::internal("a receipt of what nobody answered")),
    };
    let votes = counted(approval, standing, Some(own)).into_iter();
    let votes = votes.map(|(vote, seat)| vote_claim(approval, standing, vote, seat));
    let public = key.public.clone();
    Ok(Payload {
        v: VERSION,
        record: approval.record.clone(),
        outcome: outcome.into(),
        needed: approval.needed,
        votes: votes.collect::<Result<_, Fault>>()?,
        finished_at: context.now.rfc3339(),
        receipt_key: public
            .ok_or_else(|| Fault::internal("a key of receipts without a public half"))?,
    })
}

/// The answers of an approval that count: of seats that still stand. `own` is the device that answers now, whose last
/// try this may be.
pub(super) fn counted<'a>(
    approval: &'a Approval,
    standing: &Standing,
    own: Option<&DeviceId>,
) -> Vec<(&'a Vote, &'a Seat)> {
    let stands = |seat: &Seat| match own == Some(&seat.device) {
        true => standing.decide_linked(seat).is_ok(),
        false => standing.decide_seat(seat).is_ok(),
    };
    let seated = |vote: &'a Vote| Some((vote, approval.seat(&vote.device)?));
    let votes = approval.votes.iter().filter_map(seated);
    votes.filter(|(_, seat)| stands(seat)).collect()
}

fn vote_claim(
    approval: &Approval,
    standing: &Standing,
    vote: &Vote,
    seat: &Seat,
) -> Result<VoteClaim, Fault> {
    let device = standing.device(&vote.device).map(|(device, _)| device);
    let device = device.ok_or_else(|| Fault::internal("an answer that counts of no device"))?;
    let asset = standing.asset(seat);
    let asset = asset.ok_or_else(|| Fault::internal("an answer that counts of no asset"))?;
    let signature = vote.asset_signature.as_ref();
    Ok(VoteClaim {
        approver: seat.approver.clone(),
        approver_name: seat.display_name.clone(),
        decision: decision_word(vote.approves).into(),
        statement: vote.statement.clone(),
        device_key: device.public_key.clone(),
        device_signature: base64url_encode(&vote.device_signature.0),
        asset: asset.id.clone(),
        asset_key: base64url_encode(&pair_for(&approval.asked, asset).public),
        asset_signature: signature.map(|signature| base64url_encode(&signature.0)),
    })
}

/// The pair of the asset that answers what is asked.
pub(super) const fn pair_for<'a>(asked: &Asked, asset: &'a Asset) -> &'a HeldKey {
    match asked {
        Asked::Operation(operation) => pair_of(asset, operation.pair),
        Asked::Countersignature(_) => pair_of(asset, OperationKind::Sign),
    }
}

impl Kind {
    /// Whether the asset signs: what is decrypted comes without a signature.
    const fn is_signed(self) -> bool {
        !matches!(self, Self::Decrypt)
    }
}

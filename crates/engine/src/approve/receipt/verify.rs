//! Checking a receipt: pure, and without asking us.

use super::{Payload, TYPE, VoteClaim};
use crate::{
    approve::record::{Kind, MayApprove, Record, Stated, VERSION, decision_word, digest_of},
    bounds::{DEVICE_CLOCK_SKEW_MAX, RECEIPT_BYTES_MAX},
    id::{ApproverId, DeviceId},
    time::Timestamp,
};
use aws_lc_rs::{
    digest,
    signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};
use countersign_jose::{Algorithm, Compact, Jwk, JwkSet, Limits, VerifyingKey, base64url_decode};
use std::collections::HashSet;

/// What a receipt is believed by: something that its holder has from elsewhere.
#[derive(Debug, Clone, Copy)]
pub enum Anchor<'a> {
    /// The environment's keys of receipts, exported beforehand.
    Keys(&'a JwkSet),
    /// The RFC 7638 thumbprint of the key that signed.
    Thumbprint(&'a str),
}

/// Why a receipt is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ReceiptError {
    /// No keys and no thumbprint: there is nothing to believe it by.
    #[error("there is nothing to believe the receipt by: no key and no thumbprint")]
    NoAnchor,
    /// Not a compact JWS with the header and members of a receipt, each once.
    #[error("this is not a receipt")]
    Form,
    /// Another key signed it than one of the anchor's.
    #[error("the receipt is not signed by a key that you hold")]
    Stranger,
    /// The receipt's own signature does not verify.
    #[error("the receipt was changed: its signature does not verify")]
    Signature,
    /// The record is not one, in its one spelling.
    #[error("the record cannot be read")]
    Record,
    /// A statement is not of this record, device and decision.
    #[error("a device signed a statement about something else")]
    Statement,
    /// A statement is not signed by its device.
    #[error("a statement is not signed by its device")]
    DeviceSignature,
    /// An asset's signature lacks, is one too many, or does not verify.
    #[error("an asset's signature does not verify")]
    AssetSignature,
    /// An answer is of somebody who could not give it, or of an asset that was not asked.
    #[error("an answer is of somebody who was not asked")]
    Voter,
    /// The same device, or the same approver, twice.
    #[error("somebody is counted twice")]
    Twice,
    /// Fewer approve than had to, or somebody rejects what is called approved, or nobody what is called rejected.
    #[error("the answers do not make the outcome")]
    Outcome,
    /// An answer, or the end, lies outside the time in which people could answer.
    #[error("the receipt's times do not agree")]
    Time,
}

/// A receipt that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// What was asked, as it was shown.
    pub record: Record,
    /// Whether it was approved, or else rejected.
    pub approved: bool,
    /// The answers that count.
    pub votes: Vec<CheckedVote>,
    /// When the last of them came.
    pub finished_at: Timestamp,
    /// The thumbprint of the key that signed the receipt.
    pub signed_by: String,
}

/// An answer in a receipt that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedVote {
    /// The approver; none: the subject, or the asset's owner.
    pub approver: Option<ApproverId>,
    /// What people call it.
    pub approver_name: Option<String>,
    /// Whether it approves.
    pub approves: bool,
    /// On which device.
    pub device: DeviceId,
    /// When, as the device says.
    pub at: Timestamp,
}

/// Check a receipt (docs/receipts.md) by what its holder has from elsewhere. Nothing is asked of anybody.
///
/// # Errors
/// [`ReceiptError`]: the first thing that does not hold.
pub fn verify_receipt(text: &str, anchor: Anchor<'_>) -> Result<Receipt, ReceiptError> {
    let (payload, signed_by) = signed_payload(text, anchor)?;
    if payload.v != VERSION {
        return Err(ReceiptError::Form);
    }
    let record = Record::read(&payload.record).ok_or(ReceiptError::Record)?;
    let finished_at = decide_times(&record, &payload)?;
    let votes: Vec<_> = payload
        .votes
        .iter()
        .map(|vote| decide_vote(&record, &payload.record, vote, finished_at))
        .collect::<Result<_, _>>()?;
    let approved = decide_outcome(&record, &payload, &votes)?;
    Ok(Receipt {
        record,
        approved,
        votes,
        finished_at,
        signed_by,
    })
}

/// What the receipt says, once a key of the anchor has signed it; and that key's thumbprint.
fn signed_payload(text: &str, anchor: Anchor<'_>) -> Result<(Payload, String), ReceiptError> {
    let limits = Limits {
        token_bytes_max: RECEIPT_BYTES_MAX,
        ..Limits::default()
    };
    let compact = Compact::parse(text, &limits).map_err(|_| ReceiptError::Form)?;
    let header = compact.header_bytes();
    let kid = compact.header().kid.as_deref().ok_or(ReceiptError::Form)?;
    // One spelling, so that nobody has to ask what another would mean.
    let expected = format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"{TYPE}"}}"#);
    if header != expected.as_bytes() {
        return Err(ReceiptError::Form);
    }
    let key = match anchor {
        Anchor::Keys(JwkSet { keys }) if keys.is_empty() => return Err(ReceiptError::NoAnchor),
        Anchor::Thumbprint("") => return Err(ReceiptError::NoAnchor),
        Anchor::Keys(JwkSet { keys }) => {
            let named = |key: &&Jwk| key.thumbprint() == kid;
            keys.iter().find(named).cloned()
        }
        Anchor::Thumbprint(thumbprint) => {
            let own = unbelieved_key(text).filter(|key| key.thumbprint() == thumbprint);
            own.filter(|_| thumbprint == kid)
        }
    };
    let key = key.ok_or(ReceiptError::Stranger)?;
    let verifying =
        VerifyingKey::from_jwk(Algorithm::EdDsa, &key).map_err(|_| ReceiptError::Stranger)?;
    let claims = compact
        .verify(&verifying)
        .map_err(|_| ReceiptError::Signature)?;
    let payload = serde_json::Value::Object(claims.into_map());
    let payload: Payload = serde_json::from_value(payload).map_err(|_| ReceiptError::Form)?;
    // The key that it carries for whoever has a thumbprint is the one that signed.
    let thumbprint = key.thumbprint();
    match payload.receipt_key.thumbprint() == thumbprint {
        true => Ok((payload, thumbprint)),
        false => Err(ReceiptError::Stranger),
    }
}

/// The key that a receipt says it was signed by: to be compared with a thumbprint, and believed for nothing else.
fn unbelieved_key(text: &str) -> Option<Jwk> {
    #[derive(serde::Deserialize)]
    struct Carrying {
        receipt_key: Jwk,
    }
    let payload = base64url_decode(text.split('.').nth(1)?).ok()?;
    let carrying: Carrying = serde_json::from_slice(&payload).ok()?;
    Some(carrying.receipt_key)
}

/// When it was finished: while people could answer.
fn decide_times(record: &Record, payload: &Payload) -> Result<Timestamp, ReceiptError> {
    let read = |text: &str| Timestamp::from_rfc3339(text).ok_or(ReceiptError::Time);
    let finished_at = read(&payload.finished_at)?;
    let in_time =
        read(&record.created_at)? <= finished_at && finished_at < read(&record.expires_at)?;
    in_time.then_some(finished_at).ok_or(ReceiptError::Time)
}

/// One answer: who gave it, what was signed, and by which keys.
fn decide_vote(
    record: &Record,
    record_text: &str,
    vote: &VoteClaim,
    finished_at: Timestamp,
) -> Result<CheckedVote, ReceiptError> {
    let device = DeviceId::parse(&vote.device_key.thumbprint()).map_err(|_| ReceiptError::Form)?;
    let approves = vote.decision == decision_word(true);
    if !approves && vote.decision != decision_word(false) {
        return Err(ReceiptError::Form);
    }
    let digest = digest_of(record_text);
    let stated = Stated {
        approval: &record.approval,
        approves,
        record: digest,
        device: &device,
        audience: &record.issuer,
    };
    let at = stated.at(&vote.statement).ok_or(ReceiptError::Statement)?;
    let created_at = Timestamp::from_rfc3339(&record.created_at).ok_or(ReceiptError::Time)?;
    let earliest = created_at.minus(DEVICE_CLOCK_SKEW_MAX + std::time::Duration::from_secs(1));
    if at < earliest || at > finished_at.plus(DEVICE_CLOCK_SKEW_MAX) {
        return Err(ReceiptError::Time);
    }
    let key = VerifyingKey::from_jwk(Algorithm::Es256, &vote.device_key);
    let key = key.map_err(|_| ReceiptError::DeviceSignature)?;
    let signature =
        base64url_decode(&vote.device_signature).map_err(|_| ReceiptError::DeviceSignature)?;
    key.verify(vote.statement.as_bytes(), &signature)
        .map_err(|_| ReceiptError::DeviceSignature)?;
    decide_voter(record, vote)?;
    decide_asset(record, digest.as_bytes(), vote, approves)?;
    Ok(CheckedVote {
        approver: vote.approver.clone(),
        approver_name: vote.approver_name.clone(),
        approves,
        device,
        at,
    })
}

/// An approver where a group may approve, and nobody by name elsewhere; of an operation, the asset that was asked.
fn decide_voter(record: &Record, vote: &VoteClaim) -> Result<(), ReceiptError> {
    let by_group = matches!(record.approvers, Some(MayApprove::Group(_)));
    let is_asked = record
        .asset
        .as_ref()
        .is_none_or(|asset| *asset == vote.asset);
    (by_group == vote.approver.is_some() && is_asked)
        .then_some(())
        .ok_or(ReceiptError::Voter)
}

/// The asset's signature: over the record of a countersignature, over what the fingerprint is of for an operation; none
/// of a rejection, nor where something was decrypted.
fn decide_asset(
    record: &Record,
    record_digest: &[u8; 32],
    vote: &VoteClaim,
    approves: bool,
) -> Result<(), ReceiptError> {
    let bad = ReceiptError::AssetSignature;
    let public = base64url_decode(&vote.asset_key).map_err(|_| bad)?;
    VerifyingKey::from_spki_der(Algorithm::Rs256, &public).map_err(|_| bad)?;
    let is_signed = approves && record.kind.is_signed();
    let signature = match (&vote.asset_signature, is_signed) {
        (None, false) => return Ok(()),
        (Some(signature), true) => base64url_decode(signature).map_err(|_| bad)?,
        _ => return Err(bad),
    };
    let signed: [u8; 32] = match record.kind {
        Kind::Countersign => *record_digest,
        Kind::Authenticate | Kind::Sign | Kind::Decrypt => {
            let fingerprint = record.fingerprint.as_deref().ok_or(ReceiptError::Record)?;
            let bytes = data_encoding::HEXLOWER.decode(fingerprint.as_bytes());
            let bytes = bytes.map_err(|_| ReceiptError::Record)?;
            bytes.try_into().map_err(|_| ReceiptError::Record)?
        }
    };
    let digest = digest::Digest::import_less_safe(&signed, &digest::SHA256).map_err(|_| bad)?;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &public)
        .verify_digest(&digest, &signature)
        .map_err(|_| bad)
}

/// Nobody counts twice, and the answers make the outcome. Whether it was approved.
fn decide_outcome(
    record: &Record,
    payload: &Payload,
    votes: &[CheckedVote],
) -> Result<bool, ReceiptError> {
    let (mut devices, mut approvers) = (HashSet::new(), HashSet::new());
    let mut is_first = |vote: &CheckedVote| {
        let by_name = vote.approver.as_ref();
        devices.insert(vote.device.clone())
            && by_name.is_none_or(|name| approvers.insert(name.clone()))
    };
    if !votes.iter().all(&mut is_first) {
        return Err(ReceiptError::Twice);
    }
    let approving = votes.iter().filter(|vote| vote.approves).count();
    let rejecting = votes.len() - approving;
    let needed = usize::from(record.needed());
    let holds = match payload.outcome.as_str() {
        "approved" => needed >= 1 && approving >= needed && rejecting == 0,
        "rejected" => rejecting == 1 && approving < needed,
        _ => return Err(ReceiptError::Form),
    };
    (holds && payload.needed == record.needed())
        .then_some(payload.outcome == "approved")
        .ok_or(ReceiptError::Outcome)
}

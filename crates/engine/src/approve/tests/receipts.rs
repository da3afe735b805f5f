//! Receipts: believed by whoever holds a key, and by nobody else.

use super::{ledger::run, world::*};
use crate::{
    approve::{
        receipt::{Anchor, ReceiptError, verify_receipt},
        record::Kind,
    },
    model::approval::ApprovalState,
};
use countersign_jose::{
    Algorithm, JwkSet, RsaBits, Signer, SigningKey, base64url_decode, base64url_encode,
};
use serde_json::{Value, json};

fn keys(world: &World) -> JwkSet {
    run(world.nodes[0].receipt_keys(&context(NOW))).unwrap()
}

/// A receipt of two who approve, and one of somebody who rejects.
fn receipts(world: &World) -> (String, String) {
    let asked = world.ask(&request("/both?to=Ada&amount=5"), NOW);
    run(world.answer(0, &world.ada, &asked, Some(PIN), at(1))).unwrap();
    let approved = run(world.answer(0, &world.bob, &asked, Some(PIN), at(2))).unwrap();
    assert_eq!(approved.state, ApprovalState::Approved);
    let asked = world.ask(&request(PAYOUT), NOW);
    let rejected = run(world.answer(0, &world.jane, &asked, None, at(1))).unwrap();
    (approved.receipt.unwrap(), rejected.receipt.unwrap())
}

#[test]
fn an_honest_receipt_holds_by_exported_keys_and_by_a_thumbprint() {
    let world = World::new();
    let (approved, rejected) = receipts(&world);
    let keys = keys(&world);
    let receipt = verify_receipt(&approved, Anchor::Keys(&keys)).unwrap();
    assert!(receipt.approved);
    assert_eq!(receipt.record.kind, Kind::Countersign);
    assert_eq!(receipt.record.text, "Pay 5 to Ada");
    let names: Vec<_> = receipt
        .votes
        .iter()
        .map(|vote| vote.approver_name.as_deref())
        .collect();
    assert_eq!(names, [Some("ada of Acme"), Some("bob of Acme")]);
    assert_eq!(receipt.finished_at, at(2));
    let by_thumbprint = verify_receipt(&approved, Anchor::Thumbprint(&receipt.signed_by));
    assert_eq!(by_thumbprint.as_ref(), Ok(&receipt));
    let receipt = verify_receipt(&rejected, Anchor::Keys(&keys)).unwrap();
    assert!(!receipt.approved);
    assert_eq!(receipt.votes[0].device, world.jane.id);
}

#[test]
fn without_an_anchor_or_by_another_one_nothing_is_believed() {
    let world = World::new();
    let (approved, _) = receipts(&world);
    let nothing = JwkSet::default();
    let others = keys(&World::new());
    let theirs = others.keys[0].thumbprint();
    for (anchor, expected) in [
        (Anchor::Keys(&nothing), ReceiptError::NoAnchor),
        (Anchor::Thumbprint(""), ReceiptError::NoAnchor),
        (Anchor::Keys(&others), ReceiptError::Stranger),
        (Anchor::Thumbprint(&theirs), ReceiptError::Stranger),
    ] {
        assert_eq!(verify_receipt(&approved, anchor), Err(expected));
    }
}

#[test]
fn a_receipt_changed_in_any_byte_is_refused() {
    let world = World::new();
    let (_, receipt) = receipts(&world);
    let keys = keys(&world);
    let thumbprint = keys.keys[0].thumbprint();
    assert!(verify_receipt(&receipt, Anchor::Keys(&keys)).is_ok());
    for place in 0..receipt.len() {
        let other = if receipt.as_bytes()[place] == b'A' {
            b'B'
        } else {
            b'A'
        };
        for with in [other, b'.'] {
            let mut changed = receipt.clone().into_bytes();
            if std::mem::replace(&mut changed[place], with) == with {
                continue;
            }
            let changed = String::from_utf8(changed).unwrap();
            assert!(
                verify_receipt(&changed, Anchor::Keys(&keys)).is_err(),
                "{place}"
            );
            let by_thumbprint = verify_receipt(&changed, Anchor::Thumbprint(&thumbprint));
            assert!(by_thumbprint.is_err(), "{place}");
        }
    }
    for changed in [
        format!("{receipt} "),
        format!("{receipt}A"),
        receipt[1..].to_owned(),
    ] {
        assert!(verify_receipt(&changed, Anchor::Keys(&keys)).is_err());
    }
}

/// The payload of a receipt, changed and signed again by a key of receipts: what a thief of that key could make.
struct Forge {
    key: SigningKey,
    payload: Value,
}

impl Forge {
    fn of(receipt: &str) -> Self {
        let key = SigningKey::generate(Algorithm::EdDsa, RsaBits::B2048).unwrap();
        let payload = base64url_decode(receipt.split('.').nth(1).unwrap()).unwrap();
        let mut payload: Value = serde_json::from_slice(&payload).unwrap();
        let public = key.verifying_key().unwrap().to_jwk().unwrap();
        payload["receipt_key"] = serde_json::to_value(public).unwrap();
        Self { key, payload }
    }

    /// What the check says to it, by the key that signed it now.
    fn checked(&self, payload: &Value) -> Result<(), ReceiptError> {
        let public = self.key.verifying_key().unwrap().to_jwk().unwrap();
        let kid = public.thumbprint();
        let header = format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"countersign-receipt+jwt"}}"#);
        let key = SigningKey::restore(Algorithm::EdDsa, &self.key.to_secret_bytes().unwrap());
        let signer = Signer::new(key.unwrap(), &header);
        let text = signer.sign(&serde_json::to_vec(payload).unwrap()).unwrap();
        let keys = JwkSet { keys: vec![public] };
        verify_receipt(&text, Anchor::Keys(&keys)).map(|_| ())
    }
}

#[test]
fn a_stranger_with_keys_of_his_own_makes_no_receipt() {
    let world = World::new();
    let (approved, _) = receipts(&world);
    let forge = Forge::of(&approved);
    // Signed anew by his own key, it holds only for whoever takes that key for ours.
    assert_eq!(forge.checked(&forge.payload), Ok(()));
    let his = {
        let public = forge.key.verifying_key().unwrap().to_jwk().unwrap();
        let header = format!(
            r#"{{"alg":"EdDSA","kid":"{}","typ":"countersign-receipt+jwt"}}"#,
            public.thumbprint()
        );
        let key = SigningKey::restore(Algorithm::EdDsa, &forge.key.to_secret_bytes().unwrap());
        let payload = serde_json::to_vec(&forge.payload).unwrap();
        Signer::new(key.unwrap(), &header).sign(&payload).unwrap()
    };
    let ours = keys(&world);
    let refused = verify_receipt(&his, Anchor::Keys(&ours));
    assert_eq!(refused, Err(ReceiptError::Stranger));
    let thumbprint = ours.keys[0].thumbprint();
    let refused = verify_receipt(&his, Anchor::Thumbprint(&thumbprint));
    assert_eq!(refused, Err(ReceiptError::Stranger));
}

/// Each for its own reason, even if the key of receipts itself had signed it.
#[test]
fn a_receipt_whose_parts_do_not_hold_is_refused_whoever_signed_it() {
    let world = World::new();
    let (approved, rejected) = receipts(&world);
    let forge = Forge::of(&approved);
    let other = Forge::of(&rejected);
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut payload = forge.payload.clone();
        change(&mut payload);
        forge.checked(&payload)
    };
    let text =
        |value: &Value, from: &str, to: &str| json!(value.as_str().unwrap().replace(from, to));
    type Change<'a> = &'a dyn Fn(&mut Value);
    let cases: &[(&str, Change<'_>, ReceiptError)] = &[
        ("version", &|it| it["v"] = json!(2), ReceiptError::Form),
        (
            "a member more",
            &|it| it["more"] = json!(1),
            ReceiptError::Form,
        ),
        (
            "outcome",
            &|it| it["outcome"] = json!("pending"),
            ReceiptError::Form,
        ),
        (
            "rejected",
            &|it| it["outcome"] = json!("rejected"),
            ReceiptError::Outcome,
        ),
        (
            "needed",
            &|it| it["needed"] = json!(1),
            ReceiptError::Outcome,
        ),
        (
            "a vote less",
            &|it| {
                it["votes"].as_array_mut().unwrap().pop();
            },
            ReceiptError::Outcome,
        ),
        (
            "a vote twice",
            &|it| it["votes"][1] = it["votes"][0].clone(),
            ReceiptError::Twice,
        ),
        (
            "an approver twice",
            &|it| it["votes"][1]["approver"] = json!("ada"),
            ReceiptError::Twice,
        ),
        (
            "no approver",
            &|it| {
                it["votes"][1].as_object_mut().unwrap().remove("approver");
            },
            ReceiptError::Voter,
        ),
        (
            "amount",
            &|it| it["record"] = text(&it["record"], "Pay 5", "Pay 6"),
            ReceiptError::Statement,
        ),
        (
            "record's spelling",
            &|it| it["record"] = text(&it["record"], ",", ", "),
            ReceiptError::Record,
        ),
        (
            "statement of another",
            &|it| it["votes"][0]["statement"] = other.payload["votes"][0]["statement"].clone(),
            ReceiptError::Statement,
        ),
        (
            "decision",
            &|it| it["votes"][0]["decision"] = json!("reject"),
            ReceiptError::Statement,
        ),
        (
            "device",
            &|it| it["votes"][0]["device_key"] = other.payload["votes"][0]["device_key"].clone(),
            ReceiptError::Statement,
        ),
        (
            "device's signature",
            &|it| {
                it["votes"][0]["device_signature"] = it["votes"][1]["device_signature"].clone();
            },
            ReceiptError::DeviceSignature,
        ),
        (
            "asset's signature of a device",
            &|it| it["votes"][0]["asset_signature"] = json!(base64url_encode(&[1; 256])),
            ReceiptError::AssetSignature,
        ),
        (
            "no asset's signature",
            &|it| {
                let vote = it["votes"][0].as_object_mut().unwrap();
                vote.remove("asset_signature");
            },
            ReceiptError::AssetSignature,
        ),
        (
            "asset's key",
            &|it| {
                it["votes"][0]["asset_key"] =
                    json!(base64url_encode(&super::strongbox::pairs()[1].public))
            },
            ReceiptError::AssetSignature,
        ),
        (
            "too late",
            &|it| it["finished_at"] = json!(at(300).rfc3339()),
            ReceiptError::Time,
        ),
        (
            "too early",
            &|it| {
                it["finished_at"] =
                    json!(at(0).minus(std::time::Duration::from_micros(1)).rfc3339())
            },
            ReceiptError::Time,
        ),
        (
            "another's key",
            &|it| it["receipt_key"] = other.payload["receipt_key"].clone(),
            ReceiptError::Stranger,
        ),
    ];
    for (what, change, expected) in cases {
        assert_eq!(changed(*change), Err(*expected), "{what}");
    }
    // A rejection is no approval that lost its signature.
    let mut payload = other.payload.clone();
    payload["votes"][0]["asset_signature"] = json!(base64url_encode(&[1; 256]));
    assert_eq!(other.checked(&payload), Err(ReceiptError::AssetSignature));
}

#[test]
fn keys_of_receipts_are_published_by_themselves() {
    let world = World::new();
    let (approved, _) = receipts(&world);
    // A node that has read which sets there are.
    let world = world.with_nodes(1);
    let own = keys(&world);
    assert!(own.keys.iter().all(|key| key.kid == Some(key.thumbprint())));
    let asked = run(world.nodes[0].public_keys(&context(NOW))).unwrap();
    let crate::outcome::Outcome::PublicKeys(of_tokens) = asked else {
        panic!()
    };
    let names = |set: &JwkSet| {
        set.keys
            .iter()
            .map(|key| key.kid.clone())
            .collect::<Vec<_>>()
    };
    assert!(
        names(&own)
            .iter()
            .all(|name| !names(&of_tokens).contains(name))
    );
    let header = base64url_decode(approved.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    assert_eq!(header["kid"].as_str(), own.keys[0].kid.as_deref());
}

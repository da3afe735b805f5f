//! What service providers ask of an asset's keys.

use super::{ledger::run, strongbox::pairs, world::*};
use crate::{
    approve::ask::NewApproval,
    bounds::WAITING_OF_ONE_PROVIDER_MAX,
    denied::{Denied, Reason, Refusal},
    digest::Digest,
    model::{
        approval::{Approval, ApprovalState, Asked, Cipher, Operation, OperationKind, Seat},
        held_key::Oaep,
        provider_object::ProviderObject,
        webhook::Content,
    },
    octets::Octets,
    row::{Key, Row},
    time::Timestamp,
};
use aws_lc_rs::{
    cipher::{AES_128, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey},
    iv::FixedLength,
    rsa::{OAEP_SHA1_MGF1SHA1, OaepPublicEncryptingKey, PublicEncryptingKey},
    signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};

const DATA: &[u8] = b"what the bank wants signed";

fn operation(kind: OperationKind, pair: OperationKind, cipher: Option<Cipher>) -> Operation {
    let fingerprint = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, DATA);
    Operation {
        provider: client("bank"),
        kind,
        asset: crate::id::AssetId::parse("later").unwrap(),
        pair,
        fingerprint: Digest::from_bytes(fingerprint.as_ref().try_into().unwrap()),
        resource_uri: Some("https://bank.example/contract.pdf".into()),
        notify: true,
        cipher,
    }
}

fn ask(world: &World, operation: Operation) -> Result<Approval, Refusal> {
    ask_at(world, operation, NOW)
}

fn ask_at(world: &World, operation: Operation, now: Timestamp) -> Result<Approval, Refusal> {
    let engine = &world.nodes[0];
    let compiled = run(engine.compiled(&sandbox(), now)).unwrap().unwrap();
    let asset = asset_of(&world.jane, Some("bank"));
    let people = NewApproval {
        organization: Some(acme()),
        asked: Asked::Operation(Operation {
            asset: asset.clone(),
            ..operation
        }),
        seats: vec![Seat {
            approver: None,
            display_name: None,
            device: world.jane.id.clone(),
            asset,
        }],
        needed: 1,
        text: "The bank asks".into(),
        actor: "client:bank".into(),
    };
    run(engine.ask_people(&context(now), &compiled, people))
}

fn told(world: &World) -> Vec<(ApprovalState, bool)> {
    let rows = world.ledger.rows();
    let deliveries = rows.iter().filter_map(|row| row.delivery());
    let told = deliveries.filter_map(|it| match &it.content {
        Content::Object(object) => match &**object {
            ProviderObject::Operation(facts) => Some((facts.state, facts.verified)),
            _ => None,
        },
        _ => None,
    });
    told.collect()
}

#[test]
fn what_is_approved_is_signed_over_the_providers_data_by_the_pair_that_was_asked() {
    for (kind, pair, key) in [
        (OperationKind::Authenticate, OperationKind::Authenticate, 2),
        (OperationKind::Sign, OperationKind::Sign, 0),
        (OperationKind::Sign, OperationKind::Authenticate, 2),
    ] {
        let world = World::new();
        let asked = ask(&world, operation(kind, pair, None)).unwrap();
        let approved = run(world.answer(0, &world.jane, &asked, Some(PIN), NOW)).unwrap();
        assert_eq!(approved.state, ApprovalState::Approved);
        let signature = approved.signature.unwrap().0;
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &pairs()[key].public)
            .verify(DATA, &signature)
            .unwrap();
        assert_eq!(told(&world), [(ApprovalState::Approved, true)]);
    }
}

#[test]
fn what_is_rejected_is_told_and_not_signed() {
    let world = World::new();
    let kind = OperationKind::Authenticate;
    let asked = ask(&world, operation(kind, kind, None)).unwrap();
    let rejected = run(world.answer(0, &world.jane, &asked, None, NOW)).unwrap();
    assert_eq!(
        (rejected.state, rejected.signature),
        (ApprovalState::Rejected, None)
    );
    assert_eq!(told(&world), [(ApprovalState::Rejected, false)]);
}

fn sealed(plain: &[u8]) -> Octets {
    let public = PublicEncryptingKey::from_der(&pairs()[1].public).unwrap();
    let public = OaepPublicEncryptingKey::new(public).unwrap();
    let mut room = vec![0; public.ciphertext_size()];
    let sealed = public.encrypt(&OAEP_SHA1_MGF1SHA1, plain, &mut room, None);
    Octets(sealed.unwrap().to_vec())
}

#[test]
fn what_is_decrypted_is_told_under_the_key_that_was_sent_along() {
    let der = [
        0x30, 0x21, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x02,
        0x05, 0x00, 0x04, 0x10,
    ];
    let key = [[5; 16].as_slice()].concat();
    let good = Cipher {
        data: sealed(b"a secret"),
        key: sealed(&[&der[..], &key].concat()),
        form: Oaep::Sha1,
    };
    let kind = OperationKind::Decrypt;
    let world = World::new();
    let asked = ask(&world, operation(kind, kind, Some(good.clone()))).unwrap();
    let approved = run(world.answer(0, &world.jane, &asked, Some(PIN), NOW)).unwrap();
    assert_eq!(approved.state, ApprovalState::Approved);
    let answer = approved.signature.unwrap().0;
    let (iv, text) = answer.split_at(16);
    let iv: [u8; 16] = iv.try_into().unwrap();
    let opening = UnboundCipherKey::new(&AES_128, &key).unwrap();
    let opening = PaddedBlockDecryptingKey::cbc_pkcs7(opening).unwrap();
    let mut text = text.to_vec();
    let context = DecryptionContext::Iv128(FixedLength::from(iv));
    assert_eq!(opening.decrypt(&mut text, context).unwrap(), b"a secret");

    for (cipher, why) in [
        (
            Cipher {
                key: sealed(&key),
                ..good.clone()
            },
            "unusable_ciphertext",
        ),
        (
            Cipher {
                data: Octets(vec![7; 256]),
                ..good.clone()
            },
            "unusable_ciphertext",
        ),
        (
            Cipher {
                key: Octets(vec![7; 3]),
                ..good.clone()
            },
            "unusable_ciphertext",
        ),
        (
            Cipher {
                form: Oaep::Sha256Mgf1Sha1,
                ..good.clone()
            },
            "unsupported_form",
        ),
    ] {
        let world = World::new();
        let asked = ask(&world, operation(kind, kind, Some(cipher))).unwrap();
        let failed = run(world.answer(0, &world.jane, &asked, Some(PIN), NOW)).unwrap();
        assert_eq!(failed.state, ApprovalState::Failed);
        assert_eq!((failed.signature, failed.receipt), (None, None));
        assert_eq!(told(&world), [(ApprovalState::Failed, false)]);
        assert_eq!(world.ledger.outcomes().last().unwrap(), why);
        assert_eq!(world.device(&world.jane).wrong_pins, 0);
    }
}

#[test]
fn a_provider_is_told_when_to_come_back_and_asks_no_locked_device() {
    let world = World::new();
    let kind = OperationKind::Authenticate;
    for _ in 0..WAITING_OF_ONE_PROVIDER_MAX {
        ask(&world, operation(kind, kind, None)).unwrap();
    }
    let refused = ask(&world, operation(kind, kind, None)).unwrap_err();
    let expected = Denied::TooManyRequests { retry_after_s: 301 };
    assert_eq!(refused, Refusal::Denied(expected));
    let world = World::new();
    world.change(&Key::Device(sandbox(), world.jane.id.clone()), |row| {
        let Row::Device(device) = row else { panic!() };
        device.locked_at = Some(NOW);
    });
    let refused = ask(&world, operation(kind, kind, None)).unwrap_err();
    assert_eq!(refused, Refusal::Denied(Denied::Forbidden(Reason::Locked)));
}

#[test]
fn one_provider_leaves_a_place_on_a_phone_to_others() {
    let world = World::new();
    let kind = OperationKind::Authenticate;
    let theirs = [0, 10].map(|seconds| ask_at(&world, operation(kind, kind, None), at(seconds)));
    let theirs = theirs.map(Result::unwrap);
    let refused = ask_at(&world, operation(kind, kind, None), at(20)).unwrap_err();
    let expected = Denied::TooManyRequests { retry_after_s: 281 };
    assert_eq!(refused, Refusal::Denied(expected));
    // A guard has the third place.
    let asked = world.ask(&request(PAYOUT), at(20));
    let waits = |phone| -> Vec<_> {
        let waiting = world.device(phone).waiting.into_iter();
        waiting.map(|one| (one.approval, one.provider)).collect()
    };
    let bank = Some(client("bank"));
    assert_eq!(
        waits(&world.jane),
        [
            (theirs[0].id.clone(), bank.clone()),
            (theirs[1].id.clone(), bank),
            (asked.id, None)
        ]
    );
    // Theirs is free again with an answer to one of theirs.
    run(world.answer(0, &world.jane, &theirs[1], None, at(20))).unwrap();
    ask_at(&world, operation(kind, kind, None), at(20)).unwrap();
}

#[test]
fn what_came_of_an_operation_is_told_to_its_provider_only() {
    let world = World::new();
    let kind = OperationKind::Authenticate;
    let asked = ask(&world, operation(kind, kind, None)).unwrap();
    let polled = run(world.nodes[0].poll_approval(&context(NOW), &asked.id, true));
    let expected = Denied::NotFound { noun: "approval" };
    assert_eq!(polled.unwrap_err(), Refusal::Denied(expected));
}

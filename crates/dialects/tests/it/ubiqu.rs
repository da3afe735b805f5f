//! The requests that Ubiqu's tutorial prints, those of v1's client, and how they are answered.

mod answers;
mod callbacks;
mod requests;

use countersign_engine::{
    digest::Digest,
    id::{ApprovalId, AssetId, ClientId, IdentificationId},
    model::{
        approval::{ApprovalState, OperationKind},
        asset::AssetState,
        identification::IdentificationState,
        provider_object::{
            AssetFacts, IdentificationFacts, OperationFacts, ProviderFacts, ProviderObject,
            ProviderState,
        },
    },
    octets::Octets,
    time::Timestamp,
};

/// 2016-04-01T14:44:27Z.
const DAY: i64 = 1_459_521_867;

fn at(seconds: i64, micros: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000 + micros)
}

fn identification(state: IdentificationState) -> ProviderObject {
    ProviderObject::Identification(IdentificationFacts {
        id: IdentificationId::parse("ce9b7947b4964751af345f58c3435d33").unwrap(),
        nonce: "194197169".into(),
        state,
        asset: (state == IdentificationState::Consumed)
            .then(|| AssetId::parse("3e2190362e7e4be8a41b9e582528901e").unwrap()),
        link: (state == IdentificationState::Created)
            .then(|| "https://phone.example/phone#nonce=194197169".into()),
        created_at: at(DAY, 456_951),
        updated_at: at(DAY, 457_000),
    })
}

fn asset(state: AssetState) -> ProviderObject {
    let pem = |name: &str| format!("-----BEGIN PUBLIC KEY-----\n{name}\n-----END PUBLIC KEY-----");
    ProviderObject::Asset(Box::new(AssetFacts {
        id: AssetId::parse("ce9b7947b4964751af345f58c3435d33").unwrap(),
        state,
        public_key_sign: pem("c2ln"),
        public_key_decrypt: pem("ZGVj"),
        public_key_authenticate: pem("YXV0"),
        created_at: at(DAY - 2_666, 756_925),
        updated_at: at(DAY - 2_666, 757_021),
    }))
}

fn operation(kind: OperationKind, state: ApprovalState) -> ProviderObject {
    let is_approved = state == ApprovalState::Approved;
    ProviderObject::Operation(Box::new(OperationFacts {
        id: ApprovalId::parse("cf778ea629054db5b9feaef1d23141d8").unwrap(),
        kind,
        state,
        asset: AssetId::parse("3e2190362e7e4be8a41b9e582528901e").unwrap(),
        token: "e6f815cca0154f17b471267a0b5bc6ea".into(),
        otp: "01835850267822849a62e574cffb1976".into(),
        fingerprint: Digest::from_bytes([0xca; 32]),
        resource_uri: (kind == OperationKind::Sign)
            .then(|| "https://bank.example/contract.pdf".into()),
        notify: false,
        signature: is_approved.then(|| Octets(vec![0x00, 0xab, 0xff])),
        verified: is_approved && kind != OperationKind::Decrypt,
        created_at: at(DAY, 0),
        updated_at: at(DAY, 1),
    }))
}

fn provider(state: ProviderState) -> ProviderObject {
    let is_new = state == ProviderState::Created;
    ProviderObject::Provider(Box::new(ProviderFacts {
        id: ClientId::parse("0123456789abcdef0123456789abcdef").unwrap(),
        name: "Example Bank".into(),
        state,
        nonce: is_new.then(|| "000000042".into()),
        url: Some("https://bank.example".into()),
        callback_url: Some("https://bank.example/callback".into()),
        notification_url: None,
        admin_asset: (!is_new).then(|| AssetId::parse("3e2190362e7e4be8a41b9e582528901e").unwrap()),
        created_at: at(DAY, 0),
    }))
}

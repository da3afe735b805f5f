//! What service providers are told unasked.

use super::{asset, at, identification, operation, provider};
use countersign_dialects::{
    announce::Outbound,
    ubiqu::callbacks::{Told, announce},
};
use countersign_engine::{
    id::DeliveryId,
    model::{
        approval::{ApprovalState, OperationKind},
        asset::AssetState,
        identification::IdentificationState,
        provider_object::{ProviderObject, ProviderState},
    },
    secret::Secret,
    time::Timestamp,
};
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const URL: &str = "https://bank.example/callback?a=b";

fn secret() -> Secret<String> {
    Secret::new(format!("whsec_{}", data_encoding::BASE64.encode(&[1; 32])))
}

fn sent(
    object: &ProviderObject,
    told: Told,
    secret: Option<Secret<String>>,
    now: Timestamp,
) -> Outbound {
    let id = DeliveryId::parse("dlv_1").unwrap();
    announce(object, told, URL, &id, secret, now).unwrap()
}

fn body(sent: &Outbound) -> Value {
    serde_json::from_slice(&sent.body).unwrap()
}

fn objects() -> [(&'static str, ProviderObject); 6] {
    [
        (
            "identification",
            identification(IdentificationState::Consumed),
        ),
        ("asset", asset(AssetState::Locked)),
        (
            "authenticate",
            operation(OperationKind::Authenticate, ApprovalState::Approved),
        ),
        (
            "sign",
            operation(OperationKind::Sign, ApprovalState::Rejected),
        ),
        (
            "decrypt",
            operation(OperationKind::Decrypt, ApprovalState::Failed),
        ),
        ("serviceprovider", provider(ProviderState::Activated)),
    ]
}

#[test]
fn a_callback_carries_the_whole_object_and_a_notification_its_name() {
    for (kind, object) in objects() {
        let whole = body(&sent(&object, Told::Whole, None, NOW));
        assert_eq!(whole.as_object().unwrap().len(), 1);
        let whole = &whole["callback"];
        assert_eq!(
            (&whole["type"], &whole["uuid"]),
            (&json!(kind), &json!(object.id()))
        );
        assert!(whole["status_code"].is_u64(), "{kind}");
        let named = sent(&object, Told::Named, None, NOW);
        let expected = format!(
            r#"{{"notification":{{"type":"{kind}","uuid":"{}"}}}}"#,
            object.id()
        );
        assert_eq!(named.body, expected);
        assert_eq!(named.url, URL);
    }
}

/// The signature of these bytes was made with OpenSSL.
#[test]
fn a_callback_is_printed_and_signed_as_documented() {
    let object = operation(OperationKind::Authenticate, ApprovalState::Approved);
    let sent = sent(&object, Told::Whole, Some(secret()), NOW);
    let headers = sent.headers.iter();
    let headers: Vec<_> = headers
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    let body = std::str::from_utf8(&sent.body).unwrap();
    insta::assert_snapshot!(format!(
        "POST {}\n{}\n\n{body}",
        sent.url,
        headers.join("\n")
    ));
}

#[test]
fn without_a_secret_nothing_is_signed_and_an_attempt_has_its_own_time() {
    let object = asset(AssetState::Active);
    let names = |sent: &Outbound| {
        sent.headers
            .iter()
            .map(|(name, _)| *name)
            .collect::<Vec<_>>()
    };
    let plain = sent(&object, Told::Whole, None, NOW);
    assert_eq!(
        names(&plain),
        ["content-type", "webhook-id", "webhook-timestamp"]
    );
    let first = sent(&object, Told::Whole, Some(secret()), NOW);
    let later = sent(&object, Told::Whole, Some(secret()), at(1_800_000_060, 0));
    assert_eq!(first.body, later.body);
    let differing = first
        .headers
        .iter()
        .zip(&later.headers)
        .filter(|(a, b)| a != b);
    let differing: Vec<_> = differing.map(|(a, _)| a.0).collect();
    assert_eq!(differing, ["webhook-timestamp", "webhook-signature"]);
}

#[test]
fn a_secret_that_is_none_of_ours_signs_nothing() {
    let id = DeliveryId::parse("dlv_1").unwrap();
    let object = asset(AssetState::Active);
    let foreign = Secret::new("not a secret of ours, however long it may be".to_owned());
    assert!(announce(&object, Told::Whole, URL, &id, Some(foreign), NOW).is_err());
}

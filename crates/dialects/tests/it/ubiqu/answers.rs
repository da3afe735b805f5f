//! What is answered: the tutorial's bytes, and v1's.

use super::{asset, identification, operation, provider};
use crate::wire::{context, route};
use countersign_dialects::{Reply, Response, ubiqu::Flavour};
use countersign_engine::{
    model::{
        approval::{ApprovalState, OperationKind},
        asset::AssetState,
        identification::IdentificationState,
        provider_object::{ProviderObject, ProviderState},
    },
    outcome::{Outcome, ProviderOutcome},
    secret::Secret,
};
use serde_json::Value;

fn answered(route_name: &str, object: ProviderObject, flavour: Flavour) -> Response {
    let outcome = ProviderOutcome {
        object,
        api_key: None,
    };
    let came = Ok(Outcome::Provider(outcome));
    (route(route_name).encode)(&came, &Reply::Ubiqu(flavour), &context())
}

fn text(response: &Response) -> &str {
    assert_eq!(response.status(), 200);
    std::str::from_utf8(response.body()).unwrap()
}

fn result(response: &Response) -> Value {
    let mut body: Value = serde_json::from_str(text(response)).unwrap();
    assert_eq!(body.as_object().unwrap().len(), 1);
    body["result"].take()
}

/// JSON as a document prints it, without the white space between its tokens.
fn compact(printed: &str) -> String {
    let mut inside = false;
    let is_kept = |c: &char| {
        inside ^= *c == '"';
        inside || !c.is_whitespace()
    };
    printed.chars().filter(is_kept).collect()
}

#[test]
fn an_identification_is_the_printed_one() {
    let printed = r#"{
  "result": {
    "uuid": "ce9b7947b4964751af345f58c3435d33",
    "nonce": "194197169",
    "created_at": "2016-04-01T14:44:27.456951+00:00",
    "asset_uuid": null,
    "status_code": 0,
    "updated_at": "2016-04-01T14:44:27.457000+00:00",
    "nonce_formatted": "194 197 169",
    "status_text": "created"
  }
}"#;
    let created = || identification(IdentificationState::Created);
    for name in [
        "ubiqu.identify",
        "ubiqu.identification",
        "ubiqu.identification_by_path",
    ] {
        let answer = answered(name, created(), Flavour::Tutorial);
        assert_eq!(text(&answer), compact(printed));
        assert_eq!(answer.headers()["content-type"], "application/json");
        assert_eq!(answer.headers()["cache-control"], "no-store");
    }
}

#[test]
fn an_asset_is_the_printed_one_without_its_last_comma() {
    let printed = r#"{
  "result": {
    "uuid": "ce9b7947b4964751af345f58c3435d33",
    "updated_at": "2016-04-01T14:00:01.757021+00:00",
    "created_at": "2016-04-01T14:00:01.756925+00:00",
    "status_code": 1,
    "status_text": "active",
    "public_key_sign": "-----BEGIN PUBLIC KEY-----\nc2ln\n-----END PUBLIC KEY-----",
    "public_key_decrypt": "-----BEGIN PUBLIC KEY-----\nZGVj\n-----END PUBLIC KEY-----",
    "public_key_authenticate": "-----BEGIN PUBLIC KEY-----\nYXV0\n-----END PUBLIC KEY-----"
  }
}"#;
    for name in ["ubiqu.asset", "ubiqu.asset_by_path"] {
        let answer = answered(name, asset(AssetState::Active), Flavour::Tutorial);
        assert_eq!(text(&answer), compact(printed));
    }
}

#[test]
fn an_authentication_is_the_printed_one() {
    let printed = r#"{
  "result": {
    "uuid": "cf778ea629054db5b9feaef1d23141d8",
    "status_code": 0,
    "type": "authenticate",
    "status_text": "created",
    "token": "e6f815cca0154f17b471267a0b5bc6ea",
    "otp": "01835850267822849a62e574cffb1976",
    "asset_uuid": "3e2190362e7e4be8a41b9e582528901e",
    "verified": false,
    "signature": null
  }
}"#;
    let pending = |kind| operation(kind, ApprovalState::Pending);
    for (kind, noun) in [
        (OperationKind::Authenticate, "authenticate"),
        (OperationKind::Sign, "sign"),
        (OperationKind::Decrypt, "decrypt"),
    ] {
        let printed = compact(printed).replace("\"authenticate\"", &format!("\"{noun}\""));
        for name in [
            format!("ubiqu.ask_{noun}"),
            format!("ubiqu.{noun}"),
            format!("ubiqu.{noun}_by_path"),
        ] {
            let answer = answered(&name, pending(kind), Flavour::Tutorial);
            assert_eq!(text(&answer), printed);
        }
    }
}

#[test]
fn an_accepted_authentication_has_a_signature_in_hexadecimal() {
    let accepted = operation(OperationKind::Authenticate, ApprovalState::Approved);
    let answer = answered("ubiqu.authenticate", accepted, Flavour::Tutorial);
    assert!(text(&answer).ends_with(r#""verified":true,"signature":"00abff"}}"#));
}

#[test]
fn v1_names_the_type_of_every_object_and_more() {
    let told = |name: &str, object| {
        let answer = answered(name, object, Flavour::V1);
        let media_type = "application/vnd.free.v1+json";
        assert_eq!(answer.headers()["content-type"], media_type, "{name}");
        text(&answer).to_owned()
    };
    let mut all = vec![
        told(
            "ubiqu.identification_by_path",
            identification(IdentificationState::Created),
        ),
        told(
            "ubiqu.identification_by_path",
            identification(IdentificationState::Consumed),
        ),
        told("ubiqu.asset_by_path", asset(AssetState::Active)),
        told(
            "ubiqu.authenticate_by_path",
            operation(OperationKind::Authenticate, ApprovalState::Pending),
        ),
        told(
            "ubiqu.sign_by_path",
            operation(OperationKind::Sign, ApprovalState::Approved),
        ),
        told(
            "ubiqu.decrypt_by_path",
            operation(OperationKind::Decrypt, ApprovalState::Approved),
        ),
        told(
            "ubiqu.serviceprovider_by_path",
            provider(ProviderState::Created),
        ),
        told(
            "ubiqu.serviceprovider_by_path",
            provider(ProviderState::Activated),
        ),
        told("ubiqu.validate_domain", provider(ProviderState::Activated)),
    ];
    let picture = "\"qrcode\":\"iVBORw0KGgo";
    let at = all[0].find(picture).unwrap();
    // What it shows is tested where it is drawn.
    let end = all[0].len() - 3;
    all[0].replace_range(at + picture.len()..end, "...");
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn a_registration_tells_its_key_once() {
    let made = |api_key| {
        let outcome = ProviderOutcome {
            object: provider(ProviderState::Created),
            api_key,
        };
        let came = Ok(Outcome::Provider(outcome));
        result(&(route("ubiqu.register").encode)(
            &came,
            &Reply::Ubiqu(Flavour::V1),
            &context(),
        ))
    };
    let key = "deadbeefdeadbeefdeadbeefdeadbeef";
    let told = made(Some(Secret::new(key.to_owned())));
    assert_eq!(told["api_key"], key);
    assert_eq!(told["nonce_formatted"], "000 000 042");
    assert_eq!(made(None).get("api_key"), None);
}

#[test]
fn states_have_the_numbers_of_their_type_and_flavour() {
    let told = |name: &str, object: ProviderObject| {
        [Flavour::Tutorial, Flavour::V1].map(|flavour| {
            let result = result(&answered(name, object.clone(), flavour));
            let number = result["status_code"].as_u64().unwrap();
            (number, result["status_text"].as_str().unwrap().to_owned())
        })
    };
    let same = |number, text: &str| [(number, text.to_owned()), (number, text.to_owned())];
    for (state, number, text) in [
        (IdentificationState::Created, 0, "created"),
        (IdentificationState::Consumed, 1, "consumed"),
        (IdentificationState::Expired, 2, "expired"),
    ] {
        assert_eq!(
            told("ubiqu.identification", identification(state)),
            same(number, text)
        );
    }
    for (state, number, text) in [
        (AssetState::Active, 1, "active"),
        (AssetState::Locked, 4, "locked"),
        (AssetState::Destroyed, 5, "destroyed"),
    ] {
        assert_eq!(told("ubiqu.asset", asset(state)), same(number, text));
    }
    for (state, numbers, text) in [
        (ApprovalState::Pending, [0, 1], "created"),
        (ApprovalState::Approved, [2, 2], "accepted"),
        (ApprovalState::Rejected, [3, 3], "rejected"),
        (ApprovalState::Expired, [4, 4], "expired"),
        (ApprovalState::Failed, [5, 5], "failed"),
    ] {
        for (kind, noun) in [
            (OperationKind::Authenticate, "authenticate"),
            (OperationKind::Sign, "sign"),
            (OperationKind::Decrypt, "decrypt"),
        ] {
            let told = told(&format!("ubiqu.{noun}"), operation(kind, state));
            assert_eq!(told, numbers.map(|number| (number, text.to_owned())));
        }
    }
    for (state, number, text) in [
        (ProviderState::Created, 0, "created"),
        (ProviderState::Activated, 1, "activated"),
        (ProviderState::Deactivated, 2, "deactivated"),
    ] {
        assert_eq!(
            told("ubiqu.serviceprovider", provider(state)),
            same(number, text)
        );
    }
}

#[test]
fn times_have_six_decimals_also_where_they_are_zero() {
    let sign = operation(OperationKind::Sign, ApprovalState::Pending);
    let told = result(&answered("ubiqu.sign_by_path", sign, Flavour::V1));
    assert_eq!(told["created_at"], "2016-04-01T14:44:27.000000+00:00");
    assert_eq!(told["updated_at"], "2016-04-01T14:44:27.000001+00:00");
}

#[test]
fn a_route_prints_its_own_objects_and_no_others() {
    let objects = || {
        [
            (
                "identification",
                identification(IdentificationState::Created),
            ),
            ("asset", asset(AssetState::Active)),
            (
                "authenticate",
                operation(OperationKind::Authenticate, ApprovalState::Pending),
            ),
            (
                "sign",
                operation(OperationKind::Sign, ApprovalState::Pending),
            ),
            (
                "decrypt",
                operation(OperationKind::Decrypt, ApprovalState::Pending),
            ),
            ("serviceprovider", provider(ProviderState::Created)),
        ]
    };
    for (noun, _) in objects() {
        for (of, object) in objects() {
            for flavour in [Flavour::Tutorial, Flavour::V1] {
                let answer = answered(&format!("ubiqu.{noun}"), object.clone(), flavour);
                let expected = if noun == of { 200 } else { 500 };
                assert_eq!(answer.status(), expected, "{of} at {noun}");
            }
        }
    }
}

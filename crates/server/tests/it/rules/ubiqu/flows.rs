//! What becomes of identifications and operations, and who sees them.

use super::*;
use aws_lc_rs::{
    cipher::{AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey},
    iv::FixedLength,
    rsa::{OAEP_SHA1_MGF1SHA1, OaepPublicEncryptingKey, PublicEncryptingKey},
    signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};
use countersign_engine::{
    bounds::ASKING_RATE,
    denied::{Denied, Refusal},
};
use std::time::Duration;

/// The bytes of a PEM.
fn der(pem: &str) -> Vec<u8> {
    let lines = pem.lines().filter(|line| !line.starts_with("-----"));
    let text: String = lines.collect();
    data_encoding::BASE64.decode(text.as_bytes()).unwrap()
}

/// Whether this is PKCS #1 v1.5 with SHA-256 over [`DATA`], by this key.
fn verifies(pem: &str, signature: &str) -> bool {
    let signature = data_encoding::HEXLOWER
        .decode(signature.as_bytes())
        .unwrap();
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der(pem));
    key.verify(DATA.as_bytes(), &signature).is_ok()
}

#[tokio::test]
async fn an_accepted_request_has_a_signature_of_the_pair_of_its_operation() {
    let ubiqu = Ubiqu::new().await;
    let phone = ubiqu.phone().await;
    let asset = ubiqu.identified(&ubiqu.bank, &phone).await;
    let keys = ubiqu.read(&ubiqu.bank, "asset", &asset).await;
    let pems = [
        "public_key_authenticate",
        "public_key_sign",
        "public_key_decrypt",
    ];
    let pems = pems.map(|name| member(&keys, name));
    for (noun, at) in [("authenticate", 0), ("sign", 1)] {
        let uuid = ubiqu.asked(&ubiqu.bank, noun, &asset).await;
        phone.approve(&uuid).await.unwrap();
        let told = ubiqu.read(&ubiqu.bank, noun, &uuid).await;
        assert_eq!(
            (&told["status_code"], &told["verified"]),
            (&json!(2), &json!(true))
        );
        let signature = member(&told, "signature");
        let by: Vec<bool> = pems.iter().map(|pem| verifies(pem, &signature)).collect();
        let expected: Vec<bool> = (0..3).map(|one| one == at).collect();
        assert_eq!(by, expected, "{noun}");
        // In v1's flavour the same asset has one key.
        let line = format!("POST /api/{noun}");
        let body = json!({ "asset_uuid": asset, "fingerprint": hex(&sha256(DATA.as_bytes())) });
        let made = ubiqu
            .v1(&ubiqu.bank, &line, &body.to_string())
            .await
            .result();
        let uuid = member(&made, "uuid");
        phone.approve(&uuid).await.unwrap();
        let line = format!("GET /api/{noun}/{uuid}");
        let told = ubiqu.v1(&ubiqu.bank, &line, "").await.result();
        assert!(verifies(&pems[0], &member(&told, "signature")), "{noun}");
    }
}

#[tokio::test]
async fn without_a_fingerprint_v1_gets_a_signature_that_we_verified() {
    let ubiqu = Ubiqu::new().await;
    let phone = ubiqu.phone().await;
    let asset = ubiqu.identified(&ubiqu.bank, &phone).await;
    let body = json!({ "asset_uuid": asset }).to_string();
    let made = ubiqu
        .v1(&ubiqu.bank, "POST /api/authenticate", &body)
        .await
        .result();
    assert_eq!(member(&made, "fingerprint").len(), 64);
    let uuid = member(&made, "uuid");
    phone.approve(&uuid).await.unwrap();
    let line = format!("GET /api/authenticate/{uuid}");
    let told = ubiqu.v1(&ubiqu.bank, &line, "").await.result();
    assert_eq!(told["fingerprint"], made["fingerprint"]);
    assert_eq!(told["verified"], true);
    let refused = ubiqu
        .ask(&ubiqu.bank, "POST /api/authenticate", &body)
        .await;
    assert_eq!(refused.refusal(), (400, "missing".into()));
}

#[tokio::test]
async fn a_rejected_request_and_one_that_nobody_answers_have_no_signature() {
    let ubiqu = Ubiqu::new().await;
    let phone = ubiqu.phone().await;
    let asset = ubiqu.identified(&ubiqu.bank, &phone).await;
    let rejected = ubiqu.asked(&ubiqu.bank, "authenticate", &asset).await;
    phone.reject(&rejected).await.unwrap();
    let told = ubiqu.read(&ubiqu.bank, "authenticate", &rejected).await;
    assert_eq!(
        (&told["status_code"], &told["status_text"]),
        (&json!(3), &json!("rejected"))
    );
    assert_eq!(
        (&told["verified"], &told["signature"]),
        (&json!(false), &Value::Null)
    );

    let late = ubiqu.asked(&ubiqu.bank, "authenticate", &asset).await;
    ubiqu.world.pass(5 * 60 - 1).await;
    let told = ubiqu.read(&ubiqu.bank, "authenticate", &late).await;
    assert_eq!(told["status_text"], "created");
    ubiqu.world.pass(1).await;
    let told = ubiqu.read(&ubiqu.bank, "authenticate", &late).await;
    assert_eq!(
        (&told["status_code"], &told["status_text"]),
        (&json!(4), &json!("expired"))
    );
    assert!(phone.approve(&late).await.is_err());
    let told = ubiqu.read(&ubiqu.bank, "authenticate", &late).await;
    assert_eq!(told["signature"], Value::Null);
}

#[tokio::test]
async fn the_worker_does_not_come_before_an_answer_that_was_in_time() {
    let ubiqu = Ubiqu::new().await;
    let phone = ubiqu.phone().await;
    let asset = ubiqu.identified(&ubiqu.bank, &phone).await;
    let uuid = ubiqu.asked(&ubiqu.bank, "authenticate", &asset).await;
    let lapse = async |seconds| {
        let now = ubiqu.world.now().plus(Duration::from_secs(seconds));
        let context = context_at(&env(SANDBOX), now);
        ubiqu.world.engine.lapse(&context).await.unwrap()
    };
    // The answer arrives in its last second, and is written down in the next.
    ubiqu.world.pass(5 * 60 - 1).await;
    assert_eq!(lapse(1).await, 0);
    phone.approve(&uuid).await.unwrap();
    let told = ubiqu.read(&ubiqu.bank, "authenticate", &uuid).await;
    assert_eq!(told["status_text"], "accepted");
    let late = ubiqu.asked(&ubiqu.bank, "authenticate", &asset).await;
    ubiqu.world.pass(5 * 60).await;
    assert_eq!(lapse(24).await, 0);
    assert_eq!(lapse(25).await, 1);
    let told = ubiqu.read(&ubiqu.bank, "authenticate", &late).await;
    assert_eq!(told["status_text"], "expired");
}

#[tokio::test]
async fn who_asks_and_asks_one_phone_is_told_to_wait_a_second() {
    let ubiqu = Ubiqu::new().await;
    let phone = ubiqu.phone().await;
    let asset = ubiqu.identified(&ubiqu.bank, &phone).await;
    let body = json!({ "asset_uuid": asset, "fingerprint": hex(&sha256(DATA.as_bytes())) });
    let wait = async || {
        let body = body.to_string();
        let said = ubiqu
            .ask(&ubiqu.bank, "POST /api/authenticate", &body)
            .await;
        let wait = said.headers.get("retry-after")?.to_str().unwrap();
        Some(wait.to_owned())
    };
    let mut waits = Vec::new();
    for _ in 0..ASKING_RATE.burst {
        waits.push(wait().await);
    }
    // So many wait that it is minutes; and at last it is nobody's turn at all.
    assert!(waits.iter().all(|wait| wait.as_deref() != Some("1")));
    assert_eq!(wait().await.as_deref(), Some("1"));
}

#[tokio::test]
async fn an_identification_is_good_for_ten_minutes_and_once() {
    let ubiqu = Ubiqu::new().await;
    let phone = ubiqu.phone().await;
    let made = ubiqu
        .v1(&ubiqu.bank, "POST /api/identification", "null")
        .await
        .result();
    let (uuid, nonce) = (member(&made, "uuid"), member(&made, "nonce"));
    assert!(member(&made, "appapi").ends_with(&format!("/phone#nonce={nonce}")));
    ubiqu.world.pass(10 * 60).await;
    let not_found = Refusal::from(Denied::NotFound { noun: "nonce" });
    assert_eq!(phone.type_in(&nonce).await, Err(not_found.clone()));
    let line = format!("GET /api/identification/{uuid}");
    let told = ubiqu.v1(&ubiqu.bank, &line, "").await.result();
    assert_eq!(
        (&told["status_code"], &told["status_text"]),
        (&json!(2), &json!("expired"))
    );
    for gone in ["appapi", "qrcode", "asset_uuid"] {
        assert_eq!(told[gone], Value::Null, "{gone}");
    }
    let made = ubiqu
        .ask(&ubiqu.bank, "POST /api/identification", "{}")
        .await
        .result();
    let nonce = member(&made, "nonce");
    phone.type_in(&nonce).await.unwrap();
    assert_eq!(phone.type_in(&nonce).await, Err(not_found));
}

#[tokio::test]
async fn a_phone_has_one_asset_at_a_provider_and_another_one_at_another() {
    let ubiqu = Ubiqu::new().await;
    let (phone, other) = (ubiqu.phone().await, ubiqu.phone().await);
    let first = ubiqu.identified(&ubiqu.bank, &phone).await;
    assert_eq!(ubiqu.identified(&ubiqu.bank, &phone).await, first);
    let at_shop = ubiqu.identified(&ubiqu.shop, &phone).await;
    let of_other = ubiqu.identified(&ubiqu.bank, &other).await;
    assert!(at_shop != first && of_other != first && of_other != at_shop);
}

#[tokio::test]
async fn one_provider_never_sees_anothers_objects() {
    let ubiqu = Ubiqu::new().await;
    let phone = ubiqu.phone().await;
    let asset = ubiqu.identified(&ubiqu.bank, &phone).await;
    let made = ubiqu
        .ask(&ubiqu.bank, "POST /api/identification", "{}")
        .await
        .result();
    let mut objects = vec![
        ("identification", member(&made, "uuid")),
        ("asset", asset.clone()),
        ("serviceprovider", ubiqu.bank.client.to_string()),
    ];
    for noun in ["authenticate", "sign"] {
        objects.push((noun, ubiqu.asked(&ubiqu.bank, noun, &asset).await));
    }
    for (noun, uuid) in &objects {
        ubiqu.read(&ubiqu.bank, noun, uuid).await;
        for line in [
            format!("GET /api/{noun}?uuid={uuid}"),
            format!("GET /api/{noun}/{uuid}"),
        ] {
            let other = ubiqu.ask(&ubiqu.shop, &line, "").await;
            assert_eq!(other.refusal(), (404, "not_found".into()), "{line}");
            let nobodys = ubiqu
                .ask(&ubiqu.shop, &line.replace(uuid, &"0".repeat(32)), "")
                .await;
            assert_eq!(nobodys.body, other.body, "{line}");
            let nobody = ubiqu.say(&line, &[], "").await;
            assert_eq!(nobody.refusal(), (401, "unauthorized".into()), "{line}");
        }
    }
    // An operation is of one type, and has no other.
    let (_, uuid) = objects.pop().unwrap();
    let line = format!("GET /api/authenticate?uuid={uuid}");
    assert_eq!(ubiqu.ask(&ubiqu.bank, &line, "").await.refusal().0, 404);
    let body = json!({ "asset_uuid": asset, "fingerprint": "00".repeat(32) }).to_string();
    let other = ubiqu
        .ask(&ubiqu.shop, "POST /api/authenticate", &body)
        .await;
    assert_eq!(other.refusal(), (400, "no_such".into()));
}

/// An AES-256-CBC key as the vendor's clients encode it.
fn key_der(key: &[u8; 32]) -> Vec<u8> {
    let algorithm = b"\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2a\x05\x00";
    let mut inner = algorithm.to_vec();
    inner.extend([0x04, 32]);
    inner.extend(key);
    let mut der = vec![0x30, u8::try_from(inner.len()).unwrap()];
    der.extend(inner);
    der
}

fn oaep(pem: &str, plain: &[u8]) -> String {
    let key = PublicEncryptingKey::from_der(&der(pem)).unwrap();
    let key = OaepPublicEncryptingKey::new(key).unwrap();
    let mut cipher = vec![0; key.ciphertext_size()];
    let cipher = key.encrypt(&OAEP_SHA1_MGF1SHA1, plain, &mut cipher, None);
    hex(cipher.unwrap())
}

#[tokio::test]
async fn what_is_decrypted_comes_back_under_the_providers_own_key() {
    let ubiqu = Ubiqu::new().await;
    let phone = ubiqu.phone().await;
    let asset = ubiqu.identified(&ubiqu.bank, &phone).await;
    let keys = ubiqu.read(&ubiqu.bank, "asset", &asset).await;
    let pem = member(&keys, "public_key_decrypt");
    let key = [7; 32];
    let body = json!({
        "asset_uuid": asset, "notify": false, "cipher_data": oaep(&pem, b"the vault's code"),
        "cipher_key": oaep(&pem, &key_der(&key)),
    });
    let made = ubiqu
        .ask(&ubiqu.bank, "POST /api/decrypt", &body.to_string())
        .await
        .result();
    let uuid = member(&made, "uuid");
    phone.approve(&uuid).await.unwrap();
    let told = ubiqu.read(&ubiqu.bank, "decrypt", &uuid).await;
    assert_eq!(
        (&told["status_code"], &told["verified"]),
        (&json!(2), &json!(false))
    );
    let answer = data_encoding::HEXLOWER
        .decode(member(&told, "signature").as_bytes())
        .unwrap();
    let (iv, cipher) = answer.split_at(16);
    let iv = FixedLength::from(<[u8; 16]>::try_from(iv).unwrap());
    let key = UnboundCipherKey::new(&AES_256, &key).unwrap();
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).unwrap();
    let mut cipher = cipher.to_vec();
    let plain = key
        .decrypt(&mut cipher, DecryptionContext::Iv128(iv))
        .unwrap();
    assert_eq!(plain, b"the vault's code");

    // Of the form that no keystore has, and of another length: said before anybody is asked.
    for (name, value) in [
        ("oaep", json!("sha256-mgf1-sha1")),
        ("cipher_data", json!("00")),
    ] {
        let mut wrong = body.clone();
        wrong[name] = value;
        let refused = ubiqu
            .ask(&ubiqu.bank, "POST /api/decrypt", &wrong.to_string())
            .await;
        assert_eq!(refused.refusal(), (400, "expected".into()), "{name}");
    }
    // What nobody encrypted for this key fails once it is approved.
    let mut wrong = body.clone();
    wrong["cipher_data"] = json!("00".repeat(256));
    let made = ubiqu
        .ask(&ubiqu.bank, "POST /api/decrypt", &wrong.to_string())
        .await
        .result();
    let uuid = member(&made, "uuid");
    phone.approve(&uuid).await.unwrap();
    let told = ubiqu.read(&ubiqu.bank, "decrypt", &uuid).await;
    assert_eq!(
        (&told["status_code"], &told["status_text"]),
        (&json!(5), &json!("failed"))
    );
    assert_eq!(told["signature"], Value::Null);
}

#[tokio::test]
async fn a_phone_that_wrong_pins_lock_has_locked_assets() {
    let ubiqu = Ubiqu::new().await;
    let phone = ubiqu.phone().await;
    let asset = ubiqu.identified(&ubiqu.bank, &phone).await;
    let uuid = ubiqu.asked(&ubiqu.bank, "authenticate", &asset).await;
    for left in (0..5).rev() {
        let denied = phone.answer(&uuid, true, "999111").await;
        assert_eq!(denied, Err(Denied::WrongPin { tries_left: left }.into()));
    }
    let told = ubiqu.read(&ubiqu.bank, "asset", &asset).await;
    assert_eq!(
        (&told["status_code"], &told["status_text"]),
        (&json!(4), &json!("locked"))
    );
    let body = json!({ "asset_uuid": asset, "fingerprint": "00".repeat(32) }).to_string();
    let refused = ubiqu
        .ask(&ubiqu.bank, "POST /api/authenticate", &body)
        .await;
    assert_eq!(refused.refusal(), (409, "conflict".into()));
}

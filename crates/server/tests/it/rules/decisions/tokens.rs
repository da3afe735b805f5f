//! Access tokens at a gateway: whose signature counts, where, and until when.

use super::{PROFILES, scene};
use crate::rules::world::*;
use countersign_engine::{
    call::{AdminCall, Call},
    denied::{Denied, Reason, Refusal},
    model::{
        client::{ClientKind, Spelling},
        credential::CredentialKind,
    },
    outcome::Outcome,
};
use countersign_jose::{
    Algorithm, RsaBits, Signer, SigningKey, base64url_decode, base64url_encode,
};
use std::time::Duration;

#[tokio::test]
async fn a_good_token_passes_and_a_tampered_one_does_not() {
    let scene = scene().await;
    for profile in PROFILES {
        let token = scene.token(profile).await;
        assert_eq!(
            scene.world.ask(SANDBOX, "/tokens/1", &token).await,
            Ok(()),
            "{profile}"
        );
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let text = String::from_utf8(base64url_decode(claims).unwrap()).unwrap();
        let longer = base64url_encode(text.replace("\"exp\":1", "\"exp\":2").as_bytes());
        let none = base64url_encode(br#"{"alg":"none","typ":"JWT"}"#);
        let mut flipped = base64url_decode(signature).unwrap();
        flipped[17] ^= 1;
        let invalid = |reason| Err(Denied::InvalidToken(reason));
        for (what, forged, expected) in [
            (
                "claims changed",
                format!("{header}.{longer}.{signature}"),
                invalid(Reason::Signature),
            ),
            (
                "signature changed",
                format!("{signed}.{}", base64url_encode(&flipped)),
                invalid(Reason::Signature),
            ),
            (
                "no algorithm",
                format!("{none}.{claims}.{signature}"),
                invalid(Reason::Signature),
            ),
            (
                "no signature",
                format!("{signed}."),
                invalid(Reason::Signature),
            ),
            (
                "a part more",
                format!("{token}.e30"),
                invalid(Reason::Signature),
            ),
            ("a part less", signed.to_owned(), invalid(Reason::Signature)),
        ] {
            assert_eq!(
                scene.world.ask(SANDBOX, "/tokens/1", &forged).await,
                expected,
                "{profile}, {what}"
            );
        }
    }
}

#[tokio::test]
async fn the_header_never_chooses_the_algorithm() {
    let scene = scene().await;
    let token = scene.token("ayyeka").await;
    let claims = token.split('.').nth(1).unwrap();
    let claims = base64url_decode(claims).unwrap();
    let Ok(Outcome::PublicKeys(keys)) = scene
        .world
        .engine
        .handle(
            &scene.world.context(SANDBOX),
            countersign_engine::call::Asked {
                callers: countersign_engine::call::Callers::Anyone,
                presented: countersign_engine::call::Presented::Absent,
                sender: countersign_engine::call::Sender::Machine,
                call: Ok(Call::PublicKeys),
            },
        )
        .await
    else {
        panic!()
    };
    // The published key as an HMAC secret, in every spelling, under our very header and under its own.
    for jwk in &keys.keys {
        for secret in [
            serde_json::to_vec(jwk).unwrap(),
            jwk.n.clone().unwrap_or_default().into_bytes(),
        ] {
            let Ok(key) = SigningKey::from_secret(Algorithm::Hs256, &secret) else {
                continue;
            };
            for header in [
                r#"{"alg":"HS256","typ":"JWT"}"#,
                r#"{"alg":"RS384","typ":"JWT"}"#,
            ] {
                let mut forged = format!(
                    "{}.{}",
                    base64url_encode(header.as_bytes()),
                    base64url_encode(&claims)
                );
                let signature = key.sign(forged.as_bytes()).unwrap();
                forged.push('.');
                forged.push_str(&base64url_encode(&signature));
                assert!(
                    scene
                        .world
                        .ask(SANDBOX, "/tokens/1", &forged)
                        .await
                        .is_err(),
                    "{header}"
                );
            }
        }
    }
    let stranger = SigningKey::generate(Algorithm::Rs384, RsaBits::B3072).unwrap();
    let forged = Signer::new(stranger, r#"{"alg":"RS384","typ":"JWT"}"#)
        .sign(&claims)
        .unwrap();
    let answer = scene.world.ask(SANDBOX, "/tokens/1", &forged).await;
    assert_eq!(answer, Err(Denied::InvalidToken(Reason::Signature)));
}

#[tokio::test]
async fn a_token_ends_at_its_expiry_to_the_second_warm_or_cold() {
    let scene = scene().await;
    let mut tokens = Vec::new();
    for profile in PROFILES {
        tokens.push((
            profile,
            scene.token(profile).await,
            if profile == "standard" { 600 } else { 3600 },
        ));
    }
    let mut passed = 0;
    tokens.sort_by_key(|(_, _, life)| *life);
    for (profile, token, life) in tokens {
        scene.world.pass(life - 1 - passed).await;
        assert_eq!(
            scene.world.ask(SANDBOX, "/tokens/1", &token).await,
            Ok(()),
            "{profile}"
        );
        scene.world.pass(1).await;
        let expired = Err(Denied::InvalidToken(Reason::Expired));
        assert_eq!(
            scene.world.ask(SANDBOX, "/tokens/1", &token).await,
            expired,
            "{profile}"
        );
        passed = life;
    }
}

#[tokio::test]
async fn a_token_of_one_environment_is_refused_in_the_other() {
    let scene = scene().await;
    scene.world.guards(PRODUCTION).await;
    let there = scene
        .world
        .client(PRODUCTION, ClientKind::Backend, Spelling::Ayyeka)
        .await;
    let there = scene
        .world
        .credential(PRODUCTION, &there, CredentialKind::ClientSecret)
        .await;
    // Both environments have keys of both profiles.
    for profile in PROFILES {
        let own = scene
            .world
            .token(PRODUCTION, &there, profile)
            .await
            .unwrap();
        assert_eq!(
            scene
                .world
                .ask(PRODUCTION, "/tokens/1", own.token.expose())
                .await,
            Ok(())
        );
        let token = scene.token(profile).await;
        assert!(matches!(
            scene.world.ask(PRODUCTION, "/tokens/1", &token).await,
            Err(Denied::InvalidToken(Reason::Unknown | Reason::Signature))
        ));
    }
}

#[tokio::test]
async fn keys_rotate_with_overlap_and_no_valid_token_is_lost() {
    let scene = scene().await;
    let old = scene.token("standard").await;
    let rotate = |force| AdminCall::RotateKeys {
        environment: env(SANDBOX),
        key_set: "standard".into(),
        overlap: Some(Duration::from_secs(60)),
        force,
    };
    let hasty = scene.world.admin(rotate(false)).await.unwrap_err();
    assert!(
        matches!(hasty, Refusal::Denied(Denied::Conflict(why)) if why.contains("six minutes")),
        "nobody who keeps the key set knows the next key: {hasty:?}"
    );
    scene.world.admin(rotate(true)).await.unwrap();
    let new = scene.token("standard").await;
    assert_ne!(
        old.split('.').next(),
        new.split('.').next(),
        "another key, another kid"
    );
    for token in [&old, &new] {
        assert_eq!(scene.world.ask(SANDBOX, "/tokens/1", token).await, Ok(()));
    }
    scene.world.pass(59).await;
    assert_eq!(scene.world.ask(SANDBOX, "/tokens/1", &old).await, Ok(()));
    scene.world.pass(1).await;
    assert!(
        scene.world.ask(SANDBOX, "/tokens/1", &old).await.is_err(),
        "its key has ended"
    );
    assert_eq!(scene.world.ask(SANDBOX, "/tokens/1", &new).await, Ok(()));
}

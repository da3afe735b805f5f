//! The client credentials grant, what it mints, and every rule on every way to authenticate for it.

use super::world::*;
use countersign_engine::{
    call::{
        AdminCall, Asked, Call, Callers, Lifecycle, New, NewCredential, NewHolder, Presented,
        Shown, Target,
    },
    denied::{Denied, Reason, Refusal},
    id::{ClientId, CredentialId, OrganizationId},
    model::{
        client::{ClientKind, Spelling},
        credential::CredentialKind,
    },
    outcome::Outcome,
    secret::Secret,
};
use countersign_jose::{Algorithm, RsaBits, Signer, SigningKey, base64url_decode};
use serde_json::{Value, json};
use std::time::Duration;

fn parts(token: &Secret<String>) -> (String, Value, Vec<u8>) {
    let parts: Vec<_> = token
        .expose()
        .split('.')
        .map(|part| base64url_decode(part).unwrap())
        .collect();
    let header = String::from_utf8(parts[0].clone()).unwrap();
    (
        header,
        serde_json::from_slice(&parts[1]).unwrap(),
        parts[2].clone(),
    )
}

#[tokio::test]
async fn an_ayyeka_token_is_spelled_as_its_document_prints() {
    let world = World::new().await;
    let client = world
        .client(SANDBOX, ClientKind::Backend, Spelling::Ayyeka)
        .await;
    let kept = world
        .credential(SANDBOX, &client, CredentialKind::ClientSecret)
        .await;
    assert!(
        client.as_str().len() == 32
            && client
                .as_str()
                .bytes()
                .all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
    );
    assert!(kept.secret.expose().len() == 44 && kept.secret.expose().ends_with('='));
    let issued = world.token(SANDBOX, &kept, "ayyeka").await.unwrap();
    assert_eq!(
        (issued.token_type.as_str(), issued.expires_in_s),
        ("JWT", 3600)
    );
    let (header, claims, signature) = parts(&issued.token);
    assert_eq!(header, r#"{"alg":"RS384","typ":"JWT"}"#);
    assert_eq!(signature.len(), 384);
    let now = world.now().seconds();
    let Outcome::Row(view) = world
        .admin(AdminCall::Show(Target::Client(env(SANDBOX), client)))
        .await
        .unwrap()
    else {
        panic!()
    };
    let number = view.stored.client().unwrap().number;
    let sub = format!("6237:{number}");
    assert_eq!(
        claims,
        json!({"aud": "2091", "exp": now + 3600, "iat": now, "iss": "Cloud", "sub": sub})
    );
    let text = String::from_utf8(
        base64url_decode(issued.token.expose().split('.').nth(1).unwrap()).unwrap(),
    )
    .unwrap();
    assert_eq!(
        text,
        format!(
            r#"{{"aud":"2091","exp":{},"iat":{now},"iss":"Cloud","sub":"{sub}"}}"#,
            now + 3600
        )
    );
}

#[tokio::test]
async fn a_standard_token_has_every_claim_of_rfc_9068() {
    let world = World::new().await;
    let client = world.backend().await;
    let kept = world
        .credential(SANDBOX, &client, CredentialKind::ClientSecret)
        .await;
    let issued = world.token(SANDBOX, &kept, "standard").await.unwrap();
    let (header, claims, _) = parts(&issued.token);
    let header: Value = serde_json::from_str(&header).unwrap();
    assert_eq!(
        (&header["alg"], &header["typ"]),
        (&json!("RS256"), &json!("at+jwt"))
    );
    assert!(header["kid"].is_string());
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["aud"], ISSUER);
    assert_eq!(claims["sub"], format!("client:{client}"));
    assert_eq!(claims["client_id"], client.as_str());
    assert_eq!(claims["scope"], "read write");
    assert_eq!(
        claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
        600
    );
    let second = world.token(SANDBOX, &kept, "standard").await.unwrap();
    assert_ne!(claims["jti"], parts(&second.token).1["jti"]);
}

async fn grant(
    world: &World,
    kept: &Kept,
    scope: Option<&str>,
    resources: &[&str],
) -> Result<Outcome, Refusal> {
    let call = Call::ClientCredentials {
        profile: "standard",
        scopes: scope.map(scopes),
        resources: resources.iter().map(|&resource| resource.into()).collect(),
    };
    world.as_client(SANDBOX, kept, call).await
}

#[tokio::test]
async fn a_client_gets_no_more_than_it_and_its_credential_may_have() {
    let world = World::new().await;
    let client = world.backend().await;
    let lifecycle = Lifecycle {
        scopes: Some(scopes("read")),
        ..Lifecycle::default()
    };
    let kept = world
        .credential_with(SANDBOX, &client, CredentialKind::ClientSecret, lifecycle)
        .await;
    for (scope, resources, expected) in [
        (None, vec![], Ok("read")),
        (Some("read"), vec![], Ok("read")),
        (Some("read"), vec!["https://api.example.com"], Ok("read")),
        (
            Some("read"),
            vec![ISSUER, "https://api.example.com"],
            Ok("read"),
        ),
        (Some("write"), vec![], Err(Denied::InvalidScope)),
        (Some("read admin"), vec![], Err(Denied::InvalidScope)),
        (
            None,
            vec!["https://other.example.com"],
            Err(Denied::InvalidTarget),
        ),
        (
            None,
            vec!["https://api.example.com/"],
            Err(Denied::InvalidTarget),
        ),
    ] {
        let answer = match grant(&world, &kept, scope, &resources).await {
            Ok(Outcome::Token(issued)) => Ok(issued.scopes.to_string()),
            Err(Refusal::Denied(denied)) => Err(denied),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            answer,
            expected.map(str::to_owned),
            "{scope:?} {resources:?}"
        );
    }
    let frontend = world
        .client(SANDBOX, ClientKind::Frontend, Spelling::Countersign)
        .await;
    let kept = world
        .credential(SANDBOX, &frontend, CredentialKind::ClientSecret)
        .await;
    let refusal = grant(&world, &kept, None, &[]).await.unwrap_err();
    assert_eq!(refusal, Refusal::Denied(Denied::UnauthorizedClient));
}

struct Partner {
    client: ClientId,
    signer: SigningKey,
}

/// A client that signs with its own key.
async fn partner(world: &World) -> Partner {
    let client = world.backend().await;
    let (signer, _) = register_key(world, &client, None).await;
    Partner { client, signer }
}

/// One more key of a client, under this `kid`; and our id for it.
async fn register_key(
    world: &World,
    client: &ClientId,
    kid: Option<&str>,
) -> (SigningKey, CredentialId) {
    let signer = SigningKey::generate(Algorithm::Es256, RsaBits::B2048).unwrap();
    let mut jwk = signer.verifying_key().unwrap().to_jwk().unwrap();
    jwk.kid = kid.map(str::to_owned);
    let new = NewCredential {
        environment: env(SANDBOX),
        holder: NewHolder::Client(client.clone()),
        kind: CredentialKind::PublicKey,
        key: Some((Algorithm::Es256, Some(jwk))),
        lifecycle: Lifecycle::default(),
    };
    let (stored, _) = world.create(New::Credential(new)).await.unwrap();
    (signer, stored.credential().unwrap().id.clone())
}

async fn assert_with(
    world: &World,
    assertion: String,
    client_id: Option<&str>,
) -> Result<(), Denied> {
    let shown = Shown::ClientAssertion {
        client_id: client_id.map(str::to_owned),
        assertion: Secret::new(assertion),
    };
    let call = Call::ClientCredentials {
        profile: "standard",
        scopes: None,
        resources: vec![],
    };
    let asked = Asked {
        callers: Callers::Client,
        presented: Presented::Present(shown),
        sender: countersign_engine::call::Sender::Machine,
        call: Ok(call),
    };
    match world.engine.handle(&world.context(SANDBOX), asked).await {
        Ok(_) => Ok(()),
        Err(Refusal::Denied(denied)) => Err(denied),
        Err(fault) => panic!("{fault}"),
    }
}

fn claims(world: &World, client: &ClientId, jti: &str) -> Value {
    let now = world.now().seconds();
    json!({"iss": client, "sub": client, "aud": ISSUER, "iat": now, "exp": now + 60, "jti": jti})
}

fn signed(key: &SigningKey, claims: &Value) -> String {
    signed_as(key, None, claims)
}

fn signed_as(key: &SigningKey, kid: Option<&str>, claims: &Value) -> String {
    let mut header = json!({ "alg": key.algorithm().name() });
    if let Some(kid) = kid {
        header["kid"] = json!(kid);
    }
    Signer::new(key.clone(), &header.to_string())
        .sign(claims.to_string().as_bytes())
        .unwrap()
}

#[tokio::test]
async fn an_assertion_is_accepted_once_also_when_fifty_come_at_once() {
    let world = std::sync::Arc::new(World::new().await);
    let partner = partner(&world).await;
    let assertion = signed(&partner.signer, &claims(&world, &partner.client, "once"));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (world, assertion) = (world.clone(), assertion.clone());
        tasks.spawn(async move { assert_with(&world, assertion, None).await });
    }
    let answers = tasks.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    let spent = Err(Denied::InvalidClient(Reason::Spent));
    assert!(
        answers
            .iter()
            .filter(|answer| answer.is_err())
            .all(|answer| *answer == spent)
    );
}

#[tokio::test]
async fn every_wrong_assertion_is_refused_for_its_own_reason() {
    let world = World::new().await;
    let Partner { client, signer } = partner(&world).await;
    let stranger = SigningKey::generate(Algorithm::Es256, RsaBits::B2048).unwrap();
    let other = partner(&world).await;
    let good = claims(&world, &client, "good");
    let with = |member: &str, value: Value| {
        let mut changed = good.clone();
        changed[member] = value;
        signed(&signer, &changed)
    };
    let without = |member: &str| {
        let mut changed = good.clone();
        changed.as_object_mut().unwrap().remove(member);
        signed(&signer, &changed)
    };
    let now = world.now().seconds();
    let jwk = signer.verifying_key().unwrap().to_jwk().unwrap();
    let keyed = SigningKey::from_secret(
        Algorithm::Hs256,
        serde_json::to_string(&jwk).unwrap().as_bytes(),
    )
    .unwrap();
    let cases = [
        (
            "signed by a stranger",
            signed(&stranger, &good),
            Reason::Signature,
        ),
        (
            "signed by another client",
            signed(&other.signer, &good),
            Reason::Signature,
        ),
        (
            "the public key as an HMAC secret",
            signed(&keyed, &good),
            Reason::Signature,
        ),
        (
            "for the token endpoint",
            with("aud", json!(format!("{ISSUER}/oauth2/token"))),
            Reason::Mismatch,
        ),
        (
            "for us and another",
            with("aud", json!([ISSUER, "https://other"])),
            Reason::Mismatch,
        ),
        (
            "with a slash",
            with("aud", json!(format!("{ISSUER}/"))),
            Reason::Mismatch,
        ),
        (
            "another subject",
            with("sub", json!("someone")),
            Reason::Mismatch,
        ),
        ("expired now", with("exp", json!(now)), Reason::Expired),
        (
            "an expiry in text",
            with("exp", json!("9999999999")),
            Reason::Claims,
        ),
        ("no expiry", without("exp"), Reason::Claims),
        (
            "too long a life",
            with("exp", json!(now + 3600)),
            Reason::Claims,
        ),
        (
            "from the future",
            with("iat", json!(now + 120)),
            Reason::Claims,
        ),
        ("not yet", with("nbf", json!(now + 120)), Reason::NotYet),
        ("without a name", without("jti"), Reason::Claims),
        ("without an audience", without("aud"), Reason::Claims),
    ];
    for (what, assertion, reason) in cases {
        let answer = assert_with(&world, assertion, None)
            .await
            .map_err(|denied| match denied {
                Denied::InvalidClient(reason) => reason,
                other => panic!("{what}: {other:?}"),
            });
        let expected = if what == "without an audience" {
            [Reason::Claims, Reason::Mismatch].to_vec()
        } else {
            vec![reason]
        };
        assert!(
            answer.is_err_and(|answer| expected.contains(&answer)),
            "{what}: {answer:?}"
        );
    }
    let mismatch = assert_with(&world, signed(&signer, &good), Some("someone-else")).await;
    assert_eq!(mismatch, Err(Denied::InvalidClient(Reason::Mismatch)));
    assert_eq!(
        assert_with(&world, signed(&signer, &good), Some(client.as_str())).await,
        Ok(())
    );
}

#[tokio::test]
async fn an_assertion_was_tried_with_every_key_of_its_client() {
    let world = World::new().await;
    let Partner {
        client,
        signer: first,
    } = partner(&world).await;
    let mut later = Vec::new();
    for kid in ["second", "third"] {
        world.pass(1).await;
        later.push(register_key(&world, &client, Some(kid)).await);
    }
    let [(second, second_id), (third, third_id)] = later.as_slice() else {
        panic!()
    };
    let refused = Err(Denied::InvalidClient(Reason::Signature));
    for (what, key, kid, expected) in [
        ("the newest", third, None, Ok(())),
        ("the one before it", second, None, Ok(())),
        ("a third, unnamed", &first, None, refused.clone()),
        ("a name of nobody", second, Some("nobody"), Ok(())),
        (
            "a third by nobody's name",
            &first,
            Some("nobody"),
            refused.clone(),
        ),
        ("its own name", third, Some("third"), Ok(())),
        ("our id for it", second, Some(second_id.as_str()), Ok(())),
        ("another's name", third, Some("second"), refused.clone()),
        (
            "another's id",
            second,
            Some(third_id.as_str()),
            refused.clone(),
        ),
    ] {
        let assertion = signed_as(key, kid, &claims(&world, &client, what));
        assert_eq!(
            assert_with(&world, assertion, None).await,
            expected,
            "{what}"
        );
    }
    // A key that is announced takes no place from those in use.
    let announced = Lifecycle {
        not_before: Some(Some(world.now().plus(Duration::from_secs(60)))),
        ..Lifecycle::default()
    };
    super::lifecycle::change(&world, third_id, announced).await;
    let assertion = signed(&first, &claims(&world, &client, "in use again"));
    assert_eq!(assert_with(&world, assertion, None).await, Ok(()));
}

#[tokio::test]
async fn a_disabled_organization_gets_no_token_by_any_way_to_authenticate() {
    let world = World::new().await;
    let partner = partner(&world).await;
    let kept = world
        .credential(SANDBOX, &partner.client, CredentialKind::ClientSecret)
        .await;
    let acme = OrganizationId::parse("acme").unwrap();
    let change = countersign_engine::call::OrganizationChange {
        state: Some(countersign_engine::model::State::Disabled),
        ..Default::default()
    };
    let change = countersign_engine::call::Amend::Organization(acme.clone(), change);
    super::lifecycle::amend(&world, Target::Organization(acme), change).await;
    let refusal = Err(Denied::InvalidClient(Reason::Disabled));
    let assertion = signed(&partner.signer, &claims(&world, &partner.client, "one"));
    assert_eq!(assert_with(&world, assertion, None).await, refusal);
    let by_secret = world.token(SANDBOX, &kept, "standard").await.map(|_| ());
    assert_eq!(by_secret, refusal.map_err(Refusal::Denied));
}

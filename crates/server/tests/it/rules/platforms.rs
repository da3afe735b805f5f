//! Platforms: their codes, and the keys that they sign with.

use super::world::*;
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{KeyPair, RSA_PKCS1_SHA512, RsaKeyPair},
};
use countersign_engine::{
    call::{
        AdminCall, Amend, ClientChange, Lifecycle, New, NewClient, NewCredential, NewHolder,
        PlatformChange,
    },
    denied::{Denied, Refusal},
    id::{ClientId, OrganizationId},
    model::{
        client::{ClientKind, Platform, Spelling},
        credential::{CredentialKind, Material},
        scopes::Scopes,
    },
    outcome::Outcome,
    row::Stored,
    secret::Secret,
};
use countersign_jose::{Algorithm, Jwk, VerifyingKey};
use std::sync::Arc;

async fn platform(world: &World, code: &str, algorithm: Algorithm) -> Result<Arc<Stored>, Refusal> {
    let new = NewClient {
        environment: env(SANDBOX),
        id: None,
        organization: OrganizationId::parse("acme").unwrap(),
        display_name: "A partner".into(),
        kind: ClientKind::Platform,
        spelling: Spelling::Bitcanuck,
        scopes: Scopes::default(),
        resources: vec![],
        serves: vec![],
        platform: Some(Platform {
            code: code.into(),
            algorithm,
            single_use: false,
            enrols: false,
            token_lifetime_max_s: 3600,
        }),
        sign_in: None,
        number: None,
        maker_number: None,
    };
    world
        .create(New::Client(new))
        .await
        .map(|(stored, _)| stored)
}

fn id_of(stored: &Stored) -> ClientId {
    stored.client().unwrap().id.clone()
}

async fn key(
    world: &World,
    client: &ClientId,
    kind: CredentialKind,
    key: Option<(Algorithm, Option<Jwk>)>,
) -> Result<(Material, Option<Secret<String>>), Refusal> {
    let new = NewCredential {
        environment: env(SANDBOX),
        holder: NewHolder::Client(client.clone()),
        kind,
        key,
        lifecycle: Lifecycle::default(),
    };
    let (stored, secret) = world.create(New::Credential(new)).await?;
    Ok((stored.credential().unwrap().material.clone(), secret))
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "a library that is not ours signs"
)]
async fn a_platforms_pair_is_made_here_and_its_private_half_told_once_as_pkcs1() {
    let world = World::new().await;
    let client = id_of(&platform(&world, "", Algorithm::Rs512).await.unwrap());
    let (material, secret) = key(&world, &client, CredentialKind::PublicKey, None)
        .await
        .unwrap();
    let Material::PublicKey(Algorithm::Rs512, jwk) = material else {
        panic!("{material:?}");
    };
    let secret = secret.unwrap();
    let lines: Vec<&str> = secret.expose().lines().collect();
    assert_eq!(lines.first(), Some(&"-----BEGIN RSA PRIVATE KEY-----"));
    assert_eq!(lines.last(), Some(&"-----END RSA PRIVATE KEY-----"));
    assert!(lines.iter().all(|line| line.len() <= 64));
    let body = lines[1..lines.len() - 1].concat();
    let der = data_encoding::BASE64.decode(body.as_bytes()).unwrap();
    let pair = RsaKeyPair::from_der(&der).unwrap();
    assert_eq!(pair.public_modulus_len(), 256);
    let mut signature = vec![0; 256];
    pair.sign(
        &RSA_PKCS1_SHA512,
        &SystemRandom::new(),
        b"hello",
        &mut signature,
    )
    .unwrap();
    assert!(!pair.public_key().as_ref().is_empty());
    let public = VerifyingKey::from_jwk(Algorithm::Rs512, &jwk).unwrap();
    public.verify(b"hello", &signature).unwrap();
    // Another time it is another pair.
    let (other, _) = key(&world, &client, CredentialKind::PublicKey, None)
        .await
        .unwrap();
    assert_ne!(other, Material::PublicKey(Algorithm::Rs512, jwk));
}

#[tokio::test]
async fn a_platform_signs_with_its_one_algorithm() {
    let world = World::new().await;
    let rsa = id_of(&platform(&world, "rsa-1", Algorithm::Rs512).await.unwrap());
    let hmac = id_of(&platform(&world, "hmac-1", Algorithm::Hs384).await.unwrap());
    let (secret, public) = (CredentialKind::SigningSecret, CredentialKind::PublicKey);
    let ask = |client: &ClientId, kind, algorithm: Option<Algorithm>| {
        let client = client.clone();
        let world = &world;
        async move {
            let asked = algorithm.map(|algorithm| (algorithm, None));
            match key(world, &client, kind, asked).await {
                Ok((material, _)) => Ok(match material {
                    Material::PublicKey(algorithm, _) | Material::Shared(algorithm, _) => algorithm,
                    Material::DigestOnly => panic!("a key without an algorithm"),
                }),
                Err(Refusal::Denied(Denied::Invalid(problems))) => Err(problems[0].field.clone()),
                Err(other) => panic!("{other}"),
            }
        }
    };
    let algorithm = || Err("algorithm".to_owned());
    for (what, client, kind, asked, expected) in [
        (
            "its own",
            &rsa,
            public,
            Some(Algorithm::Rs512),
            Ok(Algorithm::Rs512),
        ),
        ("none said", &hmac, secret, None, Ok(Algorithm::Hs384)),
        ("weaker", &rsa, public, Some(Algorithm::Rs256), algorithm()),
        (
            "symmetric",
            &rsa,
            secret,
            Some(Algorithm::Hs256),
            algorithm(),
        ),
        ("a secret for RSA", &rsa, secret, None, algorithm()),
        (
            "another secret",
            &hmac,
            secret,
            Some(Algorithm::Hs512),
            algorithm(),
        ),
        (
            "a pair for HMAC",
            &hmac,
            public,
            None,
            Err("jwk".to_owned()),
        ),
    ] {
        assert_eq!(ask(client, kind, asked).await, expected, "{what}");
    }
    let backend = world
        .client(SANDBOX, ClientKind::Backend, Spelling::Countersign)
        .await;
    assert_eq!(
        ask(&backend, public, Some(Algorithm::Rs256)).await,
        Ok(Algorithm::Rs256)
    );
    assert_eq!(ask(&backend, public, None).await, Err("jwk".to_owned()));
    assert_eq!(
        ask(&backend, public, Some(Algorithm::Es256)).await,
        Err("jwk".to_owned())
    );
}

#[tokio::test]
async fn a_code_is_unique_stays_and_is_made_up_where_none_is_said() {
    let world = World::new().await;
    let stored = platform(&world, "partner-1", Algorithm::Rs512)
        .await
        .unwrap();
    let taken = platform(&world, "partner-1", Algorithm::Rs512)
        .await
        .unwrap_err();
    assert!(
        matches!(taken, Refusal::Denied(Denied::Conflict(_))),
        "{taken}"
    );
    let made_up = |stored: &Stored| stored.client().unwrap().platform.clone().unwrap().code;
    let one = made_up(&platform(&world, "", Algorithm::Rs512).await.unwrap());
    let two = made_up(&platform(&world, "", Algorithm::Rs512).await.unwrap());
    assert_eq!(one.len(), 12);
    assert_ne!(one, two);
    let amend = |change: PlatformChange, version| {
        let change = ClientChange {
            platform: Some(change),
            ..ClientChange::default()
        };
        world.admin(AdminCall::Amend {
            change: Amend::Client(env(SANDBOX), id_of(&stored), change),
            if_version: Some(version),
        })
    };
    let other = PlatformChange {
        code: Some("partner-2".into()),
        ..PlatformChange::default()
    };
    assert!(amend(other, 1).await.is_err());
    let change = PlatformChange {
        code: Some("partner-1".into()),
        enrols: Some(true),
        ..PlatformChange::default()
    };
    let Ok(Outcome::Row(view)) = amend(change, 1).await else {
        panic!()
    };
    let platform = view.stored.client().unwrap().platform.clone().unwrap();
    assert_eq!(
        (
            platform.code.as_str(),
            platform.enrols,
            platform.token_lifetime_max_s
        ),
        ("partner-1", true, 3600)
    );
}

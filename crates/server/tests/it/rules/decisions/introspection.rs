//! What a client learns about a token.

use super::scene;
use crate::rules::world::*;
use countersign_engine::{
    call::{Call, Target},
    outcome::Outcome,
    secret::Secret,
};

#[tokio::test]
async fn introspection_says_nothing_of_what_is_not_for_the_caller() {
    let scene = scene().await;
    let token = scene.token("standard").await;
    let introspect = |kept: &Kept, token: &str| {
        let call = Call::Introspect {
            token: Secret::new(token.into()),
        };
        let (world, kept) = (&scene.world, kept.clone());
        async move {
            match world.as_client(SANDBOX, &kept, call).await.unwrap() {
                Outcome::Introspection(seen) => seen,
                other => panic!("{other:?}"),
            }
        }
    };
    let seen = introspect(&scene.secret, &token).await.unwrap();
    assert_eq!(seen.client_id.as_ref(), Some(&scene.secret.client));
    assert_eq!(
        (seen.scopes.to_string().as_str(), seen.token_type.as_str()),
        ("read write", "Bearer")
    );
    assert!(
        introspect(&scene.ayyeka, &token).await.is_none(),
        "another client's token"
    );
    for nothing in ["", "x", "a.b.c", scene.key.secret.expose()] {
        assert!(
            introspect(&scene.secret, nothing).await.is_none(),
            "{nothing}"
        );
    }
    // A resource that a client may ask tokens for is not a resource that it serves.
    let call = Call::ClientCredentials {
        profile: "standard",
        scopes: None,
        resources: vec!["https://api.example.com".into()],
    };
    let Ok(Outcome::Token(meant)) = scene.world.as_client(SANDBOX, &scene.secret, call).await
    else {
        panic!("no token");
    };
    let meant = meant.token.expose().clone();
    assert!(
        introspect(&scene.ayyeka, &meant).await.is_none(),
        "it only asks for the same"
    );
    let change = countersign_engine::call::ClientChange {
        serves: Some(vec!["https://api.example.com".into()]),
        ..Default::default()
    };
    let server = scene.ayyeka.client.clone();
    let change = countersign_engine::call::Amend::Client(env(SANDBOX), server.clone(), change);
    crate::rules::lifecycle::amend(&scene.world, Target::Client(env(SANDBOX), server), change)
        .await;
    assert!(
        introspect(&scene.ayyeka, &meant).await.is_some(),
        "it serves what the token is for"
    );
    assert!(
        introspect(&scene.ayyeka, &token).await.is_none(),
        "not what this one is for"
    );
    scene.world.pass(600).await;
    assert!(introspect(&scene.secret, &token).await.is_none(), "expired");
}

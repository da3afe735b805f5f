//! Service providers that register themselves.

use super::*;
use countersign_engine::{
    call::NewProvider,
    denied::Reason,
    id::CredentialId,
    model::{
        credential::Credential,
        guard::{Accept, Guard},
        provider_object::{ProviderFacts, ProviderState},
    },
    sessions::SessionCall,
};

fn new() -> NewProvider {
    NewProvider {
        name: "Example Shop".into(),
        url: None,
        callback_url: Some("https://shop.example.com/callback".into()),
        notification_url: Some("https://shop.example.com/notification".into()),
    }
}

async fn register(world: &World) -> Result<(ProviderFacts, Secret<String>), Denied> {
    let asked = Asked {
        callers: Callers::Anyone,
        presented: Presented::Absent,
        sender: Sender::Machine,
        call: Ok(Call::Provider(ProviderCall::Register(new()))),
    };
    let answer = world.engine.handle(&world.context(SANDBOX), asked).await;
    match denied(answer)? {
        Outcome::Provider(ProviderOutcome {
            object: ProviderObject::Provider(facts),
            api_key: Some(key),
        }) => Ok((*facts, key)),
        other => panic!("{other:?}"),
    }
}

async fn shown(
    world: &World,
    key: &Secret<String>,
    id: &ClientId,
) -> Result<ProviderFacts, Denied> {
    let call = ProviderCall::ShowProvider(id.clone());
    match provider_asks(world, key, call).await?.object {
        ProviderObject::Provider(facts) => Ok(*facts),
        other => panic!("{other:?}"),
    }
}

async fn keys(world: &World, id: &ClientId) -> Vec<Credential> {
    use countersign_engine::model::credential::Holder;
    let query = Query::Credentials(env(SANDBOX), Some(Holder::Client(acme(), id.clone())));
    let page = world.store.list(&query, None, 10).await.unwrap();
    let keys = page
        .rows
        .iter()
        .map(|row| row.credential().unwrap().clone());
    keys.collect()
}

async fn let_keys_pass(world: &World) {
    let guard = Guard {
        name: "keys".into(),
        hosts: vec![],
        paths: vec!["/keys/*".into()],
        methods: vec![],
        accept: vec![Accept::ApiKey],
        profiles: vec![],
        audiences: vec![],
        scopes: scopes(""),
        origins: vec![],
        rate_limit: None,
        dialect: None,
        secrets_from_browsers: false,
        assertion: false,
        approval: None,
    };
    world.set_guards(SANDBOX, vec![guard]).await.unwrap();
}

#[tokio::test]
async fn a_provider_is_confirmed_by_whoever_types_its_nonce_in() {
    let world = world().await;
    let phone = enrolled(&world).await;
    let (facts, key) = register(&world).await.unwrap();
    assert_eq!(facts.state, ProviderState::Created);
    assert_eq!(facts.id.as_str().len(), 32);
    assert_eq!(key.expose().len(), 32);
    let nonce = facts.nonce.clone().unwrap();
    let same = shown(&world, &key, &facts.id).await.unwrap();
    assert_eq!(same.nonce.as_ref(), Some(&nonce));
    // Until then it may look at itself, and nothing else.
    let refused = identify(&world, &key).await;
    assert_eq!(refused.unwrap_err(), Denied::Forbidden(Reason::NotYet));
    let_keys_pass(&world).await;
    let refused = world.ask(SANDBOX, "/keys/1", key.expose()).await;
    assert_eq!(refused.unwrap_err(), Denied::InvalidToken(Reason::NotYet));
    let typed = type_in(&world, &phone, &nonce).await.unwrap();
    assert_eq!(
        (typed.purpose, typed.shown_by.as_str()),
        ("registration", "Example Shop")
    );
    let after = shown(&world, &key, &facts.id).await.unwrap();
    assert_eq!((after.state, after.nonce), (ProviderState::Activated, None));
    assert_eq!(after.admin_asset, Some(typed.asset.clone()));
    assert_eq!(keys(&world, &facts.id).await[0].expires_at, None);
    // It hears of itself at both its addresses, and of nothing that was before.
    let told = told(&world).await;
    for word in ["callback", "notification"] {
        for what in ["provider Activated", "asset Active"] {
            let expected = format!("{word} {what}");
            assert_eq!(
                told.iter().filter(|it| **it == expected).count(),
                1,
                "{expected}"
            );
        }
    }
    assert_eq!(told.len(), 4);
    // The key outlives the nonce, and the same phone is the same asset.
    world.pass(3000).await;
    let nonce = identify(&world, &key).await.unwrap().nonce;
    assert_eq!(
        type_in(&world, &phone, &nonce).await.unwrap().asset,
        typed.asset
    );
    world.ask(SANDBOX, "/keys/1", key.expose()).await.unwrap();
}

#[tokio::test]
async fn a_registration_that_nobody_confirms_leaves_nothing() {
    let world = world().await;
    let phone = enrolled(&world).await;
    let (facts, key) = register(&world).await.unwrap();
    let id: CredentialId = keys(&world, &facts.id).await[0].id.clone();
    world.pass(600).await;
    let refused = shown(&world, &key, &facts.id).await;
    assert_eq!(refused.unwrap_err(), Denied::InvalidToken(Reason::Expired));
    let refused = type_in(&world, &phone, facts.nonce.as_ref().unwrap()).await;
    assert_eq!(refused.unwrap_err(), Denied::NotFound { noun: "nonce" });
    world.pass(25).await;
    let lapsed = world.engine.lapse(&world.context(SANDBOX)).await.unwrap();
    assert_eq!(lapsed, 1);
    assert!(
        row(&world, Key::Client(env(SANDBOX), facts.id.clone()))
            .await
            .is_none()
    );
    assert!(keys(&world, &facts.id).await.is_empty(), "{id}");
    assert!(told(&world).await.is_empty());
    let refused = shown(&world, &key, &facts.id).await;
    assert_eq!(refused.unwrap_err(), Denied::InvalidToken(Reason::Unknown));
}

#[tokio::test]
async fn only_so_many_register_from_one_network_and_only_where_it_is_on() {
    let world = world().await;
    for _ in 0..5 {
        register(&world).await.unwrap();
    }
    let refused = register(&world).await.unwrap_err();
    assert!(matches!(refused, Denied::TooManyRequests { .. }));
    world.pass(30).await;
    register(&world).await.unwrap();
    amend(
        &world,
        EnvironmentChange {
            provider_registrations: Some(None),
            ..EnvironmentChange::default()
        },
    )
    .await;
    let refused = register(&world).await.unwrap_err();
    assert_eq!(refused, Denied::NotFound { noun: "route" });
}

#[tokio::test]
async fn a_provider_sees_no_other_and_is_no_server_of_its_organization() {
    let world = world().await;
    let (bank, shop) = (provider(&world).await, provider(&world).await);
    let own = shown(&world, &bank.secret, &bank.client).await.unwrap();
    assert_eq!(own.state, ProviderState::Activated);
    let other = shown(&world, &bank.secret, &shop.client).await;
    assert_eq!(
        other.unwrap_err(),
        Denied::NotFound {
            noun: "serviceprovider"
        }
    );
    let ask = async |key: &Kept, call: Call| {
        let asked = Asked {
            callers: Callers::ApiKey,
            presented: Presented::Present(Shown::Bearer(key.secret.clone())),
            sender: Sender::Machine,
            call: Ok(call),
        };
        denied(world.engine.handle(&world.context(SANDBOX), asked).await)
    };
    let refused = ask(&bank, Call::Session(SessionCall::ShowKey)).await;
    assert_eq!(refused.unwrap_err(), Denied::Forbidden(Reason::Kind));
    // And the other way round.
    let backend = world.backend().await;
    let backend = world
        .credential(SANDBOX, &backend, CredentialKind::ApiKey)
        .await;
    ask(&backend, Call::Session(SessionCall::ShowKey))
        .await
        .unwrap();
    let refused = identify(&world, &backend.secret).await;
    assert_eq!(refused.unwrap_err(), Denied::Forbidden(Reason::Kind));
}

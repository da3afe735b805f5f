//! Nonces that service providers show, and the assets that they lead to.

use super::*;
use countersign_engine::{denied::Reason, model::asset::AssetState};

#[tokio::test]
async fn the_same_phone_is_the_same_asset_at_one_provider_and_another_at_another() {
    let world = world().await;
    let phone = enrolled(&world).await;
    let (bank, shop) = (provider(&world).await, provider(&world).await);
    let mut assets = Vec::new();
    for key in [&bank, &bank, &shop] {
        let shown = identify(&world, &key.secret).await.unwrap();
        assert_eq!(
            (shown.state, shown.asset),
            (IdentificationState::Created, None)
        );
        assert_eq!(shown.nonce.len(), 9);
        let link = format!("https://phone.example.com/phone#nonce={}", shown.nonce);
        assert_eq!(shown.link, Some(link));
        let typed = type_in(&world, &phone, &shown.nonce).await.unwrap();
        assert_eq!(
            (typed.purpose, typed.shown_by.as_str()),
            ("provider", "A client")
        );
        let known = identification(&world, &key.secret, &shown.id)
            .await
            .unwrap();
        assert_eq!(known.state, IdentificationState::Consumed);
        assert_eq!(
            (known.asset.as_ref(), known.link),
            (Some(&typed.asset), None)
        );
        assets.push(typed.asset);
    }
    assert_eq!(assets[0], assets[1]);
    assert_ne!(assets[0], assets[2]);
    let facts = itself(&world, &phone).await.unwrap();
    assert_eq!(facts.assets.len(), 2);
    let show = |id: &AssetId| ProviderCall::ShowAsset(id.clone());
    let own = provider_asks(&world, &bank.secret, show(&assets[0]))
        .await
        .unwrap();
    let ProviderObject::Asset(own) = own.object else {
        panic!("{own:?}")
    };
    assert_eq!(own.state, AssetState::Active);
    let keys = [
        &own.public_key_sign,
        &own.public_key_decrypt,
        &own.public_key_authenticate,
    ];
    assert!(
        keys.iter()
            .all(|pem| pem.starts_with("-----BEGIN PUBLIC KEY-----\n"))
    );
    assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[2] != keys[0]);
    // Another provider's are not there.
    let other = provider_asks(&world, &shop.secret, show(&assets[0])).await;
    assert_eq!(other.unwrap_err(), Denied::NotFound { noun: "asset" });
}

#[tokio::test]
async fn another_providers_identification_is_not_there() {
    let world = world().await;
    let (bank, shop) = (provider(&world).await, provider(&world).await);
    let shown = identify(&world, &bank.secret).await.unwrap();
    let other = identification(&world, &shop.secret, &shown.id).await;
    assert_eq!(
        other.unwrap_err(),
        Denied::NotFound {
            noun: "identification"
        }
    );
}

#[tokio::test]
async fn a_nonce_that_is_over_or_used_is_as_unknown_as_any_other() {
    let world = world().await;
    let (phone, bank) = (enrolled(&world).await, provider(&world).await);
    let used = identify(&world, &bank.secret).await.unwrap().nonce;
    type_in(&world, &phone, &used).await.unwrap();
    let over = identify(&world, &bank.secret).await.unwrap();
    let mut unknown = ["000000000", "999999999"].into_iter();
    let unknown = unknown.find(|text| ![&used, &over.nonce].contains(&&text.to_string()));
    world.pass(600).await;
    for nonce in [used.as_str(), &over.nonce, unknown.unwrap()] {
        let refused = type_in(&world, &phone, nonce).await;
        assert_eq!(refused.unwrap_err(), Denied::NotFound { noun: "nonce" });
    }
    let over = identification(&world, &bank.secret, &over.id)
        .await
        .unwrap();
    assert_eq!(over.state, IdentificationState::Expired);
}

#[tokio::test]
async fn a_nonce_is_nine_digits_and_nothing_else() {
    let world = world().await;
    let phone = enrolled(&world).await;
    for text in [
        "",
        "12345678",
        "1234567890",
        "12345678a",
        "123 456 7",
        "+12345678",
    ] {
        let refused = type_in(&world, &phone, text).await.unwrap_err();
        assert!(matches!(refused, Denied::Invalid(_)), "{text}: {refused:?}");
    }
}

#[tokio::test]
async fn guesses_run_out_and_right_ones_are_none() {
    let world = world().await;
    let (phone, bank) = (enrolled(&world).await, provider(&world).await);
    for _ in 0..12 {
        let nonce = identify(&world, &bank.secret).await.unwrap().nonce;
        type_in(&world, &phone, &nonce).await.unwrap();
    }
    let good = identify(&world, &bank.secret).await.unwrap().nonce;
    let wrong = |n: u32| format!("{:09}", (good.parse::<u32>().unwrap() + n) % 1_000_000_000);
    for n in 1..=10 {
        let refused = type_in(&world, &phone, &wrong(n)).await;
        assert_eq!(refused.unwrap_err(), Denied::NotFound { noun: "nonce" });
    }
    // Whether the next one is right is not told either.
    for nonce in [&wrong(11), &good] {
        let refused = type_in(&world, &phone, nonce).await.unwrap_err();
        assert!(matches!(refused, Denied::TooManyRequests { .. }));
    }
    world.pass(10).await;
    type_in(&world, &phone, &good).await.unwrap();
}

#[tokio::test]
async fn a_nonce_typed_into_two_phones_at_once_is_consumed_by_one() {
    let world = world().await;
    let bank = provider(&world).await;
    let (first, second) = (enrolled(&world).await, enrolled(&world).await);
    let shown = identify(&world, &bank.secret).await.unwrap();
    let (one, other) = tokio::join!(
        type_in(&world, &first, &shown.nonce),
        type_in(&world, &second, &shown.nonce)
    );
    let (won, lost) = match (one, other) {
        (Ok(won), Err(lost)) | (Err(lost), Ok(won)) => (won, lost),
        both => panic!("{both:?}"),
    };
    assert_eq!(lost, Denied::NotFound { noun: "nonce" });
    let known = identification(&world, &bank.secret, &shown.id)
        .await
        .unwrap();
    assert_eq!(known.asset, Some(won.asset));
}

#[tokio::test]
async fn a_disabled_provider_shows_nothing_and_its_nonces_are_over() {
    let world = world().await;
    let (phone, bank) = (enrolled(&world).await, provider(&world).await);
    let shown = identify(&world, &bank.secret).await.unwrap();
    let key = Key::Client(env(SANDBOX), bank.client.clone());
    let version = row(&world, key).await.unwrap().version;
    let change = countersign_engine::call::ClientChange {
        state: Some(countersign_engine::model::State::Disabled),
        ..Default::default()
    };
    let amend = AdminCall::Amend {
        change: Amend::Client(env(SANDBOX), bank.client.clone(), change),
        if_version: Some(version),
    };
    world.admin(amend).await.unwrap();
    let refused = type_in(&world, &phone, &shown.nonce).await;
    assert_eq!(refused.unwrap_err(), Denied::NotFound { noun: "nonce" });
    let refused = identify(&world, &bank.secret).await;
    assert_eq!(refused.unwrap_err(), Denied::InvalidToken(Reason::Disabled));
}

#[tokio::test]
async fn polls_of_one_object_are_limited() {
    let world = world().await;
    let bank = provider(&world).await;
    let shown = identify(&world, &bank.secret).await.unwrap();
    let other = identify(&world, &bank.secret).await.unwrap();
    for _ in 0..60 {
        identification(&world, &bank.secret, &shown.id)
            .await
            .unwrap();
    }
    let refused = identification(&world, &bank.secret, &shown.id).await;
    assert!(matches!(refused, Err(Denied::TooManyRequests { .. })));
    identification(&world, &bank.secret, &other.id)
        .await
        .unwrap();
}

#[tokio::test]
async fn what_lapses_is_noted_and_told_once() {
    let world = world().await;
    let bank = provider(&world).await;
    set_callback(&world, &bank.client).await;
    let shown = identify(&world, &bank.secret).await.unwrap();
    let lapse = async || world.engine.lapse(&world.context(SANDBOX)).await.unwrap();
    assert_eq!(lapse().await, 0);
    world.pass(600).await;
    assert_eq!(lapse().await, 0, "somebody may have typed it in just now");
    world.pass(25).await;
    assert_eq!(lapse().await, 1);
    assert_eq!(lapse().await, 0);
    assert_eq!(told(&world).await, ["callback identification Expired"]);
    use countersign_engine::model::name::NameSpace;
    let name = Key::Name(env(SANDBOX), NameSpace::Nonce, shown.nonce.clone());
    assert!(row(&world, name).await.is_none());
    let known = row(&world, Key::Identification(env(SANDBOX), shown.id)).await;
    let known = known.unwrap();
    let state = known.identification().unwrap().state;
    assert_eq!(state, IdentificationState::Expired);
}

#[tokio::test]
async fn no_audit_line_tells_a_nonce() {
    let world = world().await;
    let (phone, bank) = (enrolled(&world).await, provider(&world).await);
    let shown = identify(&world, &bank.secret).await.unwrap();
    type_in(&world, &phone, &shown.nonce).await.unwrap();
    let lines = audit(&world).await;
    let has = |action: &str| lines.iter().any(|line| line.action == action);
    assert!(has("device.enrol") && has("identification.create") && has("identification.consume"));
    for line in &lines {
        assert!(!format!("{line:?}").contains(&shown.nonce), "{line:?}");
    }
}

//! What operators do about devices, and who hears of it.

use super::*;
use countersign_engine::{
    commit::{Change, Commit},
    denied::Reason,
    model::{asset::AssetState, audit::AuditEvent, device::Device, held_key::HeldPrivate},
    sealed::Sealed,
};

async fn put(world: &World, device: Device, if_version: u64) {
    let row = Row::Device(Box::new(device));
    let commit = Commit {
        at: world.now(),
        changes: vec![Change::Replace { row, if_version }],
        audit: AuditEvent {
            at: world.now(),
            environment: env(SANDBOX),
            organization: None,
            actor: "test".into(),
            action: "test".into(),
            target: "-".into(),
            outcome: "ok".into(),
            request_id: world.context(SANDBOX).request_id,
            peer: None,
            count: 1,
        },
    };
    world.store.commit(commit).await.unwrap();
}

/// A phone with an asset at a bank that hears of it.
async fn at_a_bank(world: &World) -> (Phone, Kept, AssetId) {
    let (phone, bank) = (enrolled(world).await, provider(world).await);
    set_callback(world, &bank.client).await;
    let shown = identify(world, &bank.secret).await.unwrap();
    let typed = type_in(world, &phone, &shown.nonce).await.unwrap();
    (phone, bank, typed.asset)
}

async fn state_of(world: &World, asset: &AssetId) -> AssetState {
    let stored = row(world, Key::Asset(env(SANDBOX), asset.clone())).await;
    stored.unwrap().asset().unwrap().state
}

#[tokio::test]
async fn a_locked_phone_reads_and_types_nothing_in_until_it_is_unlocked() {
    let world = world().await;
    let (phone, bank, asset) = at_a_bank(&world).await;
    let (mut device, version) = device_row(&world, &phone).await.unwrap();
    device.locked_at = Some(world.now());
    device.wrong_pins = 5;
    put(&world, device, version).await;
    assert!(
        itself(&world, &phone)
            .await
            .unwrap()
            .device
            .locked_at
            .is_some()
    );
    let nonce = identify(&world, &bank.secret).await.unwrap().nonce;
    let refused = type_in(&world, &phone, &nonce).await;
    assert_eq!(refused.unwrap_err(), Denied::Forbidden(Reason::Locked));
    let unlock = || ApprovalAdmin::UnlockDevice(env(SANDBOX), phone.id());
    let Outcome::Approval(ApprovalOutcome::Device(facts)) = admin(&world, unlock()).await.unwrap()
    else {
        panic!("no device")
    };
    assert_eq!((facts.device.locked_at, facts.device.wrong_pins), (None, 0));
    assert_eq!(state_of(&world, &asset).await, AssetState::Active);
    type_in(&world, &phone, &nonce).await.unwrap();
    // Nothing to unlock changes nothing.
    let (_, version) = device_row(&world, &phone).await.unwrap();
    admin(&world, unlock()).await.unwrap();
    assert_eq!(device_row(&world, &phone).await.unwrap().1, version);
}

#[tokio::test]
async fn a_removed_phone_is_nobody_and_its_keys_are_gone() {
    let world = world().await;
    let (phone, bank, asset) = at_a_bank(&world).await;
    let before = told(&world).await;
    assert_eq!(
        before,
        ["callback asset Active", "callback identification Consumed"]
    );
    let remove = || ApprovalAdmin::RemoveDevice(env(SANDBOX), phone.id());
    assert!(matches!(admin(&world, remove()).await, Ok(Outcome::Done)));
    let again = admin(&world, remove()).await;
    assert_eq!(again.unwrap_err(), Denied::NotFound { noun: "device" });
    let refused = itself(&world, &phone).await;
    assert_eq!(refused.unwrap_err(), Denied::InvalidToken(Reason::Unknown));
    let stored = row(&world, Key::Asset(env(SANDBOX), asset.clone()))
        .await
        .unwrap();
    let stored = stored.asset().unwrap();
    assert_eq!(stored.state, AssetState::Destroyed);
    for key in [&stored.sign, &stored.decrypt, &stored.authenticate] {
        assert_eq!(key.private, HeldPrivate::Sealed(Sealed::default()));
    }
    assert_eq!(told(&world).await[2..], ["callback asset Destroyed"]);
    // Its provider is still told what became of it.
    let shown = provider_asks(&world, &bank.secret, ProviderCall::ShowAsset(asset)).await;
    let ProviderObject::Asset(shown) = shown.unwrap().object else {
        panic!("no asset")
    };
    assert_eq!(shown.state, AssetState::Destroyed);
    let lines = audit(&world).await;
    let removed = lines
        .iter()
        .find(|line| line.action == "device.remove")
        .unwrap();
    assert_eq!(removed.actor, "operator:root");
    assert_eq!(removed.target, format!("device:{}", phone.id()));
    // The phone may begin anew, with nothing.
    world.pass(1).await;
    let facts = enrol(&world, &phone, PIN).await.unwrap();
    assert!(facts.assets.is_empty());
}

#[tokio::test]
async fn devices_are_listed_and_shown() {
    let world = world().await;
    let (phone, other) = (enrolled(&world).await, enrolled(&world).await);
    let list = ApprovalAdmin::Devices {
        environment: env(SANDBOX),
        after: None,
        limit: 50,
    };
    let Outcome::Rows(listed) = admin(&world, list).await.unwrap() else {
        panic!("no rows")
    };
    let mut ids: Vec<_> = listed
        .rows
        .iter()
        .map(|row| row.stored.device().unwrap().id.clone())
        .collect();
    let mut expected = [phone.id(), other.id()];
    ids.sort();
    expected.sort();
    assert_eq!(ids, expected);
    let show = ApprovalAdmin::ShowDevice(env(PRODUCTION), phone.id());
    let elsewhere = admin(&world, show).await;
    assert_eq!(elsewhere.unwrap_err(), Denied::NotFound { noun: "device" });
}

#[tokio::test]
async fn the_secret_of_callbacks_is_told_once() {
    let world = world().await;
    let bank = provider(&world).await;
    let secret = set_callback(&world, &bank.client).await.unwrap();
    assert!(secret.expose().starts_with("whsec_"));
    assert!(set_callback(&world, &bank.client).await.is_none());
    let key = Key::Client(env(SANDBOX), bank.client.clone());
    let client = row(&world, key).await.unwrap().client().unwrap().clone();
    let kept = world
        .engine
        .callback_secret(&client, world.now())
        .await
        .unwrap();
    assert_eq!(kept.unwrap().expose(), secret.expose());
    let backend = world.backend().await;
    let call = |provider: ClientId, url: &str| ApprovalAdmin::Callbacks {
        environment: env(SANDBOX),
        provider,
        callback_url: Some(url.into()),
        notification_url: None,
        idempotency: None,
    };
    let refused = admin(&world, call(backend, "https://a.example/")).await;
    assert!(matches!(refused, Err(Denied::Conflict(_))));
    let refused = admin(&world, call(bank.client, "http://a.example/")).await;
    assert!(matches!(refused, Err(Denied::Invalid(_))));
}
